"""What a build says about itself: `build.json` for programs, README sections for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hf_datasets.protein_lm_dataset.configs import CONFIGS
from hf_datasets.protein_lm_dataset.inserted import LONGEST, MOST
from hf_datasets.protein_lm_dataset.literature import PMC_FULL_TEXT, PUBMED_ABSTRACTS
from hf_datasets.protein_lm_dataset.stream import SHARE, TRAIN, VALIDATION
from hf_datasets.protein_lm_dataset.tokens import RULE
from hf_datasets.sources import SOURCES
from hf_datasets.sources.uniprot_protein import TABULAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hf_datasets.protein_lm_dataset.stream import ConfigStream
    from hf_datasets.protein_lm_dataset.upstream import Upstream

CLEANING = """\
## Texts

Comments of UniProt are cleaned: `(PubMed:…)`, `(Ref.…)`, `{{ECO:…}}`, `[MIM:…]`, `(By similarity)`,
`(Probable)`, `(Potential)`, `Note=` and the topic before a comment are taken out, its sentences
stay; notes on an isoform or chain keep its name (`Isoform 2: …`). Several comments of one topic
are one text. Each entry has its wording of introductions, headings and questions, chosen by its
accession. Comments that are tables are not in it: {tabular}.
"""
LITERATURE = """\
## Literature

Abstracts are those of PubMed in their newest version, deleted ones left out, structured ones with
their labels. Articles of PubMed Central are told without tables, figures, formulas, footnotes and
the numbers of references. In `abstracts-with-sequences` the first mention of a protein is followed
by its sequence, at most {most} in an abstract and none longer than {longest:,} residues: proteins
that SIFTS links to the paper, by their UniProt name, and human genes by their symbol, with their
RefSeq protein.
"""


def build_record(upstream: Upstream, streams: Mapping[str, ConfigStream]) -> dict[str, Any]:
    """Return the part of `build.json` about sources, configs, splits and what was left out."""
    return {
        "sources": {
            name: {
                "title": SOURCES[name].title,
                "version": SOURCES[name].version,
                "licence": SOURCES[name].licence,
                "citation": SOURCES[name].citation,
                "files": [file.record() for _, file in sorted(files.items())],
            }
            for name, files in upstream.files.items()
        },
        "unavailable": upstream.unavailable,
        "configs": {name: stream.record() for name, stream in streams.items()},
        "token_rule": RULE,
        "clusters": upstream.clusters(),
        "faults": {
            source: {one.name: one.record() for one in faults}
            for source, faults in upstream.faults.items()
        },
    }


def card_sections(
    upstream: Upstream, streams: Mapping[str, ConfigStream], missing: Mapping[str, str]
) -> list[str]:
    """Return the sections of the README."""
    return [
        *_sizes(streams),
        *_splits(upstream),
        CLEANING.format(tabular=", ".join(TABULAR)),
        *_literature(streams),
        *_faults(upstream, missing),
    ]


def _literature(streams: Mapping[str, ConfigStream]) -> Iterator[str]:
    if {PUBMED_ABSTRACTS.name, PMC_FULL_TEXT.name} & streams.keys():
        yield LITERATURE.format(most=MOST, longest=LONGEST)


def _sizes(streams: Mapping[str, ConfigStream]) -> Iterator[str]:
    yield "## Configs\n\n| config | for | a row is |\n|---|---|---|"
    for name, stream in streams.items():
        config = stream.config
        yield f"| `{name}` | {config.kind} | {config.summary} |"
    yield "\n## Sizes\n"
    yield "| config | split | rows | bytes | words | tokens | repeated rows dropped |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for name, stream in streams.items():
        for split in (TRAIN, VALIDATION):
            size = stream.sizes[split]
            repeated = f"{stream.repeated:,}" if split == TRAIN else ""
            yield (
                f"| `{name}` | {split} | {stream.rows[split]:,} | {size.bytes:,} "
                f"| {size.words:,} | {size.tokens:,} | {repeated} |"
            )
    texts = "; ".join(
        f"{', '.join(f'`{column}`' for column in CONFIGS[name].texts)} of `{name}`"
        for name in streams
    )
    yield f"\nCounted are {texts}. Words stand between white space; {RULE}.\n"


def _splits(upstream: Upstream) -> Iterator[str]:
    yield "## Splits\n"
    yield (
        f"{SHARE:.0%} of the groups are validation, chosen by the sha256 of their name. Rows of "
        "one group, the column `cluster` of proteins, are never on both sides."
    )
    for what, found in upstream.clusters().items():
        yield (
            f"\n- {what}: {found['proteins']:,} in {found['clusters']:,} clusters by "
            f"{found['method']}; identical sequences always share one."
        )
    yield ""


def _faults(upstream: Upstream, missing: Mapping[str, str]) -> Iterator[str]:
    """Yield what is not in the build, and which records were left out."""
    lines = [line for faults in upstream.faults.values() for one in faults for line in one.lines()]
    yield "## Left out\n"
    yield from (f"- {line}" for line in lines)
    named = {path: why for path, why in missing.items() if not any(line in why for line in lines)}
    yield from (f"- `{path.split('/', 1)[1]}`: {why}" for path, why in named.items())
    if not lines and not named:
        yield "Nothing: every record of the sources could be read."
    yield ""
