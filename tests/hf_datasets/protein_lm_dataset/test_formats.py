from __future__ import annotations

import string
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uniprot_files import FORMATS, Comment, Entry, flat_file, table_file, write_gzip, xml_file

from hf_datasets.errors import InputError
from hf_datasets.sources.uniprot_tsv import first_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from hf_datasets.sources.salvage import Faults

    Reader = Callable[[Path], tuple[list[tuple[object, ...]], Faults]]

SEEN = "ECO:0000269|PubMed:11274460, ECO:0000305"
PHOSPHORYLATES = (
    "Catalyzes the phosphorylation of D-glycero-D-manno-heptose 7-phosphate at the C-1 position "
    "to form D-glycero-beta-D-manno-heptose (PubMed:1, PubMed:22)."
)
NASTY = Entry(
    "P00001",
    "MKVLAAGIVGLCAKAYHEQDNFRSTWUX" * 4,
    name="tRNA (guanine-N(7)-)-methyltransferase",
    organism=("Frog virus 3 (isolate Goorha)", "FV-3"),
    comments=[
        Comment(
            "FUNCTION",
            [(PHOSPHORYLATES, SEEN)],
        ),
        Comment(
            "FUNCTION",
            [
                ("Binds N- and C-terminal parts & keeps 1..5 < 6 (By similarity).", SEEN),
                ("(Microbial infection) A second one (Ref.3).", ""),
            ],
            molecule="Isoform 2",
        ),
        Comment("CATALYTIC ACTIVITY", reaction=("an alcohol + NAD(+) = NADH + H(+)", "1.1.1.n1")),
        Comment("COFACTOR", [("Binds 2 ions.", SEEN)], cofactors=["Zn(2+)", "Mg(2+)"]),
        Comment("SUBUNIT", [("Homodimer.", "")]),
        Comment(
            "SUBCELLULAR LOCATION",
            [("Seen in the nucleus too.", SEEN)],
            places=[["Cell membrane", "Lipid-anchor", "Cytoplasmic side"], ["Secreted"]],
        ),
        Comment(
            "DISEASE",
            [("Caused by variants.", "")],
            disease=("Alzheimer disease 1", "AD1", "104300", "An early form (PubMed:1).", SEEN),
        ),
        Comment("DISEASE", [("ACTA2 mutations matter.", SEEN)]),
        Comment("INTERACTION", [("P1; P2: x; NbExp=3;", "")]),
    ],
)
PLAIN = Entry("P00002", "MKV", [Comment("PTM", [("Cleaved.", SEEN)])])
EXPECTED = [
    (
        "P00001",
        "tRNA (guanine-N(7)-)-methyltransferase",
        "Frog virus 3 (isolate Goorha) (FV-3)",
        "MKVLAAGIVGLCAKAYHEQDNFRSTWUX" * 4,
        {
            "FUNCTION": "Catalyzes the phosphorylation of D-glycero-D-manno-heptose 7-phosphate at "
            "the C-1 position to form D-glycero-beta-D-manno-heptose. Isoform 2: Binds N- and "
            "C-terminal parts & keeps 1..5 < 6. (Microbial infection) A second one.",
            "CATALYTIC ACTIVITY": "an alcohol + NAD(+) = NADH + H(+) (EC 1.1.1.n1).",
            "COFACTOR": "Zn(2+), Mg(2+). Binds 2 ions.",
            "SUBUNIT": "Homodimer.",
            "SUBCELLULAR LOCATION": "Cell membrane; Lipid-anchor; Cytoplasmic side. Secreted. "
            "Seen in the nucleus too.",
            "DISEASE": "Alzheimer disease 1 (AD1): An early form. Caused by variants. "
            "ACTA2 mutations matter.",
        },
    ),
    ("P00002", "Test protein", "Homo sapiens (Human)", "MKV", {"PTM": "Cleaved."}),
]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_entries(
    tmp_path: Path, read: Reader, kind: str, packed: bool
) -> None:
    text = FORMATS[kind]([NASTY, PLAIN])
    path = tmp_path / "sprot"  # told by what is in it, not by its name
    if packed:
        write_gzip(path, text)
    else:
        path.write_text(text, encoding="utf-8")
    found, faults = read(path)
    assert found == EXPECTED
    assert not faults.lines()


WORDS = st.sampled_from(
    [
        *"Binds Zn(2+) ions of D-glycero-D-manno-heptose and 2-oxoglutarate, <AMP> & ATP;".split(),
        *"N- (PubMed:17) (PubMed:1). (in vitro). at 1..5 β-lactam Mediates".split(),
        *("(Ref.3, PubMed:4)", "(guanine-N(7)-)-methyl-[protein]-transferase", "-> C->T --"),
    ]
)
SENTENCE = st.lists(WORDS, min_size=1, max_size=30).map(lambda words: " ".join(words) + " X.")
FREE = st.sampled_from(["FUNCTION", "SUBUNIT", "TISSUE SPECIFICITY", "PTM", "INDUCTION"])
COMMENTS = st.builds(
    Comment,
    FREE,
    st.lists(st.tuples(SENTENCE, st.sampled_from(["", SEEN])), min_size=1, max_size=3),
    st.sampled_from(["", "Isoform 2", "Spike protein S1"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=130),
                          st.lists(COMMENTS, max_size=5)), min_size=1, max_size=4))  # fmt: skip
def test_random_entries_are_the_same_in_every_format(
    read: Reader, made: list[tuple[str, list[Comment]]]
) -> None:
    entries = [Entry(f"Q{number:05}", *one) for number, one in enumerate(made)]
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for kind, write in FORMATS.items():
            found, faults = read(write_gzip(Path(folder) / kind, write(entries)))
            assert not faults.lines()
            results.append(found)
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == len(entries)
    for sections in (row[4] for row in results[0]):
        assert isinstance(sections, dict)
        text = " ".join(sections.values())
        assert not any(mark in text for mark in ("PubMed:", "{ECO", "[MIM", ". .", "  ", "Ref.3"))


def test_flat_file_with_windows_line_ends(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "sprot.dat"
    path.write_bytes(flat_file([NASTY, PLAIN]).replace("\n", "\r\n").encode())
    assert read(path)[0] == EXPECTED


def test_xml_declarations_are_never_seen(tmp_path: Path, read: Reader) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "/etc/passwd">]>'
    text = xml_file([PLAIN, Entry("P00003", "MKV")]).replace("<uniprot", f"{bomb}<uniprot", 1)
    path = tmp_path / "sprot.xml"
    path.write_text(text.replace("Cleaved", "Cleaved &b; &f;"), encoding="utf-8")
    found, faults = read(path)
    assert [row[0] for row in found] == ["P00003"]
    assert faults.counts == {"broken XML": 1}
    assert "undefined entity" in faults.examples["broken XML"][0]


def test_other_files_are_refused(tmp_path: Path, read: Reader) -> None:
    for text, word in (
        ('{"results": []}', "neither"),
        ("<!doctype html><html>", "neither"),
        ("Entry\tLength\nP1\t3\n", "Protein names"),
        (table_file([]), "no entry that can be used"),
        ("ID   X\n", "no entry that can be used"),
    ):
        path = tmp_path / "file"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=word):
            read(path)


@settings(deadline=None)
@given(st.text(string.ascii_letters + "([ ])", max_size=40))
def test_first_name_is_a_prefix(names: str) -> None:
    assert names.strip().startswith(first_name(names))
