from __future__ import annotations

import gzip
import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uniprot_files import FORMATS, Comment, Entry, write_gzip

from hf_datasets import load_dataset
from hf_datasets.__main__ import command
from hf_datasets.build import BuildOptions, build_dataset
from hf_datasets.errors import InputError
from hf_datasets.protein_lm_dataset import clusters
from hf_datasets.protein_lm_dataset.stream import VALIDATION, split_of
from hf_datasets.protein_lm_dataset.tokens import TextSize, count_tokens
from hf_datasets.protein_lm_dataset.uniprot_sft import QUESTIONS
from hf_datasets.protein_lm_dataset.wording import choose_wording, spaced
from hf_datasets.publishing.folder import read_release
from hf_datasets.registry import dataset_record

if TYPE_CHECKING:
    from pathlib import Path

    import datasets

NAME = "protein-lm-dataset"
COUNT = 600
LETTERS = "ACDEFGHIKLMNPQRSTVWY"
MINE = {f"{NAME}/swiss-prot", f"{NAME}/uniprot-sft"}
TOPICS = [topic for topic, _ in QUESTIONS.values()]


def entries() -> list[Entry]:
    """Random proteins; of every five the last is like the first, with the same answers."""
    draw = random.Random(0)
    found: list[Entry] = []
    for number in range(COUNT):
        sequence = "".join(draw.choices(LETTERS, k=draw.randrange(40, 300)))
        said = [
            Comment(topic, [(f"Says {number} of it (PubMed:{number}).", "ECO:0000305")])
            for topic in TOPICS
            if topic != "DISEASE" and draw.random() < 0.5
        ]
        if number % 5 == 4:
            sequence = found[-4].sequence[:-2] + "WW"
            said = found[-4].comments
        found.append(Entry(f"P{number:05}", sequence, said))
    # The same protein of another species: its rows of questions repeat those of the first.
    twin = next(entry for entry in found if entry.comments)
    return [*found, Entry("Q99999", twin.sequence, twin.comments, organism=("Pan paniscus",))]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plm")
    source = write_gzip(folder / "uniprot_sprot.dat.gz", FORMATS["dat"](entries()))
    out = folder / NAME
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "find_mmseqs", lambda: None)
        # The configs of other sources are not in it.
        assert build(source, out, "--allow-partial") == 0
    return out


def build(source: Path, out: Path, *more: str) -> int:
    words = ["build", NAME, "--out", str(out), "--no-download"]
    return command([*words, "--source", f"uniprot-sprot={source}", *more])


def rows(folder: Path, config: str) -> dict[str, datasets.Dataset]:
    found = load_dataset(str(folder), config)
    assert isinstance(found, dict)
    return found


def test_load_by_name(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.parent)
    found = load_dataset(NAME, "uniprot-sft", split="validation", version="1.0.0")
    assert 0 < len(found) < 60
    assert {str(feature.dtype) for feature in found.features.values()} == {"string"}


def test_texts(built: Path) -> None:
    splits = rows(built, "swiss-prot")
    made = {entry.accession: entry for entry in entries()}
    texts = {row["id"]: row for table in splits.values() for row in table}
    assert texts.keys() == made.keys()
    for accession, row in texts.items():
        entry, text = made[accession], row["text"]
        lines = text.split("\n")
        assert row["length"] == len(entry.sequence)
        for piece in (accession, entry.name, entry.species, f"{len(entry.sequence)} residues"):
            assert piece in lines[0]
        assert lines[1].endswith(f": {spaced(entry.sequence)}")
        said = [comment.sentences[0][0] for comment in entry.comments]
        assert sorted(line.split(": ", 1)[1] for line in lines[2:]) == sorted(
            re.sub(r" \(PubMed:\d+\)", "", text) for text in said
        )
    assert len({text["text"].split(" ")[0] for text in texts.values()}) > 3


def test_questions(built: Path) -> None:
    splits = rows(built, "uniprot-sft")
    found = {row["id"]: row for table in splits.values() for row in table}
    made = {entry.accession: entry for entry in entries() if entry.accession != "Q99999"}
    task_of = {topic: task for task, (topic, _) in QUESTIONS.items()}
    assert found.keys() == {
        f"{entry.accession}/{task_of[comment.topic]}"
        for entry in made.values()
        for comment in entry.comments
    }
    for row in found.values():
        assert list(row) == [
            "id", "accession", "task", "instruction", "input", "output", "cluster",
        ]  # fmt: skip
        entry = made[row["accession"]]
        assert row["input"] == spaced(entry.sequence)
        assert re.fullmatch(r"Says \d+ of it\.", row["output"])
        assert row["instruction"] in QUESTIONS[row["task"]][1]
    for task, (_, wordings) in QUESTIONS.items():
        used = {row["instruction"] for row in found.values() if row["task"] == task}
        assert used == set(wordings) or task == "disease"


def test_clusters_lie_on_one_side(built: Path) -> None:
    for config in ("swiss-prot", "uniprot-sft"):
        splits = rows(built, config)
        assert all(len(table) for table in splits.values())
        train, validation = (set(splits[split]["cluster"]) for split in ("train", "validation"))
        assert not train & validation
        assert all(split_of(cluster) == VALIDATION for cluster in validation)
    row = {row["id"]: row for table in rows(built, "swiss-prot").values() for row in table}
    for number in range(4, COUNT, 5):
        assert row[f"P{number:05}"]["cluster"] == f"P{number - 4:05}"


