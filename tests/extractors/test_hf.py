"""`hf:FOLDER --modality M`: what transformers knows runs as transformers runs it, or is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertForMaskedLM,
    EsmConfig,
    EsmForMaskedLM,
    FNetConfig,
    FNetModel,
    GPT2Config,
    GPT2LMHeadModel,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)
from zoo_harness import assert_close, assert_no_leak, pooled, random_sequences, run_extract

from extractors.__main__ import command
from extractors.store import read_provenance
from hf_datasets.command import EXIT_INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
PROTEINS = random_sequences(AMINO_ACIDS, [9, 30, 4, 17, 30])
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]
WORDS = "gene kinase zinc finger protein encodes a the receptor nuclear".split()
TEXTS = {
    "one": "the gene",
    "two": "zinc finger protein encodes a nuclear receptor",
    "three": "kinase",
    "four": "a the receptor gene kinase zinc finger protein",
}
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def save(
    folder: Path, model: torch.nn.Module, words: Sequence[str], *, spaces: bool = True
) -> Path:
    """Save a model beside a word tokenizer that puts <s> before and </s> after."""
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    for name, parameter in model.named_parameters():
        if "norm" not in name.lower():
            torch.nn.init.normal_(parameter, std=0.2)
    model.eval().save_pretrained(folder)  # type: ignore[operator]
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *words])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    if spaces:
        inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", cls_token="<s>", sep_token="</s>", model_max_length=40,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def text_model(kind: str) -> tuple[torch.nn.Module, Callable[[torch.nn.Module], Any]]:
    """Return a random model as upstream saves it, and what takes it to the part that reads."""
    size = len(SPECIAL) + len(WORDS)
    if kind == "modernbert":
        ends: dict[str, Any] = {
            "bos_token_id": 1,
            "eos_token_id": 2,
            "cls_token_id": 1,
            "sep_token_id": 2,
        }
        kinds = ["full_attention", "sliding_attention"]
        config = ModernBertConfig(
            **SMALL, **ends, vocab_size=size, layer_types=kinds, local_attention=8
        )
        return ModernBertModel(config), lambda model: model
    if kind == "gpt2":
        gpt = GPT2Config(vocab_size=size, n_embd=32, n_layer=2, n_head=4, n_positions=64)
        return GPT2LMHeadModel(gpt), lambda model: model.transformer
    if kind == "fnet":
        return FNetModel(FNetConfig(**SMALL, vocab_size=size)), lambda model: model
    if kind == "t5":
        t5 = T5Config(
            vocab_size=size, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, pad_token_id=0
        )
        return T5ForConditionalGeneration(t5), lambda model: model.encoder
    bart = BartConfig(
        vocab_size=size, d_model=32, encoder_layers=2, decoder_layers=1, encoder_ffn_dim=48,
        decoder_ffn_dim=48, encoder_attention_heads=4, decoder_attention_heads=4, pad_token_id=0,
        max_position_embeddings=64, bos_token_id=1, eos_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    return BartModel(bart), lambda model: model.encoder


def text_reference(reader: Any) -> Callable[[str], torch.Tensor]:
    def forward(text: str) -> torch.Tensor:
        ids = [1, *(len(SPECIAL) + WORDS.index(word) for word in text.split()), 2]
        hidden: torch.Tensor = reader(input_ids=torch.tensor([ids])).last_hidden_state[0]
        return hidden

    return forward


KINDS = ("modernbert", "gpt2", "fnet", "t5", "bart")


@pytest.mark.parametrize("kind", KINDS)
def test_text_models_run_as_transformers_runs_them(tmp_path: Path, kind: str) -> None:
    model, part = text_model(kind)
    folder = save(tmp_path / "model", model, WORDS)
    options = ("--modality", "text")
    found = run_extract(tmp_path, f"hf:{folder}", TEXTS, *options, checkpoint=None, column="text")
    assert_close(found, pooled(TEXTS, text_reference(part(model)), before=1, after=1))


@pytest.mark.parametrize("kind", ["modernbert", "gpt2", "t5"])
def test_a_row_does_not_see_its_batch(tmp_path: Path, kind: str) -> None:
    folder = save(tmp_path / "model", text_model(kind)[0], WORDS)
    assert_no_leak(
        tmp_path, f"hf:{folder}", TEXTS, "--modality", "text", checkpoint=None, column="text"
    )


def test_a_model_that_mixes_in_the_padding_runs_without_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """FNet takes no mask; only rows of equal length share a batch. It has no bfloat16 on a CPU."""
    folder = save(tmp_path / "model", text_model("fnet")[0], WORDS)
    together, alone = (
        run_extract(
            tmp_path / budget, f"hf:{folder}", TEXTS, "--modality", "text", "--budget", budget,
            checkpoint=None, column="text",
        )
        for budget in ("4096", "1")
    )  # fmt: skip
    assert_close(together, alone)
    capsys.readouterr()
    options = ("--modality", "text", "--dtype", "bfloat16")
    error = refused(tmp_path, f"hf:{folder}", capsys, *options)
    assert "FNetModel does not run in bfloat16 on cpu" in error
    assert "try --dtype float32" in error


def esm_folder(tmp_path: Path) -> tuple[Path, EsmForMaskedLM]:
    config = EsmConfig(
        **SMALL | {"pad_token_id": 0}, vocab_size=len(SPECIAL) + len(AMINO_ACIDS),
        position_embedding_type="rotary", mask_token_id=3, token_dropout=False,
    )  # fmt: skip
    model = EsmForMaskedLM(config)
    return save(tmp_path / "model", model, AMINO_ACIDS, spaces=True), model


def letters(sequence: str) -> torch.Tensor:
    ids = [1, *(len(SPECIAL) + AMINO_ACIDS.index(letter) for letter in sequence), 2]
    return torch.tensor([ids])


def test_letters_are_spaced_for_a_tokenizer_that_wants_it(tmp_path: Path) -> None:
    """A word tokenizer of single letters, as ProtBERT's: unspaced, a protein is one unknown."""
    folder, model = esm_folder(tmp_path)
    options = ("--modality", "protein")
    lower = {entity: sequence.lower() for entity, sequence in PROTEINS.items()}
    found = run_extract(
        tmp_path, f"hf:{folder}", lower, *options, checkpoint=None, column="protein"
    )

    def forward(sequence: str) -> torch.Tensor:
        hidden: torch.Tensor = model.esm(letters(sequence))[0][0]
        return hidden

    assert_close(found, pooled(PROTEINS, forward, before=1, after=1))
    encoder = read_provenance(pq.read_schema(tmp_path / "out.parquet"))["encoder"]
    assert encoder["spaced"] is True
    assert encoder["packed"] is False


