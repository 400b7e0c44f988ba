"""Gene2vec: pairs of genes that do or do not act together, as its authors split them.

https://github.com/jingcheng-du/Gene2vec, folder `predictionData`, Du et al. 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.sources.source import UsedFile

SPLITS = ("train", "valid", "test")
"""In the order of `read_pairs`."""
_SIZES = {"train": 263_016, "valid": 5_568, "test": 21_448}
_URL = "https://raw.githubusercontent.com/jingcheng-du/Gene2vec/master/predictionData/"

SOURCE = Source(
    name="gene2vec",
    title="Gene2vec",
    version="2019",
    licence="MIT",
    citation="Du et al., Gene2vec: distributed representation of genes, BMC Genomics 20:82 (2019)",
    homepage="https://github.com/jingcheng-du/Gene2vec",
    files=tuple(
        SourceFile(
            key=f"{split}_{kind}",
            url=f"{_URL}{split}_{kind}.txt",
            local=(f"{split}_{kind}.txt*",),
            min_rows=_SIZES[split],
            max_bytes=20_000_000,
        )
        for split in SPLITS
        for kind in ("text", "label")
    ),
)


def read_pairs(files: Mapping[str, UsedFile]) -> list[tuple[str, str, bool]]:
    """Return (symbol a, symbol b, related), train then valid then test, in file order.

    290,032 pairs; some stand there twice, once in each order. Every symbol stays as written.
    InputError if a line is no pair or texts and labels differ in number.
    """
    return [pair for split in SPLITS for pair in read_split(files, split)]


def read_split(files: Mapping[str, UsedFile], split: str) -> list[tuple[str, str, bool]]:
    """Return the pairs of one of the authors' splits."""
    text, label = used(files, SOURCE, f"{split}_text"), used(files, SOURCE, f"{split}_label")
    with open_lines(text) as lines:
        pairs = [line.split() for line in lines]
    with open_lines(label) as lines:
        labels = [line.strip() for line in lines]
    if len(pairs) != len(labels):
        message = f"{text.path} has {len(pairs):,} lines, {label.path} {len(labels):,}; mend one"
        raise InputError(message)
    text.expect_rows(len(pairs), "pairs")
    found = []
    for number, (pair, answer) in enumerate(zip(pairs, labels, strict=True), 1):
        if len(pair) != 2 or answer not in {"0", "1"}:  # noqa: PLR2004  a pair
            message = (
                f"{text.path} line {number} is {' '.join(pair)!r} with label {answer!r}; "
                "expected two symbols and 0 or 1"
            )
            raise InputError(message)
        found.append((pair[0], pair[1], answer == "1"))
    return found
