"""DNA and RNA models: every record loads its family's layout and gives the reference's numbers."""

from __future__ import annotations

import gzip
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from nucleotide_berts import save_gena, save_mrnabert
from nucleotide_esms import NT_V2_WORDS, save_nt_vocabulary, save_rnafm
from nucleotide_hyena import save_hyenadna
from nucleotide_models import DNA, NAMES, RNA, around, rows_of, save_nucleotide_model
from nucleotide_parts import write
from zoo_harness import assert_close, assert_no_leak, pooled, random_sequences, run_extract

from extractors.backbones.hyena import Hyena
from extractors.backbones.transformer import Transformer
from extractors.encoders.bert import bert_shape
from extractors.encoders.gena import gena_shape
from extractors.encoders.hyenadna import hyena_shape
from extractors.encoders.mosaic_bert import mosaic_shape
from extractors.encoders.nucleotide_transformer import nucleotide_shape
from extractors.registry import MODELS
from hf_datasets.command import EXIT_BAD_INPUT, EXIT_INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ONE_OF_EACH = (
    "dnabert-3mer", "dnabert-2", "nt-v2-50m", "gena-lm-bert-base", "hyenadna-tiny-1k", "rna-fm",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_same_as_reference(tmp_path: Path, name: str) -> None:
    forward = save_nucleotide_model(name, tmp_path / "model")
    rows = rows_of(name)
    found = run_extract(tmp_path, name, rows, checkpoint=tmp_path / "model")
    before, after = around(name)
    assert_close(found, pooled(rows, forward, before=before, after=after))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_row_does_not_see_its_batch(tmp_path: Path, name: str) -> None:
    save_nucleotide_model(name, tmp_path / "model")
    assert_no_leak(tmp_path, name, rows_of(name), checkpoint=tmp_path / "model")


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_special_tokens_enter_where_authors_want_them(tmp_path: Path, name: str) -> None:
    forward = save_nucleotide_model(name, tmp_path / "model")
    rows = rows_of(name)
    run = partial(run_extract, tmp_path, name, rows, checkpoint=tmp_path / "model")
    assert_close(run("--pooling", "mean-special"), pooled(rows, forward, before=0, after=0))
    last = {entity: forward(value)[-1].detach().numpy() for entity, value in rows.items()}
    assert_close(run("--pooling", "last"), last)
    if name.startswith("hyenadna"):
        run("--pooling", "cls", status=EXIT_BAD_INPUT)
    else:
        first = {entity: forward(value)[0].detach().numpy() for entity, value in rows.items()}
        assert_close(run("--pooling", "cls"), first)


@pytest.mark.parametrize("name", [name for name in ONE_OF_EACH if name != "rna-fm"])
def test_spelling_does_not_matter(tmp_path: Path, name: str) -> None:
    save_nucleotide_model(name, tmp_path / "model")
    clean = {"plain": "ACGTTNACGTNAGGCATTGCAANNACCGTTAACGGA"}
    messy = {"plain": "acguuRacgtyAGGCa uugcaaKn\tACCGTTAACGGA"}
    run = partial(run_extract, tmp_path, name, checkpoint=tmp_path / "model")
    assert_close(run(messy), run(clean), tolerance=0)


def test_rna_letters(tmp_path: Path) -> None:
    save_rnafm(tmp_path / "model")
    run = partial(run_extract, tmp_path, "rna-fm", checkpoint=tmp_path / "model")
    assert_close(run({"a": "acgtACGTryn"}), run({"a": "ACGUACGURYN"}), tolerance=0)


def test_rna_fm_takes_the_file_itself(tmp_path: Path) -> None:
    forward = save_rnafm(tmp_path / "model", before="encoder.encoder.")
    file = tmp_path / "model" / "RNA-FM_pretrained.pth"
    found = run_extract(tmp_path, "rna-fm", RNA, checkpoint=file)
    assert_close(found, pooled(RNA, forward, before=1, after=1))


def test_coding_part_in_brackets(tmp_path: Path) -> None:
    save_mrnabert(tmp_path / "model")
    run = partial(run_extract, tmp_path, "mrnabert", checkpoint=tmp_path / "model")
    spaced = {"a": "A T ATG GCC TGA C", "b": "A T G C"}
    assert_close(run({"a": "AU[AUGGCCUGA]C", "b": "[]ATGC"}), run(spaced), tolerance=0)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("dnabert-6mer", "ACGTA", "5 bases, fewer than one 6-mer"),
        ("dnabert-2", "ACGXT", "'X' at position 4 is no nucleotide"),
        ("hyenadna-tiny-1k", "AC-GT", "'-' at position 3 is no nucleotide"),
        ("nt-v2-50m", "ACG\u0394T", "'\u0394' at position 4 is no nucleotide"),
        ("mrnabert", "ATGGCCTGA", "word 1 has 9 bases, neither 1 nor 3"),
        ("mrnabert", "AT[ATGC]", "a coding part of 4 bases, no multiple of 3"),
        ("mrnabert", "AT[ATG", "brackets that do not match"),
        ("rna-fm", "ACGJ", "'J' at position 4 is no nucleotide"),
    ],
)
def test_bad_row_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, value: str, why: str
) -> None:
    save_nucleotide_model(name, tmp_path / "model")
    good = "A T C" if name == "mrnabert" else "ACGTACGTACG"
    rows = {"good": good, "bad": value}
    found = run_extract(tmp_path, name, rows, checkpoint=tmp_path / "model", status=EXIT_INCOMPLETE)
    assert list(found) == ["good"]
    assert f"bad: {why}" in capsys.readouterr().err


