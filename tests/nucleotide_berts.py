"""Small random BERTs over DNA and RNA in upstream's layout, each with its reference.

DNABERT and SpliceBERT against transformers' class; MosaicBERT (DNABERT-2, DNABERT-S, mRNABERT)
and GENA-LM, which upstream ships as code of its own, against loops and einsum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from nucleotide_parts import (
    HEADS,
    INNER,
    LAYERS,
    WIDTH,
    apply,
    attention,
    kmers,
    linear,
    norm,
    normalise,
    tensors,
    write,
)
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch.nn.functional import gelu
from transformers import BertConfig, BertForPreTraining
from zoo_harness import randomise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nucleotide_parts import Forward

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAIR_SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
MERGES = [("A", "A"), ("T", "G"), ("C", "A"), ("TG", "A"), ("AA", "AA"), ("G", "C"), ("T", "CA")]
BERT: dict[str, Any] = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": WIDTH,
    "initializer_range": 0.02,
    "intermediate_size": INNER,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "model_type": "bert",
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "type_vocab_size": 2,
}


def save_bert(folder: Path, words: list[str], **more: Any) -> Callable[[list[int]], torch.Tensor]:
    """Save a BERT with pooler and head as `.bin`; return ids to hidden states."""
    config = BERT | {"vocab_size": len(words)} | more
    known = {key: value for key, value in config.items() if key in BERT or key == "vocab_size"}
    model = BertForPreTraining(BertConfig(**known))
    randomise(model)
    state = {
        name: tensor.clone()
        for name, tensor in model.state_dict().items()
        if not name.startswith("cls.seq_relationship")
    }
    write(folder, "config.json", config)
    torch.save(state, folder / "pytorch_model.bin")
    wide = model.bert.double()
    return lambda ids: wide(torch.tensor([ids]))[0][0]


def save_dnabert(folder: Path, k: int) -> Forward:
    """Save a DNABERT: its configuration has extras of an old library."""
    words = SPECIAL + kmers(k)
    extras = {"num_labels": 2, "num_rnn_layer": 1, "rnn": "lstm", "split": 10, "id2label": {}}
    forward = save_bert(folder, words, **extras)
    write(folder, "vocab.txt", "\n".join(words) + "\n")
    ids = {word: number for number, word in enumerate(words)}

    def run(sequence: str) -> torch.Tensor:
        found = [sequence[start : start + k] for start in range(len(sequence) - k + 1)]
        return forward([2, *(ids.get(word, 1) for word in found), 3])

    return run


def save_splicebert(folder: Path) -> Forward:
    """Save a SpliceBERT: single bases."""
    words = [*SPECIAL, "N", "A", "C", "G", "T"]
    forward = save_bert(folder, words)
    write(folder, "vocab.txt", "\n".join(words) + "\n")
    return lambda sequence: forward([2, *map(words.index, sequence), 3])


def save_pairs(folder: Path, *, cut: int | None = None) -> Callable[[str], list[int]]:
    """Save a small byte-pair tokenizer.json as DNABERT-2 has it; `cut` sets S's truncation."""
    words = [*PAIR_SPECIAL, *"ACGT", *("".join(pair) for pair in MERGES)]
    vocabulary = {word: number for number, word in enumerate(words)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=MERGES, unk_token="[UNK]"))
    inner.add_special_tokens(PAIR_SPECIAL)
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    if cut:
        inner.enable_truncation(cut)
        inner.enable_padding(pad_id=3, pad_token="[PAD]", length=cut)
    folder.mkdir(parents=True, exist_ok=True)
    inner.save(str(folder / "tokenizer.json"))

    def ids(sequence: str) -> list[int]:
        found = [vocabulary.get(letter, 0) for letter in sequence]
        letters = list(sequence)
        for left, right in MERGES:  # the whole of a row merges in the order of the merges
            place = 0
            while place + 1 < len(letters):
                if (letters[place], letters[place + 1]) == (left, right):
                    letters[place : place + 2] = [left + right]
                    found[place : place + 2] = [vocabulary[left + right]]
                place += 1
        return [1, *found, 2]

    return ids


def save_mosaic(folder: Path, *, species: bool = False) -> Forward:
    """Save a DNABERT-2, or a DNABERT-S: no prefix, a pooler, a tokenizer that cuts."""
    ids = save_pairs(folder, cut=12 if species else None)
    config = BERT | {"alibi_starting_size": 64, "position_embedding_type": "absolute"}
    config |= {
        "vocab_size": 5 + 4 + len(MERGES),
        "auto_map": {"AutoModel": "bert_layers.BertModel"},
    }
    if not species:
        del config["architectures"], config["model_type"]
    forward = save_mosaic_weights(folder, config, pooled=species)
    return lambda sequence: forward(ids(sequence))


def save_mrnabert(folder: Path) -> Forward:
    """Save an mRNABERT: single bases and codons, as words of a vocab.txt."""
    words = [*SPECIAL, *"ATCGN", *kmers(3)]
    write(folder, "vocab.txt", "\n".join(words) + "\n")
    config = BERT | {"vocab_size": len(words)}
    forward = save_mosaic_weights(folder, config, pooled=False)
    return lambda text: forward([2, *map(words.index, text.split()), 3])


