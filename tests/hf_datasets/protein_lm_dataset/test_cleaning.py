from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_datasets.protein_lm_dataset.cleaning import clean_comment, clean_prose

CASES = {
    "SUBUNIT: Homodimer (PubMed:1). {ECO:0000269|PubMed:1}.": "Homodimer.",
    "Binds X (PubMed:1, PubMed:22) and Y (Ref.4, PubMed:3). {ECO:1}. Z. {ECO:2, ECO:3}.": (
        "Binds X and Y. Z."
    ),
    "[Isoform 2]: Inhibits A (By similarity).": "Isoform 2: Inhibits A.",
    "Interacts with A (via C-terminus) (Probable); B {ECO:1}; and C.": (
        "Interacts with A (via C-terminus); B; and C."
    ),
    "Disease 1 (D1) [MIM:104300]: A form. {ECO:1}. Note=Caused by variants.": (
        "Disease 1 (D1): A form. Caused by variants."
    ),
    "As shown in vitro (Ref.12).": "As shown in vitro.",
    "(PubMed:1). {ECO:1}.": "",
    "{ECO:0000305}.": "",
    "Found in (e.g. PubMed:123) liver": "Found in (e.g.) liver.",
    "Active at pH 7.5..8.5, e.g. in S.cerevisiae": "Active at pH 7.5..8.5, e.g. in S.cerevisiae.",
    "Reaches 1.5 mM. . Then stops. .": "Reaches 1.5 mM. Then stops.",
    "Why so? {ECO:1}": "Why so?",
}


@pytest.mark.parametrize(("raw", "clean"), CASES.items())
def test_published_rules(raw: str, clean: str) -> None:
    assert clean_comment("SUBUNIT", raw) == clean


def test_reactions_and_cofactors() -> None:
    raw = (
        "Reaction=ATP + H2O = ADP + phosphate + H(+); Xref=Rhea:RHEA:13065, ChEBI:CHEBI:15377; "
        "EC=3.6.4.10; Evidence={ECO:0000269|PubMed:1}; PhysiologicalDirection=left-to-right;"
    )
    clean = "ATP + H2O = ADP + phosphate + H(+) (EC 3.6.4.10)."
    assert clean_comment("CATALYTIC ACTIVITY", raw) == clean
    assert clean_comment("CATALYTIC ACTIVITY", "[Isoform 1]: " + raw) == f"Isoform 1: {clean}"
    raw = "Name=heme b; Xref=ChEBI:CHEBI:60344; Evidence={ECO:1}; Note=Binds 1 heme. {ECO:1};"
    assert clean_comment("COFACTOR", raw) == "heme b. Binds 1 heme."
    assert clean_comment("COFACTOR", "Name=a divalent metal cation;") == "a divalent metal cation."


SENTENCE = st.from_regex(r"[A-Z][a-z]{1,9}(?: [a-z0-9(+)-]{1,9}){0,6}[a-z]\.", fullmatch=True)
MARKS = st.sampled_from(
    [" {ECO:0000269|PubMed:1}.", " {ECO:0000305}.", " {ECO:1|HAMAP-Rule:MF_1, ECO:2}.", ""]
)
CITED = st.sampled_from(
    [" (PubMed:1)", " (PubMed:1, PubMed:2)", " (Ref.7)", " (By similarity)", ""]
)


@settings(deadline=None)
@given(st.lists(st.tuples(SENTENCE, CITED, MARKS), min_size=1, max_size=5))
def test_marks_go_and_sentences_stay(parts: list[tuple[str, str, str]]) -> None:
    plain = [sentence for sentence, _, _ in parts]
    raw = " ".join(f"{sentence[:-1]}{cited}.{marks}" for sentence, cited, marks in parts)
    assert clean_prose(raw) == clean_prose(" ".join(plain))
    if not any("(" in sentence for sentence in plain):
        assert clean_prose(raw) == " ".join(plain)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "(PubMed:1) PubMed:22 {ECO:1} [MIM:1] ( ) [ ] . ; , Note= [A]: x By Isoform".split()
        )
    ).map(" ".join)
)
def test_nothing_of_the_marks_is_left(raw: str) -> None:
    found = clean_prose(raw)
    assert not any(mark in found for mark in ("PubMed:", "{ECO:", "[MIM:", ". .", "  "))
    assert found == "" or found[-1] in ".!?"
