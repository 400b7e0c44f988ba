"""Each origin's reader on small files in that origin's format, and on what is wrong with them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hf_datasets.biology_instructions.origins import ORIGINS
from hf_datasets.biology_instructions.tasks import TASKS
from hf_datasets.errors import InputError
from hf_datasets.sources.fetch import locate
from hf_datasets.sources.labelled import Labelled, Problems, drawn_split

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.sources.source import UsedFile


def files_of(task: str, folder: Path, source: str | None = None) -> dict[str, UsedFile]:
    """Find the files of a task's origin."""
    origin = next(one for one in ORIGINS[task] if source in {None, one.source.name})
    return locate(origin.source, given={}, folder=folder, download=False, cache=folder / "none")


def read(task: str, folder: Path, source: str | None = None) -> tuple[list[Labelled], Counter[str]]:
    """Read a task from an origin: its rows, and what was wrong."""
    origin = next(one for one in ORIGINS[task] if source in {None, one.source.name})
    problems = Problems()
    rows = list(origin.read(files_of(task, folder, source), task, problems))
    return rows, problems.counts


EXPECTED = {
    # task, source, folder: rows by split; problems; the label of the first test row
    ("emp", "gue", ""): ((24, 6, 8), {}, False),
    ("tb-mouse", "gue", ""): ((0, 0, 6), {"label is neither 0 nor 1": 1}, False),
    ("ncrna", "nrc", ""): ((30, 0, 10), {"no class in the header": 1}, "tRNA"),
    ("apa", "beacon", ""): ((5, 5, 5), {}, 0.0),
    ("modification", "beacon", ""): ((6, 6, 6), {}, ("Am",)),
    ("prs", "beacon", ""): (
        (0, 0, 4),
        {"row has another number of fields": 1, "label is no number": 1},
        {"ON": 0.0, "OFF": 0.0, "ON_OFF": 0.0},
    ),
    ("ea", "deepstarr", ""): (
        (7, 3, 4),
        {"row has another number of fields": 1},
        {"hk": -0.25, "dev": 0.5},
    ),
    ("mrl", "optimus", "native"): ((30, 100, 100), {"UTR is not of 25 to 100 bases": 1}, 0.0),
    ("ec", "deepfri", ""): (
        (0, 0, 7),
        {
            "EC number that the head does not list": 1,
            "annotation without EC numbers": 1,
            "chain is there twice": 1,
            "chain without EC numbers": 1,
        },
        ("3.4.21.4",),
    ),
    ("solubility", "deepsol", ""): (
        (12, 3, 6),
        {"sequence without a label, or the other way round": 1},
        False,
    ),
    ("fluorescence", "tape", ""): (
        (10, 4, 5),
        {"record without primary or log_fluorescence": 1},
        0.0,
    ),
    ("stability", "tape", ""): ((10, 4, 5), {}, 0.0),
    ("thermostability", "flip", ""): ((9, 3, 4), {"set is neither train nor test": 1}, 52.0),
    ("aan", "deepaai", ""): ((36, 0, 12), {"split is neither seen nor unseen": 1}, True),
    ("epi", "targetfinder", ""): ((6, 0, 3), {}, False),
}


@pytest.mark.parametrize(("task", "source", "folder"), EXPECTED)
def test_rows_splits_labels_and_faults(origins: Path, task: str, source: str, folder: str) -> None:
    sizes, faults, first = EXPECTED[task, source, folder]
    rows, problems = read(task, origins / folder, source)
    found = Counter(row.split for row in rows)
    assert (found["train"], found["validation"], found["test"]) == sizes
    assert dict(problems) == faults
    assert next(row.label for row in rows if row.split == "test") == first
    assert all(len(row.sequences) == len(TASKS[task].molecules) for row in rows)


DRAWN = {
    ("crispr-on-target", "deepcrispr", ""): (50, "row has another number of fields", 1, (0.7, 0.1)),
    ("apa", "aparent", "native"): (20, "no reads", 1, (0.8, 0.1)),
    ("prs", "toehold", "native"): (10, "quality below 1.1 or none", 2, (0.8, 0.1)),
    ("rpi", "npinter", ""): (64, "no sequence of the RNA or the protein", 1, None),
    ("sirna", "sirna", ""): (21, "no label", 1, None),
}


