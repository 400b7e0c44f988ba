"""Reading answers: each rule against hand-made answers, and what holds for any text at all."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_datasets.biology_instructions.tasks import TASKS, Answer
from probes.language.answers import parse, read
from probes.language.paper import LONGEST_FIRST
from probes.language.parsed import Parsed, Reason, Unparsed

if TYPE_CHECKING:
    from probes.language.parsed import Rule

RULES: tuple[Rule, ...] = ("paper", "strict")
TABLE = [
    line.split("\t")
    for line in (Path(__file__).with_name("answers.tsv")).read_text("utf-8").splitlines()[1:]
]
"""task, answer, what paper reads, what strict reads, why: a value, or (a reason)."""
ONE_OF_EACH = ("emp", "ncrna", "modification", "ec", "mrl", "ea", "prs", "sirna")


def written(found: Parsed | Unparsed) -> str:
    """A reading as the table writes it."""
    if isinstance(found, Unparsed):
        return f"({found.reason.value})"
    value = found.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return " ".join(f"{key} {number:g}" for key, number in value.items())
    return value if isinstance(value, str) else f"{value:.10g}"


def text_of(cell: str) -> str | None:
    special: dict[str, str | None] = {"<none>": None, "<empty>": ""}
    return special[cell] if cell in special else cell.replace("\\n", "\n")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}: {row[1][:40]}")
@pytest.mark.parametrize("rule", RULES)
def test_hand_made_answers(row: list[str], rule: Rule) -> None:
    task, answer, paper, strict, _ = row
    assert (
        written(read(TASKS[task], text_of(answer), rule))
        == {"paper": paper, "strict": strict}[rule]
    )


def test_the_table_is_wide_enough() -> None:
    assert len(TABLE) >= 250
    assert {row[0] for row in TABLE} >= set(ONE_OF_EACH)
    read_as = {cell for row in TABLE for cell in row[2:4]}
    assert {f"({reason.value})" for reason in Reason} <= read_as


def test_the_published_order_holds_all_families() -> None:
    assert set(LONGEST_FIRST) == set(TASKS["ncrna"].classes)
    assert [len(name) for name in LONGEST_FIRST] == sorted(map(len, LONGEST_FIRST), reverse=True)


def test_every_name_is_read_back_in_many_spellings() -> None:
    spellings = (str, str.lower, str.upper, lambda name: name.replace("_", " "),
                 lambda name: name.replace("_", "-"), lambda name: f"**{name}**")  # fmt: skip
    for name in TASKS["ncrna"].classes:
        for spell in spellings:
            found = parse(TASKS["ncrna"], f"It is a {spell(name)}.", "strict")
            assert found == Parsed(name), spell(name)
    for name in TASKS["modification"].classes:
        own_case = (str, lambda name: f"`{name}`", lambda name: f"[{name}]")
        for spell in own_case if len(name) == 2 else (*own_case, str.lower, str.upper):
            assert parse(TASKS["modification"], spell(name), "strict") == Parsed((name,)), name


@given(st.floats(-1e5, 1e5, allow_subnormal=False))
def test_a_number_is_read_back(number: float) -> None:
    for text in (repr(number), f"The value is {number!r}.", f"Answer: {number!r}. As in 3 of 4."):
        assert parse(TASKS["mrl"], text, "strict") == Parsed(number)
    values = dict.fromkeys(("ON", "OFF", "ON_OFF"), number)
    named = ", ".join(f"{key}: {value!r}" for key, value in reversed(values.items()))
    assert parse(TASKS["prs"], named, "strict") == Parsed(values)


FRAGMENTS = st.sampled_from(
    "yes|no|not|positive|negative|maybe|I don't know|Answer:|answer is|?|.|,|\n|but|if|{|}|[|]|\""
    "|<dna>|</dna>|<think>|</think>|\\boxed{|1.5|-2|1e9|%|m6A|none|tRNA|Intron gpII|EC 1.1.1.1"
    "|hk|dev|ON|ON/OFF|:|*|_|`|Question:|inf|\u2212|\u2075|\u200b|\u0663|\U0001f9ec|\x00".split("|")
)
ANYTHING = st.one_of(
    st.text(max_size=300),
    st.lists(FRAGMENTS, max_size=25).map(" ".join),
    st.lists(FRAGMENTS, max_size=25).map("".join),
)


@given(ANYTHING)
def test_any_text_is_read_or_refused(text: str) -> None:
    for name in ONE_OF_EACH:
        for rule in RULES:
            found = read(TASKS[name], text, rule)
            assert isinstance(found, Parsed | Unparsed)
            assert parse(TASKS[name], text, rule) == (found if isinstance(found, Parsed) else None)


@given(ANYTHING)
def test_what_is_read_is_one_of_the_answers(text: str) -> None:
    for name in ONE_OF_EACH:
        task = TASKS[name]
        if (found := parse(task, text, "strict")) is None:
            continue
        value = found.value
        match task.answer:
            case Answer.YES_NO:
                assert isinstance(value, bool)
            case Answer.CLASS:
                assert value in task.classes
            case Answer.LABELS:
                assert isinstance(value, tuple)
                assert value == ("none",) or set(value) < set(task.classes)
                assert value
            case Answer.NUMBER:
                assert isinstance(value, float)
                assert abs(value) <= 1e6
            case Answer.NUMBERS:
                assert isinstance(value, dict)
                assert tuple(value) == task.keys
            case Answer.EC:
                assert isinstance(value, tuple)
                assert all(one == "none" or one.count(".") == 3 for one in value)


REPEATED = (
    "1", "1.", "1 ", "no ", "positive ", "answer: ", "Answer: yes\n", "? ", "<dna>", "[", '{"a":',
    "_", "*", "m6A: no ", "not tRNA ", "5_8S", "hk 1 ", "EC 1.1.1.1 ", "\\boxed{", "\nQuestion: ",
    "present", "5*10",
)  # fmt: skip


def seconds(text: str) -> float:
    start = time.process_time()
    for name in ("emp", "modification", "mrl", "prs"):
        for rule in RULES:
            read(TASKS[name], text, rule)
    return time.process_time() - start


@pytest.mark.parametrize("piece", REPEATED)
def test_time_is_linear(piece: str) -> None:
    """In quadratic time, 40 µs for 100 characters would be 40 s for these."""
    assert seconds((piece * 100_000)[:100_000]) < 8


def test_a_megabyte_takes_seconds() -> None:
    text = "The sequence shows no similarity to m6A sites, 1.5 of them in ON and OFF. "
    assert seconds((text * 20_000)[:1_000_000]) < 30


def test_a_sentiment_model_decides_what_the_paper_asks_it() -> None:
    asked: list[str] = []

    def sentiment(text: str) -> bool:
        asked.append(text)
        return "positive" in text

    texts = ("positive", "negative", "yes", "nothing here", "unsure", "")
    found = [parse(TASKS["emp"], one, "paper", sentiment=sentiment) for one in texts]
    assert found == [Parsed(True), Parsed(False), Parsed(True), Parsed(False), None, None]
    assert asked == ["positive", "negative"]


def test_json_of_a_reading() -> None:
    read_as = {
        "emp": ("No", '"negative"'),
        "ncrna": ("tRNA", '"tRNA"'),
        "modification": ("m6A, Am", '["Am", "m6A"]'),
        "mrl": ("0.5", "0.5"),
        "ea": ("hk 0.5 dev 1", '{"hk": 0.5, "dev": 1.0}'),
    }
    for name, (text, json) in read_as.items():
        found = parse(TASKS[name], text, "strict")
        assert found is not None
        assert found.json == json