def test_a_plain_bert_runs_packed(tmp_path: Path) -> None:
    size = len(SPECIAL) + len(WORDS)
    model = BertForMaskedLM(BertConfig(**SMALL, vocab_size=size))
    folder = save(tmp_path / "model", model, WORDS)
    options = ("--modality", "text")
    found = run_extract(tmp_path, f"hf:{folder}", TEXTS, *options, checkpoint=None, column="text")
    assert_close(found, pooled(TEXTS, text_reference(model.bert), before=1, after=1))
    assert read_provenance(pq.read_schema(tmp_path / "out.parquet"))["encoder"]["packed"] is True


def test_a_row_of_unknown_letters_fails(tmp_path: Path) -> None:
    folder, _ = esm_folder(tmp_path)
    rows = {"good": "ACDE", "bad": "1234"}
    found = run_extract(
        tmp_path, f"hf:{folder}", rows, "--modality", "protein",
        checkpoint=None, column="protein", status=EXIT_INCOMPLETE,
    )  # fmt: skip
    assert list(found) == ["good"]
    errors = pq.read_table(tmp_path / "out.parquet")["error"].to_pylist()
    assert errors == [None, "100% of its tokens are unknown to the tokenizer"]


def refused(tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    rows = tmp_path / "rows.csv"
    rows.write_text("id,text,sequence\na,gene,ACDE\n")
    out = tmp_path / "out.parquet"
    words = ["--model", model, "--input", str(rows), "--out", str(out), *options]
    assert command(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("extract: error: ")
    assert error.count("\n") == 1
    assert not out.exists()
    return error


def change(folder: Path, **keys: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"auto_map": {"AutoModel": "bert_layers.BertModel"}}, "runs on code of its own"),
        ({"alibi_starting_size": 512}, "alibi_starting_size in config.json"),
        ({"pre_layer_norm": True}, "pre_layer_norm in config.json"),
        ({"model_type": "esmc", "d_model": 960}, "d_model in config.json"),
        ({"model_type": "hyenadna"}, "of type 'hyenadna', which this transformers does not know"),
        ({"model_type": None}, "without model_type"),
        ({"hidden_act": "quick_gelu"}, "hidden_act 'quick_gelu'; choices: gelu"),
        ({"num_hidden_layers": 3}, "has no tensor 'bert.encoder.layer.2"),
        ({"num_hidden_layers": 1}, "tensors that this architecture has no place for"),
    ],
)
def test_what_would_run_wrongly_is_refused(
    tmp_path: Path, keys: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(SPECIAL) + len(WORDS)
    folder = save(tmp_path / "model", BertForMaskedLM(BertConfig(**SMALL, vocab_size=size)), WORDS)
    change(folder, **keys)
    capsys.readouterr()
    assert message in refused(tmp_path, f"hf:{folder}", capsys, "--modality", "text")


def test_tensors_that_would_be_random_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save(tmp_path / "model", text_model("modernbert")[0], WORDS)
    path = folder / "model.safetensors"
    state = load_file(path)
    kept = {name: tensor for name, tensor in state.items() if "layers.1.mlp.Wo" not in name}
    assert len(kept) < len(state)
    save_file(kept, path, metadata={"format": "pt"})
    capsys.readouterr()
    error = refused(tmp_path, f"hf:{folder}", capsys, "--modality", "text")
    assert "lacks 1 tensors of its model (layers.1.mlp.Wo.weight), which would be random" in error


def test_tensors_of_another_architecture_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save(tmp_path / "model", text_model("modernbert")[0], WORDS)
    path = folder / "model.safetensors"
    state = load_file(path) | {"layers.0.attn.gate.weight": torch.ones(4)}
    save_file(state, path, metadata={"format": "pt"})
    capsys.readouterr()
    error = refused(tmp_path, f"hf:{folder}", capsys, "--modality", "text")
    assert "another architecture under this name" in error


def test_letters_unknown_in_any_form_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the k-mers of DNABERT: neither ACGT nor A C G T are tokens."""
    size = len(SPECIAL) + len(WORDS)
    folder = save(tmp_path / "model", BertForMaskedLM(BertConfig(**SMALL, vocab_size=size)), WORDS)
    capsys.readouterr()
    error = refused(tmp_path, f"hf:{folder}", capsys, "--modality", "dna")
    assert "does not know plain dna letters" in error


def test_a_registered_model_is_named_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DNABERT-2 by its Hub id: its own code is not run, ours is what it needs."""
    from extractors import checkpoints

    size = len(SPECIAL) + len(WORDS)
    folder = save(tmp_path / "model", BertForMaskedLM(BertConfig(**SMALL, vocab_size=size)), WORDS)
    change(folder, auto_map={"AutoModel": "bert_layers.BertModel"})
    monkeypatch.setattr(checkpoints, "pull_snapshot", lambda *_, **__: folder)
    capsys.readouterr()
    error = refused(tmp_path, "hf:zhihan1996/DNABERT-2-117M", capsys, "--modality", "dna")
    assert "give --model dnabert-2" in error


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("hf:org/name", (), "--modality is missing: what does hf:org/name read?"),
        ("hf:org/name", ("--modality", "smell"), "unknown modality 'smell'"),
        ("hf:", ("--modality", "dna"), "names no model"),
        ("minilm", ("--modality", "dna"), "--modality dna is for hf:ID_OR_FOLDER"),
    ],
)
def test_a_modality_is_needed_and_only_there(
    tmp_path: Path,
    model: str,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert message in refused(tmp_path, model, capsys, *options)