@pytest.mark.parametrize(("task", "source", "folder"), DRAWN)
def test_an_origin_without_splits_gets_drawn_ones(
    origins: Path, task: str, source: str, folder: str
) -> None:
    rows, fault, times, shares = DRAWN[task, source, folder]
    found, problems = read(task, origins / folder, source)
    assert len(found) == rows
    assert problems == {fault: times}
    if shares:
        assert all(drawn_split(row.sequences[0], shares) == row.split for row in found)
    assert read(task, origins / folder, source)[0] == found


def test_drawn_splits_have_their_shares() -> None:
    counts = Counter(drawn_split(str(number), (0.72, 0.08)) for number in range(20_000))
    assert counts["train"] / 20_000 == pytest.approx(0.72, abs=0.01)
    assert counts["validation"] / 20_000 == pytest.approx(0.08, abs=0.01)


def test_optimus_keeps_the_deepest_hundred_of_a_length_back(origins: Path) -> None:
    rows, _ = read("mrl", origins / "native", "optimus")
    validation = [row.label for row in rows if row.split == "validation"]
    assert validation == [number / 100 for number in range(100)]  # the most reads come first


def test_a_broken_row_does_not_shift_the_labels_of_deepstarr(origins: Path) -> None:
    rows, _ = read("ea", origins)
    labels = [row.label for row in rows if row.split == "train"]
    assert labels == [{"hk": -n - 0.25, "dev": n + 0.5} for n in (0, 2, 3, 4, 5, 6, 7)]
    assert [row.number for row in rows if row.split == "train"] == [1, 3, 4, 5, 6, 7, 8]


def test_deepfri_splits_by_lists_where_the_headers_name_none(origins: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deepfri"
    folder.mkdir()
    annotation = "nrPDB-EC_2020.04_annot.tsv"
    (folder / annotation).write_text((origins / "deepfri" / annotation).read_text())
    (folder / "nrPDB-EC_2020.04_sequences.fasta").write_text(
        ">0ABC-A\nMKV\n>1ABC-A\nMK\n>2ABC-A\nM\n"
    )
    (folder / "nrPDB-EC_2020.04_train.txt").write_text("0ABC-A\n")
    (folder / "nrPDB-EC_2020.04_test.csv").write_text("PDB-chain,<30%\n1ABC-A,1\n")
    rows, problems = read("ec", tmp_path)
    assert [(row.split, row.sequences) for row in rows] == [("train", ("MKV",)), ("test", ("MK",))]
    assert problems["chain in no list of a split"] == 1


@pytest.mark.parametrize(
    ("task", "name", "text", "said"),
    [
        ("emp", "gue/EMP/H3/test.csv", "seq,label\nACGT,1\n", "no column 'sequence'"),
        ("ncrna", "nrc/x_2600_13classes_test.fasta", "ACGT\n", "is no FASTA"),
        ("ec", "deepfri/nrPDB-EC_2020.04_annot.tsv", "a\nb\nc\n", "no nrPDB-EC annotation"),
        ("fluorescence", "tape/fluorescence_test.json", "{}", "no list of records"),
        ("fluorescence", "tape/fluorescence_test.json", "[", "is not JSON"),
        ("stability", "tape/stability.tar.gz", "no archive", "is not JSON"),
        ("solubility", "deepsol/test_src", "MKV\n", "lacks test-tgt"),
    ],
)  # fmt: skip
def test_another_file_than_the_origins_is_refused_in_one_line(
    tmp_path: Path, task: str, name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read(task, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_archive_without_the_member_is_refused(origins: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deepcrispr"
    folder.mkdir()
    (folder / "crispr.tar.gz").write_bytes((origins / "tape/stability.tar.gz").read_bytes())
    with pytest.raises(InputError, match=r"holds no ontar/hl60.repisgt, only stability/"):
        read("crispr-on-target", tmp_path, "deepcrispr")


def test_a_truncated_download_is_an_error_not_fewer_rows(origins: Path, tmp_path: Path) -> None:
    whole = (origins / "native/optimus/GSM4084997_varying_length_25to100.csv.gz").read_bytes()
    folder = tmp_path / "optimus"
    folder.mkdir()
    (folder / "GSM4084997_varying_length_25to100.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged"):
        read("mrl", tmp_path, "optimus")
