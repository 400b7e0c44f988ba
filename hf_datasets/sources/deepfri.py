"""DeepFRI: EC numbers of protein chains in the PDB.

https://github.com/flatironinstitute/DeepFRI, preprocessing/data: `nrPDB-EC_2020.04_annot.tsv`
(line 2: the 538 EC numbers; from line 4 on: chain, numbers joined by commas), `…_train.txt`,
`…_valid.txt` and `…_test.txt` or `.csv` (a chain a line), and FASTA, whose headers may name the
split (`>2RQ6-A nrPDB_test`).
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.labelled import Labelled, fasta, numbered
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_LISTS = {"train": "train", "validation": "valid", "test": "test"}
_MARK = re.compile(r"\bnrPDB_(train|valid|test)\b")
_NAMED = {name: split for split, name in _LISTS.items()}
SOURCE = Source(
    name="deepfri",
    title="DeepFRI, EC numbers of PDB chains",
    version="nrPDB-EC 2020.04",
    licence="BSD-3-Clause",
    citation="Gligorijevic et al., DeepFRI, Nature Communications 12:3168 (2021)",
    homepage="https://github.com/flatironinstitute/DeepFRI",
    files=(
        SourceFile(
            key="annotations", url="", local=("*EC*_annot.tsv*", "ec_annot*.tsv*"), optional=True
        ),
        *(
            SourceFile(
                key=f"{split}-sequences",
                url="",
                local=(f"*EC*_{name}_sequences.fasta*", f"ec_{name}_sequences*.fasta*"),
                optional=True,
            )
            for split, name in _LISTS.items()
        ),
        SourceFile(key="sequences", url="", local=("*EC_????.??_sequences.fasta*",), optional=True),
        *(
            SourceFile(
                key=f"{split}-list",
                url="",
                local=(f"*EC*_{name}.txt*", f"*EC*_{name}.csv*"),
                optional=True,
            )
            for split, name in _LISTS.items()
        ),
    ),
)


def labels(files: Mapping[str, UsedFile]) -> tuple[str, ...]:
    """Return the EC numbers that a chain can have, in the file's order: 538."""
    with open_lines(used(files, SOURCE, "annotations")) as lines:
        head = list(islice(lines, 3))
    if len(head) < 3 or not head[0].startswith("### EC"):  # noqa: PLR2004
        file = files["annotations"]
        message = f"{file.path} is no nrPDB-EC annotation: its first line is not '### EC-numbers'"
        raise InputError(message)
    return tuple(head[1].split())


def read(files: Mapping[str, UsedFile], _task: str, problems: Problems) -> Iterator[Labelled]:
    """Yield the chains whose sequence, split and EC numbers are at hand.

    Of the chains of the whole, 15,551 train, 1,729 validate and 1,919 test.
    """
    numbers = _annotations(files, problems)
    lists = _lists(files)
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for key in ("sequences", *(f"{split}-sequences" for split in _LISTS)):
        if key not in files:
            continue
        for header, sequence in fasta(files[key]):
            chain = header.split()[0] if header else ""
            split = _split(key, header, chain, lists)
            if split is None:
                problems.add("chain in no list of a split", f"{key} {chain}")
                continue
            number = numbered(counts, split)
            if chain in seen:
                problems.add("chain is there twice", f"{key} {chain}")
            elif chain not in numbers:
                problems.add("chain without EC numbers", f"{key} {chain}")
            else:
                seen.add(chain)
                yield Labelled(split, number, (sequence,), numbers[chain])


def _split(key: str, header: str, chain: str, lists: Mapping[str, str]) -> str | None:
    if marked := _MARK.search(header):
        return _NAMED[marked[1]]
    return lists.get(chain) if key == "sequences" else key.removesuffix("-sequences")


def _lists(files: Mapping[str, UsedFile]) -> dict[str, str]:
    """Return chain → split, from the lists; a CSV has the chain in its first column."""
    found: dict[str, str] = {}
    for split in _LISTS:
        if file := files.get(f"{split}-list"):
            with open_lines(file) as lines:
                found |= {line.split(",")[0].strip(): split for line in lines if line.strip()}
    return found


def _annotations(files: Mapping[str, UsedFile], problems: Problems) -> dict[str, tuple[str, ...]]:
    known = set(labels(files))
    found: dict[str, tuple[str, ...]] = {}
    with open_lines(files["annotations"]) as lines:
        for number, line in enumerate(islice(lines, 3, None), 4):
            chain, tab, cell = line.strip().partition("\t")
            numbers = tuple(one.strip() for one in cell.split(",") if one.strip())
            if not tab or not numbers:
                problems.add("annotation without EC numbers", f"annotations line {number}")
            elif not known.issuperset(numbers):
                problems.add("EC number that the head does not list", f"annotations line {number}")
            else:
                found[chain] = numbers
    return found
