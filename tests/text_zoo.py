"""A small random checkpoint of every registered text encoder, in its upstream's file layout."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    MistralConfig,
    MistralModel,
    MPNetConfig,
    MPNetModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from zoo_harness import randomise

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "gene kinase zinc finger protein encodes a the receptor nuclear passage :".split()
ROWS = {
    "one": "gene",
    "two": "the protein kinase encodes a receptor",
    "three": "zinc finger nuclear protein , the gene",
    "four": "a receptor a kinase a gene the nuclear receptor encodes the zinc finger protein",
    "five": "gene gene gene gene gene gene gene",
}
BERT: dict[str, Any] = {
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-12,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "torch_dtype": "float32",
}
DECODER: dict[str, Any] = {
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
PARTS = ("Transformer", "Pooling", "Normalize")
MODES = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")


@dataclass(frozen=True)
class Saved:
    """What was saved: enough to compute a row's vector by transformers alone."""

    model: torch.nn.Module
    tokenizer: Any
    pooling: str
    normalise: bool
    prompt: str = ""
    end: tuple[int, ...] = ()
    causal: bool | None = None
    config: Any = None


def save_text(folder: Path, name: str) -> Saved:
    """Save the checkpoint of a registered text encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = _save(folder, name)
    # Once more, now that config.json is there too: it decides which class reads the files.
    return replace(saved, tokenizer=AutoTokenizer.from_pretrained(folder))


def _save(folder: Path, name: str) -> Saved:
    if name in {"biomedbert", "medcpt-article"}:
        return _bare_bert(folder, name)
    if name.startswith(("gte-qwen2", "e5-mistral", "qwen3")):
        return _decoder(folder, name)
    mode = "cls" if name.startswith("bge") else "mean"
    normalise = name not in {"biolord-2023", "pubmedbert-embeddings"}
    prompt = "passage: " if "e5" in name else ""
    if name in {"mpnet", "biolord-2023"}:
        config, model, tokenizer = _mpnet(folder)
    elif name in {"multilingual-e5-base", "multilingual-e5-large"}:
        config, model, tokenizer = _xlm_roberta(folder)
    else:
        config, model, tokenizer = _bert(folder)
    _write_config(folder, config)
    if name == "pubmedbert-embeddings":
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    else:
        _write_weights(folder, model)
    _write_modules(folder, mode, width=32, normalise=normalise)
    return Saved(model, tokenizer, mode, normalise, prompt, config=config)


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def _write_weights(folder: Path, model: torch.nn.Module) -> None:
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if isinstance(model, (BertModel, XLMRobertaModel)):
        # Files of the time hold this buffer as well.
        state["embeddings.position_ids"] = torch.arange(40)[None]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def _write_modules(folder: Path, mode: str, *, width: int, normalise: bool) -> None:
    """Write what sentence-transformers 2 wrote: 2_Normalize is named and has no folder."""
    modules = [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{part}" if number else "",
            "type": f"sentence_transformers.models.{part}",
        }
        for number, part in enumerate(PARTS[: 2 + normalise])
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    pooling = {"word_embedding_dimension": width} | {
        f"pooling_mode_{part}": part.startswith(mode) for part in (*MODES, "lasttoken")
    }
    pooling["pooling_mode_mean_sqrt_len_tokens"] = False
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    own = {"max_seq_length": 24, "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(own))
    versions = {"__version__": {"sentence_transformers": "2.0.0", "pytorch": "1.8.1"}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(versions))


def _word_pieces(folder: Path, special: list[str], begin: str, end: str, name: str) -> Any:
    """Save a WordPiece vocabulary as upstream does, and return transformers' tokenizer of it."""
    (folder / "vocab.txt").write_text("\n".join([*special, *WORDS, ",", "##s"]) + "\n")
    settings = {"tokenizer_class": name, "do_lower_case": True, "model_max_length": 40}
    if begin != "[CLS]":
        settings |= {"cls_token": begin, "bos_token": begin, "sep_token": end, "eos_token": end}
        settings |= {"pad_token": "<pad>", "mask_token": "<mask>", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return AutoTokenizer.from_pretrained(folder)


def _bert(folder: Path) -> tuple[dict[str, Any], torch.nn.Module, Any]:
    tokenizer = _word_pieces(
        folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], "[CLS]", "[SEP]", "BertTokenizer"
    )
    config = BERT | {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "max_position_embeddings": 40,
        "pad_token_id": 0,
        "vocab_size": len(tokenizer),
    }
    return config, randomise(BertModel(BertConfig(**config), add_pooling_layer=True)), tokenizer


