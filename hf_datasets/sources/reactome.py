"""Reactome: which top-level pathways a gene takes part in.

https://reactome.org/download-data: `ReactomePathways.gmt.zip` (genes of every human pathway,
those of its sub-pathways included) and `ReactomePathwaysRelation.txt` (parent, child).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, shorten
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.sources.source import UsedFile

_URL = "https://reactome.org/download/current/"
SOURCE = Source(
    name="reactome",
    title="Reactome",
    version="current",
    licence="CC0-1.0",
    citation="Milacic et al., The Reactome Pathway Knowledgebase 2024, NAR 52:D672 (2024)",
    homepage="https://reactome.org",
    files=(
        SourceFile(
            key="genes",
            url=f"{_URL}ReactomePathways.gmt.zip",
            local=("ReactomePathways.gmt*",),
            min_rows=2_000,
        ),
        SourceFile(
            key="relations",
            url=f"{_URL}ReactomePathwaysRelation.txt",
            local=("ReactomePathwaysRelation.txt*",),
            min_rows=15_000,
        ),
    ),
)
HUMAN = "R-HSA-"


def read_pathways(
    files: Mapping[str, UsedFile],
) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
    """Return {gene: names of its top-level pathways} and all those names, sorted.

    A top level is a human pathway with children and no parent (29). A gene is in it if the gmt
    row of the top level itself names it: the row holds the genes of all sub-pathways, so walking
    down the relations adds nothing. Three human pathways without any relation are no top level.
    The names are as written there: 11,727 in the release of January 2026, of which some 400 are
    no human symbols (`gag`, `rev`, `28S rRNA`, older symbols): resolving them is left to symbols.
    """
    tops = _top_levels(used(files, SOURCE, "relations"))
    genes_file = used(files, SOURCE, "genes")
    named: dict[str, str] = {}
    members: dict[str, set[str]] = {}
    count = 0
    for name, identifier, *genes in _fields(genes_file, 3):
        count += 1
        if identifier in tops:
            named[identifier] = name
            for gene in genes:
                members.setdefault(gene, set()).add(name)
    genes_file.expect_rows(count, "pathways")
    if missing := sorted(tops - named.keys()):
        message = (
            f"{genes_file.path} lacks top-level pathways {shorten(missing)}; "
            "take both Reactome files from one release"
        )
        raise InputError(message)
    return (
        {gene: frozenset(names) for gene, names in members.items()},
        tuple(sorted(named.values())),
    )


def _top_levels(file: UsedFile) -> set[str]:
    """Return the identifiers of human pathways that have a child and no parent."""
    parents, children = set(), set()
    count = 0
    for parent, child, *_ in _fields(file, 2):
        count += 1
        if parent.startswith(HUMAN):
            parents.add(parent)
            children.add(child)
    file.expect_rows(count, "relations")
    return parents - children


def _fields(file: UsedFile, least: int) -> Iterator[list[str]]:
    """Yield the tab-separated fields of every line; InputError for a line with too few."""
    with open_lines(file) as lines:
        for number, line in enumerate(lines, 1):
            fields = [field for field in line.rstrip("\r\n").split("\t") if field]
            if len(fields) < least:
                message = (
                    f"{file.path} line {number} has {len(fields)} fields, expected {least} or "
                    "more with tabs between them; fetch it again"
                )
                raise InputError(message)
            yield fields
