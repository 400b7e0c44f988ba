"""DNA language models.

Digests are those of the files that hold the weights at the pinned revision, as others have
published them; where none is known the field is left empty.
"""

from __future__ import annotations

from dataclasses import replace

from extractors.model import ModelRecord
from extractors.zoo.dna_checks import CHECKS

DNA_COLUMNS = ("dna_window", "dna_sequence", "dna", "sequence")


def _dnabert(k: int, parameters: int, revision: str, weights: str) -> ModelRecord:
    return ModelRecord(
        name=f"dnabert-{k}mer",
        modality="dna",
        encoder="extractors.encoders.dnabert:DnaBert",
        summary=f"DNABERT of the human genome, overlapping {k}-mers",
        reads=DNA_COLUMNS,
        dim=768,
        parameters=parameters,
        max_tokens=512,
        licence="Apache-2.0",
        citation="10.1093/bioinformatics/btab083",
        hub_id=f"zhihan1996/DNA_bert_{k}",
        revision=revision,
        weights=(weights,),
        aliases=("dnabert",) if k == 6 else (),  # noqa: PLR2004  what the authors recommend
    )


_DNABERT = (
    _dnabert(
        3,
        85_503_744,
        "6531a531c2fba495bc9bf4ec6518f99ed0032fb1",
        "8b20083ff1a993e022a89c09c2f7047102472fe5232c3815ee50b0b0359032ba",
    ),
    _dnabert(
        4,
        85_651_200,
        "1a4946417c1e08e588616bf9c8f999a543bb2c8b",
        "c2914d5fe6ab35d7981d92f4eb9382e87d7caf20d0573651cdf82d5b0daf2d00",
    ),
    _dnabert(
        5,
        86_241_024,
        "4c35c45a815a80e02fd44b9dcd69d32bcef90d5e",
        "232c27b78c04f9770973a018ad753d9ad182947b6b6194c4844da80e60f39de1",
    ),
    _dnabert(
        6,
        88_600_320,
        "c56e67ea5827e0ddc67ef059addcf71569b1216e",
        "e1688c3a3f881daff02a42b487e04612c4ec9ef33f1f02fa5f4e67d7b9865ca9",
    ),
)

_MOSAIC = (
    ModelRecord(
        name="dnabert-2",
        modality="dna",
        encoder="extractors.encoders.mosaic_bert:MosaicBert",
        summary="DNABERT-2 of 135 genomes, byte pairs; its authors use --pooling mean-special",
        reads=DNA_COLUMNS,
        dim=768,
        parameters=116_477_952,
        # Slopes on distance set no limit: this is the size of the table upstream starts with.
        max_tokens=512,
        licence="Apache-2.0",
        citation="arXiv:2306.15006",
        hub_id="zhihan1996/DNABERT-2-117M",
        # The revision whose values are known. Revision a3d38b3f… has the same as safetensors.
        revision="7bce263b15377fc15361f52cfab88f8b586abda0",
        weights=("7ff39ec77a484dd01070a41bfd6e95cdd7247bec80fe357ab43a4be33687aeba",),
    ),
    ModelRecord(
        name="dnabert-s",
        modality="dna",
        encoder="extractors.encoders.mosaic_bert:MosaicBert",
        summary="DNABERT-S tells species apart; its authors use --pooling mean-special",
        reads=DNA_COLUMNS,
        dim=768,
        parameters=116_477_952,
        max_tokens=2000,  # where its tokenizer cuts; slopes on distance set no limit
        licence="see Hub page",
        citation="arXiv:2402.08777",
        hub_id="zhihan1996/DNABERT-S",
        revision="00e47f96cdea35e4b6f5df89e5419cbe47d490c6",
        weights=("f3cfc3d0541859df64759e758cc4bc40fe1d5760799a7d098a9f9f09501c1e5f",),
    ),
)


