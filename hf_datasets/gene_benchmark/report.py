"""What a build says about itself: `build.json` for programs, README sections for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hf_datasets.gene_benchmark.clusters import mmseqs_version
from hf_datasets.gene_benchmark.tasks import CONFIGS, TASKS
from hf_datasets.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.gene_benchmark.columns import Column, Columns
    from hf_datasets.gene_benchmark.inputs import Inputs
    from hf_datasets.gene_benchmark.upstream import Upstream

NOTES = """\
## Notes

- A gene is in a task of labels only if it has one of them: so it is in gene-benchmark.
- `gene2gene`: each pair is there once, whichever gene comes first; pairs that the source gives
  with both labels are left out.
- `gene-disease`: `symbol` is a gene, `disease_id` a disease of Open Targets; embed both.
- gene-benchmark builds its task "N1 network" from the file `n1_target` and "N1 targets" from
  `n1_network`. Columns here are named after the files, published names follow gene-benchmark.
- "Lys4-only-methylated vs non-methylated" is bivalent against Lys4-only, as its file says.
- `subcellular_location` is published under genomic properties; here it is in `localization`.
- `fold` deals the genes of a table out to five folds; `fold_family` does so by `gene_family`, so
  that no paralog of a training gene is tested. A pair of genes lies in a fold when both do.
- `genes`: `description_masked` is the description without the words that name a label of any
  task: the difference between the two is what a text model reads off. `dna_window` has the
  start of transcription at its middle base, read along the gene;
  `gene_family` is the largest HGNC gene group of at most 100 genes; `paralog_cluster` names the
  first gene of a cluster by MMseqs2 (30% identity over 80% of both proteins).
"""
CONVERTED_KEYWORDS = """\
## Known faults

- The UniProt keywords come from a converted table that is incomplete: of some keywords
  (Glycoprotein, ATP-binding, Nucleotide-binding, Calcium, Copper, Lectin, Lipid-binding, perhaps
  Metal-binding) it holds only the genes of a narrower keyword, so that many genes are wrongly
  without them. `--source uniprot.entries=FILE`, UniProt's own stream, does not have this fault.
"""
PAPER = """\
@article{kan-tor-2024,
  title = {Does your model understand genes? A benchmark of gene properties for biological and text
    models},
  author = {Kan-Tor, Yoav and Danziger, Michael Morris and Zohar, Eden and Ninio, Matan and
    Shimoni, Yishai},
  journal = {arXiv preprint arXiv:2412.04075},
  year = {2024},
}
"""
INPUT_SOURCES = ("hgnc", "ncbi_gene", "uniprot", "ensembl")
"""Sources of the config `genes`."""


def build_record(upstream: Upstream, columns: Columns, inputs: Inputs | None) -> dict[str, Any]:
    """Return the part of `build.json` about sources, tasks, inputs and names of genes."""
    return {
        "sources": {
            name: {
                "title": SOURCES[name].title,
                "homepage": SOURCES[name].homepage,
                "version": upstream.version(name),
                "licence": SOURCES[name].licence,
                "citation": SOURCES[name].citation,
                "files": [file.record() for _, file in sorted(files.items())],
            }
            for name, files in upstream.files.items()
        },
        "unavailable": upstream.unavailable,
        "citation": PAPER,
        "configs": {config: {"sources": _sources_of(upstream, config)} for config in CONFIGS},
        "tasks": {
            path: {
                "published": column.record.published,
                "family": column.record.family,
                "type": column.record.type.value,
                "source": column.record.source,
                "size": len(column.labels),
                "classes": len(column.classes),
                "published_size": column.record.published_size,
                "differs": why_it_differs(upstream, column),
            }
            for path, column in columns.built.items()
        },
        "genes": inputs and {"rows": len(inputs.rows), "filled": inputs.filled()},
        "dna_window": upstream.options.dna_window,
        "mmseqs": mmseqs_version(),
        "left_out": dict(sorted(upstream.left_out.items())),
        "names": {source: names.record() for source, names in columns.names.items()},
        "hpa_columns": _hpa_origins(upstream),
    }


def _sources_of(upstream: Upstream, config: str) -> list[str]:
    sources = dict.fromkeys(record.source for record in TASKS if record.config == config)
    return [name for name in sources or INPUT_SOURCES if name in upstream.files]


def _hpa_origins(upstream: Upstream) -> dict[str, Any]:
    """Return column → the file of the Human Protein Atlas that it was taken from."""
    if "hpa" in upstream.unavailable:
        return {}
    return {column: asdict(origin) for column, origin in upstream.hpa.origins.items()}


def why_it_differs(upstream: Upstream, column: Column) -> str:
    """Say why a task has more or fewer entities than published; empty if it has as many."""
    record = column.record
    if record.published_size is None or len(column.labels) == record.published_size:
        return ""
    if record.source != "hpa":
        return record.differs or "another release of the source"
    origin = upstream.hpa.origins[record.published]
    reason = f"version {origin.version} of the atlas, file {origin.key} ({origin.rows:,} rows)"
    if repeated := origin.rows - origin.genes:
        reason += f"; {repeated} rows repeat a symbol"
    return reason


def card_sections(upstream: Upstream, columns: Columns) -> list[str]:
    """Return what the README says of this dataset beside what every card says."""
    return [*_names(columns), NOTES, *_faults(upstream)]


def _faults(upstream: Upstream) -> Iterator[str]:
    """Yield what is known to be wrong with the files that were used."""
    used = upstream.files.get("uniprot", {})
    if "keywords" in used and "entries" not in used:
        yield CONVERTED_KEYWORDS


def _names(columns: Columns) -> Iterator[str]:
    if not columns.names:
        return
    yield "## Symbols\n"
    yield (
        "A name is replaced by the approved symbol where that is certain (a former symbol of one "
        "gene, or the source's Ensembl id); aliases, ambiguous, withdrawn and unknown names stay "
        "as the source has them, so that no count changes. The lists are in `build.json`.\n"
    )
    yield "| source | names | approved | renamed | aliases kept | ambiguous | unknown |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for source, names in columns.names.items():
        counts = names.report.counts
        unknown = len(names.report.unknown) + len(names.report.withdrawn)
        yield (
            f"| {_title(source)} | {len(names.symbols):,} | {counts.get('approved', 0):,} "
            f"| {len(names.renamed):,} | {len(names.aliases):,} "
            f"| {len(names.report.ambiguous):,} | {unknown:,} |"
        )
    yield ""


def _title(part: str) -> str:
    source, _, file = part.partition(".")
    return f"{SOURCES[source].title} ({file})" if file else SOURCES[source].title