def _mpnet(folder: Path) -> tuple[dict[str, Any], torch.nn.Module, Any]:
    tokenizer = _word_pieces(
        folder, ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], "<s>", "</s>", "MPNetTokenizer"
    )
    config = BERT | {
        "architectures": ["MPNetModel"],
        "model_type": "mpnet",
        "max_position_embeddings": 42,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "relative_attention_num_buckets": 32,
        "vocab_size": len(tokenizer),
    }
    return config, randomise(MPNetModel(MPNetConfig(**config))), tokenizer


def _xlm_roberta(folder: Path) -> tuple[dict[str, Any], torch.nn.Module, Any]:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [f"▁{word}" for word in WORDS] + [":", ",", "▁", *"abcdefghijklmnopqrstuvwxyz"]
    scores = [(piece, 0.0) for piece in special]
    scores += [(piece, -float(number + 1)) for number, piece in enumerate(pieces)]
    inner = Tokenizer(models.Unigram([*scores, ("<mask>", 0.0)], unk_id=3))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    inner.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "XLMRobertaTokenizer",
        "model_max_length": 40,
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
        "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    config = BERT | {
        "architectures": ["XLMRobertaModel"],
        "model_type": "xlm-roberta",
        "max_position_embeddings": 42,
        "layer_norm_eps": 1e-5,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "vocab_size": len(scores) + 1,
    }
    model = randomise(XLMRobertaModel(XLMRobertaConfig(**config)))
    return config, model, AutoTokenizer.from_pretrained(folder)


def _bare_bert(folder: Path, name: str) -> Saved:
    """BiomedBERT: a masked language model's .bin, vocab.txt alone. MedCPT: a plain BertModel."""
    model: Any
    config, model, tokenizer = _bert(folder)
    if name == "biomedbert":
        config["architectures"] = ["BertForMaskedLM"]
        whole = randomise(BertForMaskedLM(BertConfig(**config)))
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
        torch.save(whole.state_dict(), folder / "pytorch_model.bin")
        model = whole.bert
    else:
        _write_weights(folder, model)
    _write_config(folder, config)
    pooling = "own mean" if name == "biomedbert" else "cls"
    return Saved(model, tokenizer, pooling, normalise=False, config=config)