def save_mosaic_weights(
    folder: Path, config: dict[str, Any], *, pooled: bool
) -> Callable[[list[int]], torch.Tensor]:
    """Save a MosaicBERT's configuration and tensors; return ids to hidden states."""
    before = "" if pooled else "bert."
    shapes = {
        f"{before}embeddings.word_embeddings.weight": (config["vocab_size"], WIDTH),
        f"{before}embeddings.token_type_embeddings.weight": (2, WIDTH),
    } | norm(f"{before}embeddings.LayerNorm")
    for layer in range(LAYERS):
        here = f"{before}encoder.layer.{layer}"
        shapes |= linear(f"{here}.attention.self.Wqkv", 3 * WIDTH, WIDTH)
        shapes |= linear(f"{here}.attention.output.dense", WIDTH, WIDTH)
        shapes |= norm(f"{here}.attention.output.LayerNorm")
        shapes |= linear(f"{here}.mlp.gated_layers", 2 * INNER, WIDTH, bias=False)
        shapes |= linear(f"{here}.mlp.wo", WIDTH, INNER) | norm(f"{here}.mlp.layernorm")
    if pooled:
        shapes |= linear("pooler.dense", WIDTH, WIDTH)
    else:
        shapes |= linear("cls.predictions.transform.dense", WIDTH, WIDTH)
        shapes |= norm("cls.predictions.transform.LayerNorm")
        shapes |= linear("cls.predictions.decoder", config["vocab_size"], WIDTH)
    state = tensors(shapes)
    write(folder, "config.json", config)
    torch.save(state, folder / "pytorch_model.bin")
    w = {name.removeprefix(before): tensor.double() for name, tensor in state.items()}

    def forward(ids: list[int]) -> torch.Tensor:
        x = w["embeddings.word_embeddings.weight"][ids]
        x = normalise(
            w, "embeddings.LayerNorm", x + w["embeddings.token_type_embeddings.weight"][0]
        )
        # Four heads of a power of two, then every other one of the eight.
        slopes = [2.0 ** (-8 * (i + 1) / 4) for i in range(4)] + [2.0**-1, 2.0**-3]
        for layer in range(LAYERS):
            here = f"encoder.layer.{layer}"
            q, k, v = apply(w, f"{here}.attention.self.Wqkv", x).chunk(3, dim=1)
            mixed = attention(q, k, v, slopes)
            mixed = apply(w, f"{here}.attention.output.dense", mixed)
            x = normalise(w, f"{here}.attention.output.LayerNorm", mixed + x)
            gated = x @ w[f"{here}.mlp.gated_layers.weight"].T
            fed = apply(w, f"{here}.mlp.wo", gelu(gated[:, :INNER]) * gated[:, INNER:])
            x = normalise(w, f"{here}.mlp.layernorm", fed + x)
        return x

    return forward


def save_gena(folder: Path, *, multi: bool = False, last_norm: bool | None = False) -> Forward:
    """Save a GENA-LM; `last_norm` None leaves the key out, which means that there is one."""
    ids = save_pairs(folder)
    config = BERT | {"pre_layer_norm": True, "pad_token_id": 3, "vocab_size": 5 + 4 + len(MERGES)}
    config["architectures"] = ["BertForMaskedLM" if multi else "BertForPretraining"]
    config["auto_map"] = {"AutoModel": "modeling_bert.BertForPreTraining"}
    if last_norm is not None:
        config["last_layer_norm"] = last_norm
    shapes = {
        "bert.embeddings.word_embeddings.weight": (config["vocab_size"], WIDTH),
        "bert.embeddings.position_embeddings.weight": (BERT["max_position_embeddings"], WIDTH),
        "bert.embeddings.token_type_embeddings.weight": (2, WIDTH),
    } | norm("bert.embeddings.LayerNorm")
    for layer in range(LAYERS):
        here = f"bert.encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= linear(f"{here}.attention.self.{part}", WIDTH, WIDTH)
        shapes |= linear(f"{here}.attention.output.dense", WIDTH, WIDTH)
        shapes |= norm(f"{here}.pre_attention_ln") | norm(f"{here}.post_attention_ln")
        shapes |= linear(f"{here}.intermediate.dense", INNER, WIDTH)
        shapes |= linear(f"{here}.output.dense", WIDTH, INNER)
    if last_norm is not False:
        shapes |= norm("bert.encoder.last_layer_ln")
    shapes |= linear("cls.predictions.transform.dense", WIDTH, WIDTH)
    shapes |= linear("cls.predictions.decoder", config["vocab_size"], WIDTH)
    if not multi:
        shapes |= linear("bert.pooler.dense", WIDTH, WIDTH)
        shapes |= linear("cls.seq_relationship", 2, WIDTH)
    state = tensors(shapes)
    write(folder, "config.json", config)
    positions = {"bert.embeddings.position_ids": torch.arange(64)[None]}
    torch.save(state | positions, folder / "pytorch_model.bin")
    w = {name.removeprefix("bert."): tensor.double() for name, tensor in state.items()}

    def forward(sequence: str) -> torch.Tensor:
        row = ids(sequence)
        x = w["embeddings.word_embeddings.weight"][row]
        x = x + w["embeddings.position_embeddings.weight"][: len(row)]
        x = normalise(
            w, "embeddings.LayerNorm", x + w["embeddings.token_type_embeddings.weight"][0]
        )
        for layer in range(LAYERS):
            here = f"encoder.layer.{layer}"
            h = normalise(w, f"{here}.pre_attention_ln", x)
            q, k, v = (apply(w, f"{here}.attention.self.{p}", h) for p in ("query", "key", "value"))
            x = x + apply(w, f"{here}.attention.output.dense", attention(q, k, v))
            h = normalise(w, f"{here}.post_attention_ln", x)
            h = gelu(apply(w, f"{here}.intermediate.dense", h))
            x = x + apply(w, f"{here}.output.dense", h)
        return x if last_norm is False else normalise(w, "encoder.last_layer_ln", x)

    return forward
