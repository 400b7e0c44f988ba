"""Reading and building from small Swiss-Prot files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hf_datasets.protein_lm_dataset.proteins import clean_sections
from hf_datasets.sources.salvage import Faults
from hf_datasets.sources.source import UsedFile
from hf_datasets.sources.uniprot_sprot import read_proteins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Read = tuple[list[tuple[object, ...]], Faults]


@pytest.fixture
def read() -> Callable[[Path], Read]:
    """Read a file to the end: (accession, name, organism, sequence, clean sections), faults."""

    def run(path: Path) -> Read:
        file = UsedFile("uniprot-sprot", "entries", path, path.name, "", 0, "")
        faults = Faults(path.name)
        found: list[tuple[object, ...]] = [
            (p.accession, p.name, p.organism, p.sequence, clean_sections(p))
            for p in read_proteins(file, faults)
        ]
        return found, faults

    return run