def _byte_pairs(folder: Path, end: str, *, adds_end: bool) -> Any:
    """Save a byte-level tokenizer as Qwen's: its end token only where upstream's adds it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    merges = [("e", "n"), ("g", "en"), ("gen", "e"), ("Ġ", "t")]
    for pair in merges:
        vocabulary["".join(pair)] = len(vocabulary)
    inner = Tokenizer(models.BPE(vocabulary, merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    if adds_end:
        number = inner.token_to_id("<|endoftext|>")
        inner.post_processor = processors.TemplateProcessing(
            single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", number)]
        )
    inner.save(str(folder / "tokenizer.json"))
    settings: dict[str, Any] = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": end,
        "pad_token": "<|endoftext|>",
        "model_max_length": 32768,
        "padding_side": "left",
    }
    if not adds_end:
        names = ["tokenization_qwen.Qwen2Tokenizer", "tokenization_qwen.Qwen2TokenizerFast"]
        settings |= {"add_eos_token": True, "auto_map": {"AutoTokenizer": names}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return AutoTokenizer.from_pretrained(folder)


def _llama_tokenizer(folder: Path) -> Any:
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for piece in ["▁", *(f"▁{word}" for word in WORDS), *"abcdefghijklmnopqrstuvwxyz:,"]:
        vocabulary.setdefault(piece, len(vocabulary))
    inner = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", ignore_merges=True))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    inner.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>",
        "padding_side": "left",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return AutoTokenizer.from_pretrained(folder)


def _decoder(folder: Path, name: str) -> Saved:
    width = 32
    causal: bool | None = None
    model: Any
    if name.startswith("gte-qwen2"):
        tokenizer = _byte_pairs(folder, "<|endoftext|>", adds_end=False)
        causal = name.endswith("1.5b")
        config = DECODER | {
            "architectures": ["Qwen2ForCausalLM"],
            "auto_map": {
                "AutoModel": "modeling_qwen.Qwen2Model",
                "AutoModelForCausalLM": "modeling_qwen.Qwen2ForCausalLM",
            },
            "is_causal": False,
            "model_type": "qwen2",
            "rope_theta": 1000000.0,
            "sliding_window": 131072,
            "use_sliding_window": False,
            "max_window_layers": 2,
        }
    elif name.startswith("e5-mistral"):
        tokenizer = _llama_tokenizer(folder)
        config = DECODER | {
            "architectures": ["MistralModel"],
            "model_type": "mistral",
            "rope_theta": 10000.0,
            "sliding_window": 64,
        }
    else:
        # Its tokenizer's eos_token is another one than what its post-processor adds.
        tokenizer = _byte_pairs(folder, "<|im_end|>", adds_end=True)
        config = DECODER | {
            "architectures": ["Qwen3ForCausalLM"],
            "attention_bias": False,
            "head_dim": 16,
            "model_type": "qwen3",
            "rope_scaling": None,
            "rope_theta": 1000000,
            "sliding_window": None,
            "use_sliding_window": False,
        }
    end = 2 if name.startswith("e5") else tokenizer.convert_tokens_to_ids("<|endoftext|>")
    config |= {"vocab_size": len(tokenizer), "eos_token_id": end, "bos_token_id": 1}
    if name.startswith("gte-qwen2"):
        plain = {key: value for key, value in config.items() if key != "is_causal"}
        whole = randomise(Qwen2ForCausalLM(Qwen2Config(**plain)))
        _write_shards(folder, whole.state_dict())
        model = whole.model
        width = 48 if name.endswith("7b") else 32  # upstream's 7B states 4096, it is 3584
    elif name.startswith("e5"):
        model = randomise(MistralModel(MistralConfig(**config)))
        _write_shards(folder, model.state_dict())
    else:
        model = randomise(Qwen3Model(Qwen3Config(**config)))
        _write_weights(folder, model)
    _write_config(folder, config)
    _write_modules(folder, "lasttoken", width=width, normalise=True)
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4096}))
    ends = () if name.startswith("qwen3") else (end,)
    return Saved(model, tokenizer, "lasttoken", True, end=ends, causal=causal, config=config)


def _write_shards(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """Save two safetensors files and their index, as upstream's 7B models have."""
    names = list(state)
    half = len(names) // 2
    index: dict[str, str] = {}
    for number, some in enumerate((names[:half], names[half:]), 1):
        file = f"model-{number:05d}-of-00002.safetensors"
        part = {name: state[name].contiguous() for name in some}
        save_file(part, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(some, file)
    text = json.dumps({"metadata": {"total_size": 0}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)


def vector(saved: Saved, text: str) -> torch.Tensor:
    """Return a text's vector by transformers alone, one row, nothing packed or padded."""
    ids = [*saved.tokenizer(saved.prompt + text)["input_ids"], *saved.end]
    mask = None
    if saved.causal is False:
        # A float mask of zeros: every token sees every other.
        mask = torch.zeros((1, 1, len(ids), len(ids)))
    with torch.inference_mode():
        inputs = torch.tensor([ids])
        hidden = saved.model(input_ids=inputs, attention_mask=mask)[0][0]
    pooled = {
        "mean": hidden.mean(0),
        "own mean": hidden[1:-1].mean(0) if len(hidden) > 2 else hidden[0],
        "cls": hidden[0],
        "lasttoken": hidden[-1],
    }[saved.pooling]
    found: torch.Tensor = pooled / pooled.norm() if saved.normalise else pooled
    return found
