from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING

import pytest
from uniprot_files import FORMATS, Comment, Entry, flat_entry, flat_file, xml_file

from hf_datasets.sources import salvage
from hf_datasets.sources.salvage import Faults, read_bytes
from hf_datasets.sources.source import UsedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Reader = Callable[[Path], tuple[list[tuple[object, ...]], Faults]]

GOOD = [Entry(f"P0000{number}", "MKVLAA") for number in range(3)]


def accessions(found: list[tuple[object, ...]]) -> list[object]:
    return [row[0] for row in found]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (Entry("Q00001", "MKVLAA", length=7), "sequence of another length than stated"),
        (Entry("Q00001", "MKV*LA"), "letters that are no amino acids"),
        (Entry("Q00001", "mkvlaa"), "letters that are no amino acids"),
        (Entry("Q00001", ""), "no sequence"),
        (Entry("", "MKVLAA"), "no accession"),
        (Entry("Q00001", "MKVLAA", name=""), "no name"),
        (Entry("P00001", "MKVLAC"), "accession that was there before"),
        (Entry("Q00001", "MKVLAA", reviewed=False), "unreviewed entry (TrEMBL)"),
    ],
)
def test_bad_entries_are_counted_in_every_format(
    tmp_path: Path, read: Reader, kind: str, bad: Entry, what: str
) -> None:
    path = tmp_path / "sprot"
    path.write_text(FORMATS[kind]([*GOOD[:2], bad, GOOD[2]]), encoding="utf-8")
    found, faults = read(path)
    assert accessions(found) == ["P00000", "P00001", "P00002"]
    assert [sequence for _, _, _, sequence, _ in found] == ["MKVLAA"] * 3
    assert faults.counts == {what: 1}
    assert len(faults.lines()) == 1


def test_flat_entry_without_its_end(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "sprot"
    torn = flat_entry(Entry("Q00001", "MKVLAA")).removesuffix("//\n")
    path.write_text(flat_file(GOOD[:1]) + torn + flat_file(GOOD[1:]) + torn, encoding="utf-8")
    found, faults = read(path)
    assert accessions(found) == ["P00000", "P00001", "P00002"]
    assert faults.counts == {"entry without an end (//)": 2}
    assert faults.examples["entry without an end (//)"] == ["Q00001_TEST", "Q00001_TEST"]


def test_broken_xml_costs_only_its_entry(tmp_path: Path, read: Reader) -> None:
    text = xml_file([GOOD[0], Entry("Q00001", "MKV"), GOOD[1], Entry("Q00002", "MKV"), GOOD[2]])
    start = text.index("Q00002_TEST")
    end = text.index("</entry>", start)
    text = text[:end] + text[end + len("</entry>") :]
    text = text.replace("<name>Q00001_TEST</name>", "<name>Q00001_TEST</nome>")
    path = tmp_path / "sprot"
    path.write_text(text, encoding="utf-8")
    found, faults = read(path)
    assert accessions(found) == ["P00000", "P00001", "P00002"]
    assert faults.counts == {"broken XML": 1, "entry without an end (</entry>)": 1}
    assert faults.examples["broken XML"][0].startswith("Q00001: mismatched tag")
    assert faults.examples["entry without an end (</entry>)"] == ["Q00002"]


def test_broken_xml_in_the_part_that_is_not_read(tmp_path: Path, read: Reader) -> None:
    sick = Entry("Q00001", "MKV", [Comment("PTM", [("Cleaved.", "")])])
    text = xml_file([sick, *GOOD]).replace('id="X57346"/>', 'id="X57346">', 1)
    path = tmp_path / "sprot"
    path.write_text(text, encoding="utf-8")
    found, faults = read(path)
    assert len(found) == 3
    assert faults.counts == {"broken XML": 1}


def test_rows_of_another_width_and_bytes_that_are_no_text(tmp_path: Path, read: Reader) -> None:
    lines = FORMATS["tsv"]([*GOOD, Entry("Q00001", "MKV")]).encode().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"\n", b"\tmore\n")
    lines[3] = lines[3].replace(b"Homo", b"H\xe9mo")
    path = tmp_path / "sprot"
    path.write_bytes(b"".join(lines))
    found, faults = read(path)
    assert accessions(found) == ["P00000", "Q00001"]
    assert faults.examples == {"row of another width": ["line 3, P00001"], "not UTF-8": ["line 4"]}
    path.write_bytes(flat_file(GOOD).encode().replace(b"Homo", b"H\xe9mo", 1))
    found, faults = read(path)
    assert accessions(found) == ["P00001", "P00002"]
    assert faults.examples == {"not UTF-8": ["P00000_TEST"]}


def many(count: int) -> list[Entry]:
    draw = random.Random(0)
    letters = "ACDEFGHIKLMNPQRSTVWY"
    return [Entry(f"P{n:05}", "".join(draw.choices(letters, k=300))) for n in range(count)]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_truncated_gzip_gives_what_came_before(
    tmp_path: Path, read: Reader, kind: str, share: float
) -> None:
    text = FORMATS[kind](many(400)).encode()
    packed = gzip.compress(text)
    path = tmp_path / "sprot"
    path.write_bytes(packed[: int(len(packed) * share)])
    found, faults = read(path)
    assert accessions(found) == [f"P{number:05}" for number in range(len(found))]
    assert 400 * share * 0.95 - 5 <= len(found) <= 400
    assert "ends too early" in faults.cut


def test_every_byte_before_damage_is_yielded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = random.Random(1).randbytes(300_000)
    path = tmp_path / "file.gz"
    used = UsedFile("s", "k", path, path.name, "", 0, "", max_bytes=10**9)

    def unpack(packed: bytes) -> tuple[bytes, str]:
        path.write_bytes(packed)
        faults = Faults("file.gz")
        return b"".join(read_bytes(used, faults)), faults.cut

    monkeypatch.setattr(salvage, "_PACKED", 10_000)
    monkeypatch.setattr(salvage, "_UNPACKED", 7_000)
    one, two = gzip.compress(plain[:200_000]), gzip.compress(plain[200_000:])
    assert unpack(one + two) == (plain, "")
    assert unpack(one + b"\0" * 512) == (plain[:200_000], "")
    assert unpack(plain) == (plain, "")
    wrong_sum = bytearray(one)
    wrong_sum[-6] ^= 1
    found, why = unpack(bytes(wrong_sum))
    assert found == plain[:200_000]
    assert "incorrect data check" in why
    found, why = unpack(one + b"no gzip at all")
    assert found == plain[:200_000]
    assert "damaged" in why
    found, why = unpack(one[:150_000])
    assert plain.startswith(found)
    assert len(found) > 149_000
    assert "too early" in why


def test_xml_that_ends_between_entries(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "sprot"
    text = xml_file(GOOD)
    path.write_text(text[: text.index("<copyright>")], encoding="utf-8")
    found, faults = read(path)
    assert len(found) == 3
    assert faults.cut.startswith("the XML ends without </uniprot>")