def set_keys(folder: Path, **keys: Any) -> None:
    config = json.loads((folder / "config.json").read_text()) | keys
    write(folder, "config.json", {key: value for key, value in config.items() if value is not None})


def widen_tokenizer(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["ACGT"] = 99
    write(folder, "tokenizer.json", content)


WRONG: dict[str, tuple[str, str, Callable[[Path], Any], str]] = {
    "gena as bert": ("gena-lm-bert-base", "dnabert-6mer", lambda _: None, "pre_layer_norm"),
    "mosaic as bert": ("dnabert-2", "dnabert-6mer", lambda _: None, "alibi_starting_size"),
    "bert as gena": ("dnabert-3mer", "gena-lm-bert-base", lambda _: None, "pre_layer_norm"),
    "bert as mosaic": ("dnabert-3mer", "dnabert-2", lambda _: None, "Wqkv"),
    "splice as kmers": ("splicebert", "dnabert-3mer", lambda _: None, "words of 1 letters"),
    "unknown last norm": (
        "gena-lm-bert-base",
        "gena-lm-bert-base",
        lambda folder: set_keys(folder, last_layer_norm="rms"),
        "last_layer_norm",
    ),
    "last norm missing": (
        "gena-lm-bert-base",
        "gena-lm-bert-base",
        lambda folder: set_keys(folder, last_layer_norm=True),
        "last_layer_ln",
    ),
    "other activation": (
        "dnabert-2",
        "dnabert-2",
        lambda folder: set_keys(folder, hidden_act="relu"),
        "hidden_act",
    ),
    "other order": (
        "hyenadna-tiny-1k",
        "hyenadna-tiny-1k",
        lambda folder: set_keys(folder, hyena_order=3),
        "hyena_order",
    ),
    "other tables": (
        "hyenadna-tiny-1k",
        "hyenadna-tiny-1k",
        lambda folder: set_keys(folder, max_seq_len=1026),
        "shape",
    ),
    "no length": (
        "hyenadna-tiny-1k",
        "hyenadna-tiny-1k",
        lambda folder: set_keys(folder, max_seq_len=None),
        "max_seq_len",
    ),
    "other tokenizer": ("dnabert-2", "dnabert-2", widen_tokenizer, "token ids up to 99"),
    "damaged tokenizer": (
        "dnabert-2",
        "dnabert-2",
        lambda folder: write(folder, "tokenizer.json", "{}"),
        "tokenizer.json",
    ),
    "version 2 words": (
        "nt-500m-1000g",
        "nt-500m-1000g",
        lambda folder: save_nt_vocabulary(folder, NT_V2_WORDS),
        "has id 4105",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_would_run_wrongly_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    saved, model, spoil, named = WRONG[case]
    save_nucleotide_model(saved, tmp_path / "model")
    spoil(tmp_path / "model")
    run_extract(tmp_path, model, DNA, checkpoint=tmp_path / "model", status=EXIT_BAD_INPUT)
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("last", [True, None])
def test_gena_with_a_last_norm(tmp_path: Path, last: bool | None) -> None:
    forward = save_gena(tmp_path / "model", last_norm=last)
    found = run_extract(tmp_path, "gena-lm", DNA, checkpoint=tmp_path / "model")
    assert_close(found, pooled(DNA, forward, before=1, after=1))


def test_long_rows_are_read_in_windows(tmp_path: Path) -> None:
    """66 positions, so 99 bases become two windows that share 33."""
    forward = save_hyenadna(tmp_path / "model")
    rows = random_sequences("ACGT", [66, 99])
    found = run_extract(tmp_path, "hyenadna-tiny-1k", rows, checkpoint=tmp_path / "model")
    with torch.inference_mode():
        first, second = (forward(rows["s1"][start : start + 66]) for start in (0, 33))
        shared = (first[33:] + second[:33]) / 2
        expected = {
            "s0": forward(rows["s0"]).mean(0).numpy(),
            "s1": torch.cat([first[:33], shared, second[33:]]).mean(0).numpy(),
        }
    assert_close(found, expected)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_real_promoters_and_a_gene(upstream: Path, tmp_path: Path, name: str) -> None:
    """40 of EPDnew's human TATA promoters, and the whole locus of a gene in windows."""
    save_nucleotide_model(name, tmp_path / "model")
    with gzip.open(upstream / "dna" / "human_TATA_promoters_300bp.fa.gz", "rt") as stream:
        rows = {f"p{number}": line.strip() for number, line in zip(range(40), stream, strict=False)}
    with gzip.open(upstream / "dna" / "gene_loci_GRCh38_26.fa.gz", "rt") as stream:
        loci = stream.read().split(">")[1:]
    header, _, locus = min(loci, key=len).partition("\n")
    rows[header.split()[0]] = "".join(locus.split())
    run = partial(run_extract, tmp_path, name, checkpoint=tmp_path / "model")
    found = run(rows)
    assert list(found) == list(rows)
    assert len({vector.tobytes() for vector in found.values()}) == len(rows)
    few = dict(list(rows.items())[-3:])
    assert_close(run(few, "--budget", "1"), {entity: found[entity] for entity in few})


BASE: dict[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
}
SPLICE: dict[str, Any] = {
    "hidden_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 16,
    "intermediate_size": 2048,
    "max_position_embeddings": 1026,
    "vocab_size": 10,
}


def published_shape(name: str) -> Any:
    """Return the shape of the published model, from what its configuration is known to say."""
    if name.startswith("hyenadna"):
        size, layers = (128, 2) if "tiny" in name else (256, 4 if "small" in name else 8)
        longest = MODELS[name].max_tokens
        config = {"d_model": size, "n_layer": layers, "d_inner": 4 * size}
        return hyena_shape(config | {"max_seq_len": longest, "vocab_size": 12})
    if name.startswith("nt-"):
        size, layers, heads, inner = {
            "nt-500m": (1280, 24, 20, 5120),
            "nt-2.5b": (2560, 32, 20, 10240),
            "nt-v2-50m": (512, 12, 16, 2048),
            "nt-v2-100m": (512, 22, 16, 2048),
            "nt-v2-250m": (768, 24, 16, 3072),
            "nt-v2-500m": (1024, 29, 16, 4096),
        }[name if "v2" in name else name[:7]]
        second = {"position_embedding_type": "rotary", "add_bias_fnn": False, "vocab_size": 4107}
        first = {"max_position_embeddings": 1002, "pad_token_id": 1, "vocab_size": 4105}
        return nucleotide_shape(
            {
                "hidden_size": size,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "intermediate_size": inner,
                **(second if "v2" in name else first),
            }
        )
    if name.startswith("gena"):
        gena = {"vocab_size": 32000, "pre_layer_norm": True, "last_layer_norm": False}
        return gena_shape(BASE | gena)
    if name == "splicebert":
        return bert_shape(SPLICE)
    if name in {"dnabert-2", "dnabert-s", "mrnabert"}:
        return mosaic_shape(BASE | {"vocab_size": 74 if name == "mrnabert" else 4096})
    return bert_shape(BASE | {"vocab_size": 5 + 4 ** int(name[8])})


@pytest.mark.parametrize("name", [name for name in NAMES if name != "rna-fm"])
def test_records_state_the_size_of_the_published_model(name: str) -> None:
    shape = published_shape(name)
    hyena = name.startswith("hyenadna")
    with torch.device("meta"):
        network = Hyena(shape) if hyena else Transformer(shape)
    tables = ("filter.time", "filter.features", "filter.decay")
    count = sum(
        parameter.numel()
        for part, parameter in network.named_parameters()
        if not part.endswith(tables)
    )
    folded = 0 if hyena or name.startswith("nt-v2") else 2 * shape.width
    assert MODELS[name].parameters == count + folded
    assert MODELS[name].dim == shape.width