def test_the_build_reports_itself(built: Path) -> None:
    record = json.loads((built / "build.json").read_text(encoding="utf-8"))
    twin = next(entry for entry in entries() if entry.comments)
    assert record["configs"]["uniprot-sft"]["repeated_rows_dropped"] == len(twin.comments)
    assert record["configs"]["swiss-prot"]["repeated_rows_dropped"] == 0
    assert not MINE & record["missing"].keys()
    card = (built / "README.md").read_text(encoding="utf-8")
    assert "MinHash of 5-mers" in card
    for config in ("swiss-prot", "uniprot-sft"):
        for split, table in rows(built, config).items():
            stated = record["configs"][config]["splits"][split]
            columns = {"swiss-prot": ["text"]}.get(config, ["instruction", "input", "output"])
            texts = [text for column in columns for text in table[column]]
            assert stated["rows"] == len(table)
            assert stated["bytes"] == sum(len(text.encode()) for text in texts)
            assert stated["words"] == sum(len(text.split()) for text in texts)
            assert stated["tokens"] == sum(map(count_tokens, texts))
            assert f"| `{config}` | {split} | {len(table):,} | {stated['bytes']:,} " in card


def test_it_can_be_published(built: Path) -> None:
    release = read_release(built, None, allow_partial=True)
    assert release.version == "1.0.0"
    assert release.splits["uniprot-sft"] == ("train", "validation")


def test_formats_give_the_same_dataset_and_a_second_build_is_none(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {path.name: path.read_bytes() for path in sorted(built.glob("*/*.parquet"))}
    for kind in ("xml", "tsv"):
        source = write_gzip(tmp_path / f"sprot.{kind}.gz", FORMATS[kind](entries()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clusters, "find_mmseqs", lambda: None)
            assert build(source, tmp_path / kind, "--allow-partial") == 0
        made = {
            path.name: path.read_bytes() for path in sorted((tmp_path / kind).glob("*/*.parquet"))
        }
        assert made == first
    assert build(source, tmp_path / "tsv", "--allow-partial") == 0
    assert "unchanged" in capsys.readouterr().err


def test_bad_records_are_told_and_a_build_with_them_is_partial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = Entry("Q00001", "MKVLAA", length=7)
    source = write_gzip(tmp_path / "sprot.dat.gz", FORMATS["dat"]([*entries(), bad]))
    assert build(source, tmp_path / "out") == 1
    told = (
        "sprot.dat.gz: left out 1 x sequence of another length than stated (Q00001 states 7, has 6)"
    )
    assert told in capsys.readouterr().err
    assert told in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "out" / "build.json").read_text(encoding="utf-8"))
    assert record["missing"].keys() >= MINE
    assert record["faults"]["uniprot-sprot"]["sprot.dat.gz"]["left_out"] == {
        "sequence of another length than stated": {
            "records": 1,
            "examples": ["Q00001 states 7, has 6"],
        }
    }
    assert build(source, tmp_path / "out2", "--allow-partial") == 0
    with pytest.raises(InputError, match="cannot be built in full"):
        build_dataset(
            dataset_record(NAME),
            tmp_path / "whole",
            BuildOptions(given={"uniprot-sprot": source}, download=False, complete=True),
        )
    assert not (tmp_path / "whole").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_truncated_download(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = gzip.compress(FORMATS["dat"](entries()).encode())
    source = tmp_path / "sprot.dat.gz"
    source.write_bytes(packed[: len(packed) // 2])
    assert build(source, tmp_path / "out") == 1
    assert "sprot.dat.gz: the gzip file ends too early" in capsys.readouterr().err
    found = [row["id"] for table in rows(tmp_path / "out", "swiss-prot").values() for row in table]
    assert COUNT * 0.4 < len(found) < COUNT * 0.6


def test_table_without_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split("\t") for line in FORMATS["tsv"](entries()).splitlines()]
    at = lines[0].index("Induction")
    source = tmp_path / "sprot.tsv"
    text = "".join("\t".join(line[:at] + line[at + 1 :]) + "\n" for line in lines)
    source.write_text(text, encoding="utf-8")
    assert build(source, tmp_path / "out") == 1
    told = "missing protein-lm-dataset/uniprot-sft/induction: sprot.tsv has no column 'Induction'"
    assert told in capsys.readouterr().err
    found: dict[str, Any] = rows(tmp_path / "out", "uniprot-sft")
    assert set(found["train"]["task"]) == QUESTIONS.keys() - {"induction", "disease"}


def test_without_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["build", NAME, "--out", str(tmp_path / "out"), "--no-download"]) == 2
    assert "give --source uniprot-sprot.entries=FILE" in capsys.readouterr().err


def test_it_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["list"]) == 0
    assert f"{NAME} 1.0.0  (cc-by-4.0)" in capsys.readouterr().out


def test_a_wording_is_kept_and_all_are_used() -> None:
    wordings = ["a", "b", "c"]
    first = [choose_wording(wordings, "x", f"P{number}") for number in range(300)]
    assert first == [choose_wording(wordings, "x", f"P{number}") for number in range(300)]
    assert all(60 < first.count(wording) < 140 for wording in wordings)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["<seq> M K V </seq>", "<seq>  </seq>", "Zn(2+)", "β-x", "12", "\n"]))
)
def test_tokens_of_text(parts: list[str]) -> None:
    text = " ".join(parts)
    expected = 0
    for part in parts:
        if part.startswith("<seq>"):
            expected += len(part.split())
        else:
            expected += len(re.findall(r"[A-Za-zβ]+|\d|[^\w\s]", part))
    assert count_tokens(text) == expected
    size = TextSize()
    size.add(text)
    assert size.words == len(text.split())
    assert size.bytes == len(text.encode())
