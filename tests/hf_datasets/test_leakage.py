"""Leakage: what counts as naming a label, known shares on made texts, and masks that hold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_datasets.checks.columns import LabelColumn, read_labels
from hf_datasets.leakage import (
    Masker,
    TaskLeak,
    TextIndex,
    mask_description,
    mask_descriptions,
    task_leak,
)
from hf_datasets.phrases import MASK, dataset_phrases, phrase_of, stem, task_claims
from hf_datasets.task import Task, TaskType


def task_of(column: str, *classes: str, kind: TaskType = TaskType.MULTI_CLASS) -> Task:
    kind = TaskType.BINARY if len(classes) == 2 else kind
    return Task("bench", "one", column, kind, classes, ("symbol",))


TF = task_of("transcription_factor", "no", "yes")
PLACES = task_of("places", "Golgi apparatus", "Nucleus", "Vesicles", kind=TaskType.MULTI_LABEL)
CHROMOSOME = task_of("chromosome", "1", "2", "X")


def names(text: str, label: str) -> bool:
    phrase = phrase_of(label)
    assert phrase is not None
    return bool(TextIndex([text]).named([phrase])[0])


@pytest.mark.parametrize(
    ("text", "label", "named"),
    [
        ("a Transcription-Factor", "transcription_factor", True),
        ("transcription factors of the liver", "Transcription factor", True),
        ("a factor needed for transcription", "transcription factor", True),
        ("regulates transcription. Growth factor.", "transcription factor", False),
        ("kinase 2", "Kinases", True),
        ("pseudokinase", "kinase", False),
        ("binds DNA", "DNA-binding", True),
        ("integral to the membrane", "Predicted membrane proteins", True),
        ("major histocompatibility complex, class I, A", "class I", True),
        ("major histocompatibility complex, class II, DR", "class I", False),
        ("I am of this class", "class I", False),
        ("Alzheimer's disease", "Alzheimer disease", True),
        ("", "kinase", False),
    ],
)
def test_what_counts_as_naming(text: str, label: str, named: bool) -> None:
    assert names(text, label) is named


def test_stems_are_light() -> None:
    words = "Kinases processes families viruses boxes binding string nucleus class DNA ribosomes"
    assert [stem(word) for word in words.split()] == [
        "kinase", "process", "family", "virus", "box", "bind", "string", "nucleus", "class", "dna",
        "ribosome",
    ]  # fmt: skip


def test_labels_that_can_be_named() -> None:
    (claim,) = task_claims(TF)
    assert (claim.label, claim.index) == ("transcription factor", 1)
    first = task_claims(CHROMOSOME)[0].phrases
    assert [phrase.words for phrase in first] == [("chromosome", "1")]
    claims = task_claims(task_of("tf_vs_non_tf", "non-TF", "TF"))
    assert [claim.label for claim in claims] == ["TF"], "a negation has the other label's words"
    assert ("transcription", "factor") in [phrase.words for phrase in claims[0].phrases]
    assert task_claims(Task("d", "c", "length", TaskType.REGRESSION, (), ("symbol",))) == []
    pair = Task("d", "c", "associated", TaskType.BINARY, ("no", "yes"), ("symbol_a", "symbol_b"))
    assert task_claims(pair) == [], "one gene's text cannot say what is asked about two"
    assert phrase_of("Other proteins") is None


def leak_of(column: LabelColumn, texts: list[str | None]) -> TaskLeak | None:
    index = TextIndex(texts)
    has_text = np.array([bool(text) for text in texts])
    return task_leak("description", column, index.named, has_text)


def test_shares_and_auroc_of_a_yes_no_task() -> None:
    # 20 positives with a text, 15 named; 40 negatives, 4 named; one positive without a text,
    # one named gene that is not in the task.
    texts = ["a transcription factor"] * 15 + ["a protein"] * 5
    texts += ["a transcription factor"] * 4 + ["an enzyme"] * 36
    labels = pa.chunked_array([[1] * 20 + [0] * 40 + [1, None]])
    leak = leak_of(read_labels(TF, labels), [*texts, None, "a transcription factor"])
    assert leak is not None
    assert leak.worst is not None
    assert (leak.worst.n_positive, leak.worst.n_negative) == (20, 40)
    assert (leak.positive, leak.negative) == (0.75, 0.1)
    assert leak.worst.auroc == pytest.approx(0.825)


def test_shares_of_several_labels_are_pooled() -> None:
    lists: list[list[int] | None] = [[0, 1], [1], [], None]
    column = read_labels(PLACES, pa.chunked_array([lists]))
    leak = leak_of(column, ["Golgi apparatus", "nucleus and vesicle", "vesicles", "Nucleus"])
    assert leak is not None
    # Having: gene 0 Golgi (named), Nucleus (not); gene 1 Nucleus (named).
    assert leak.positive == pytest.approx(2 / 3)
    # Not having, of 6: Vesicles is said of genes 1 and 2.
    assert leak.negative == pytest.approx(2 / 6)
    assert leak.worst is None, "one gene is not enough to name a worst label"
    assert leak_of(column, [None] * 4) is None


def test_masks_hide_the_words_and_keep_the_rest() -> None:
    phrases = dataset_phrases([TF, PLACES, CHROMOSOME])
    masked = mask_description("TFAP2A: Transcription factor AP-2 alpha. Of the nucleus.", phrases)
    assert masked == f"TFAP2A: {MASK} AP-2 alpha. Of the {MASK}."
    text = "chromosome 1 open reading frame 2"
    assert mask_description(text, phrases) == f"{MASK} open reading frame 2"
    apart = "needed for transcription, with factor X"
    assert mask_description(apart, phrases) == f"needed for {MASK}, with {MASK} X"
    plain = "Growth factor receptor,  two blanks kept. Transcription of genes."
    assert mask_description(plain, phrases) == plain
    assert mask_descriptions([None, ""], phrases) == [None, ""]


WORDS = st.sampled_from(
    "transcription factor factors Golgi apparatus class I II 1 X chromosome kinase kinases of the "
    "binding DNA, binding. (nucleus) Alzheimer's TP53 […] factor-1 golgi_apparatus".split()
)
TEXTS = st.lists(WORDS, max_size=25).map(" ".join)
LABELS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)


@given(st.one_of(TEXTS, st.text(max_size=60)), st.lists(LABELS, max_size=6))
def test_a_masked_text_names_nothing_and_stays_as_it_is(text: str, labels: list[str]) -> None:
    phrases = [phrase for label in labels if (phrase := phrase_of(label)) is not None]
    masked = mask_description(text, phrases)
    assert not TextIndex([masked]).named(phrases).any()
    assert mask_description(masked, phrases) == masked
    assert Masker(reversed(phrases)).mask(text) == masked
    if not TextIndex([text]).named(phrases).any() and "[…]" not in text:
        assert masked == text


def test_real_names_of_the_sample() -> None:
    """Famous names: the rule finds what a reader would call a giveaway."""
    assert names("TFAP2A: transcription factor AP-2 alpha", "transcription_factor")
    assert names("CDK2: cyclin dependent kinase 2", "kinase")
    assert not names("TP53: tumor protein p53", "transcription_factor")