def _nt(  # noqa: PLR0917  a table reads better without the names
    short: str,
    hub: str,
    what: str,
    dim: int,
    parameters: int,
    revision: str | None,
    weights: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> ModelRecord:
    second = short.startswith("v2")
    return ModelRecord(
        name=f"nt-{short}",
        modality="dna",
        encoder="extractors.encoders.nucleotide_transformer:NucleotideTransformer",
        summary=f"Nucleotide Transformer {what}, 6-mers; its authors use --pooling mean-special",
        reads=DNA_COLUMNS,
        dim=dim,
        parameters=parameters,
        max_tokens=2048 if second else 1000,
        licence="CC-BY-NC-SA-4.0",
        citation="10.1038/s41592-024-02523-z",
        hub_id=f"InstaDeepAI/nucleotide-transformer-{hub}",
        revision=revision,
        weights=weights,
        aliases=(f"nucleotide-transformer-{hub}", *also),
    )


_NT_V1 = (
    _nt(
        "500m-human-ref",
        "500m-human-ref",
        "500M of the human reference genome",
        1280,
        478_798_080,
        "f87b5d7233295242e79c951873d290f4cf992045",  # named by one source alone
    ),
    # No revision and no digest is known of the two models of the 1000 Genomes Project; that their
    # sizes are those of the other two is likely, and their configuration decides.
    _nt("500m-1000g", "500m-1000g", "500M of 3,202 human genomes", 1280, 478_798_080, None),
    _nt("2.5b-1000g", "2.5b-1000g", "2.5B of 3,202 human genomes", 2560, 2_530_726_400, None),
    _nt(
        "2.5b-multi-species",
        "2.5b-multi-species",
        "2.5B of 850 species",
        2560,
        2_530_726_400,
        "b746b125aacd1b0970c05a32fd71ba726754542e",
        (
            "9333a3ceaf85e027547e73068476ecb79b1ac4e5bae91abcdae7f7f7619d7092",
            "d599e301221170496d93158cf46f8e5872621f31fc16e570bc947b27f9917979",
        ),
    ),
)

_NT_V2 = (
    _nt(
        "v2-50m",
        "v2-50m-multi-species",
        "v2 50M of 850 species",
        512,
        52_484_608,
        "81b29e5786726d891dbf929404ef20adca5b36f1",
        ("17e75af297556ea56828716d8aa539e8f12b8b625547204b74171ab91aa33569",),
    ),
    _nt(
        "v2-100m",
        "v2-100m-multi-species",
        "v2 100M of 850 species",
        512,
        94_468_608,
        "f34324c6fde36a4f635f0f1f06cac5d25acd6798",
        ("60d5fe10281f7bf0436e990a55a3cf635eeabaf63b0e3ca4dc73838264d329b8",),
    ),
    _nt(
        "v2-250m",
        "v2-250m-multi-species",
        "v2 250M of 850 species",
        768,
        229_795_584,
        "c0f0359229f36ff6bc3a021247eefe0a9c344bd1",
        ("ad9be6f4ca8c744dde5794a0cdc443eb2d76d776d9da2377f6d9fe4f4d96fcd9",),
    ),
    _nt(
        "v2-500m",
        "v2-500m-multi-species",
        "v2 500M of 850 species",
        1024,
        # With 16 heads and 4,096 inner units, as the published total has it; the file decides.
        490_984_448,
        "06615c1660c892fc199840c18123f8385b3542a8",
        also=("nucleotide-transformer", "nt", "nt-v2"),
    ),
)


def _gena(
    hub: str,
    what: str,
    revision: str,
    weights: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> ModelRecord:
    return ModelRecord(
        name=f"gena-lm-{hub}",
        modality="dna",
        encoder="extractors.encoders.gena:Gena",
        summary=f"GENA-LM BERT base of {what}, byte pairs; standardise its large components",
        reads=DNA_COLUMNS,
        dim=768,
        parameters=110_026_752,
        max_tokens=512,
        licence="MIT",
        citation="10.1093/nar/gkae1310",
        hub_id=f"AIRI-Institute/gena-lm-{hub}",
        revision=revision,
        weights=weights,
        aliases=also,
    )


_GENA = (
    _gena(
        "bert-base",
        "the human genome",
        "416f055300346a5830ca49438daf5f4e136ed9a8",
        ("4310578f475a716f6343c7da90fba6230f2c917e80444726a481a611c1faf054",),
        also=("gena-lm",),
    ),
    _gena("bert-base-t2t", "human T2T genomes", "4f1352bd4e820f1dba341047f54ad7795e083bf2"),
    _gena(
        "bert-base-t2t-multi",
        "human T2T and other genomes",
        "4633e5a1ada905bb7afee6877d71cc12578a95a5",
        ("2f2400ba33d01df2bd58be5f8556f5b09bb69b70edb6f82eec31dc2247d90c1c",),
    ),
)


def _hyena(  # noqa: PLR0917  a table reads better without the names
    size: str,
    dim: int,
    parameters: int,
    longest: int,
    revision: str,
    weights: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> ModelRecord:
    return ModelRecord(
        name=f"hyenadna-{size}",
        modality="dna",
        encoder="extractors.encoders.hyenadna:HyenaDna",
        summary=f"HyenaDNA {size} of the human genome, single bases, long rows in one piece",
        reads=DNA_COLUMNS,
        dim=dim,
        parameters=parameters,
        max_tokens=longest,
        licence="see Hub page",  # BSD-3-Clause or Apache-2.0, depending on where one reads
        citation="arXiv:2306.15794",
        hub_id=f"LongSafari/hyenadna-{size}-seqlen-hf",
        revision=revision,
        weights=weights,
        aliases=also,
    )


_HYENADNA = (
    _hyena(
        "tiny-1k",
        128,
        436_096,
        1026,
        "e8c1effa8673814e257e627d2e1eda9ea5a373f6",
        ("5ce2146c21e9c4baa6bddc4998fd3d029903ae84a563bf80218644082194a12d",),
    ),
    _hyena(
        "small-32k",
        256,
        3_277_568,
        32_770,
        "8fe770c78eb13fe33bf81501612faeddf4d6f331",
        ("b7a1c9479248edf27691b189bb6657256f1705e560cadc64d6431633932cafa1",),
    ),
    _hyena(
        "medium-160k",
        256,
        6_550_528,
        160_002,
        "7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce",
        ("16685b36caf5d144da391f1b540ed47e89d79b3efd38899325492f174b8e852a",),
        also=("hyenadna",),
    ),
    _hyena("medium-450k", 256, 6_550_528, 450_002, "42dedd4d374eac0fb8168549e546a3472fbd27ae"),
    _hyena(
        "large-1m",
        256,
        6_550_528,
        1_000_002,
        "0a629abf9c7f85b4ec9aa6a1aefa3adcf1907446",
        ("deafb53209bfafb314d14bd81108546a34d473c07ed7ab7a355674376b56ad12",),
    ),
)

RECORDS = tuple(
    replace(record, checks=CHECKS.get(record.name, ()))
    for record in _DNABERT + _MOSAIC + _NT_V1 + _NT_V2 + _GENA + _HYENADNA
)
