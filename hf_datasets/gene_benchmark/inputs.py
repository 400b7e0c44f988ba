"""The config `genes`: what models read about every gene that a task asks about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hf_datasets.gene_benchmark.clusters import paralog_clusters
from hf_datasets.gene_benchmark.families import gene_families
from hf_datasets.gene_benchmark.genome import tss_windows
from hf_datasets.gene_benchmark.names import CODING
from hf_datasets.leakage import mask_descriptions
from hf_datasets.sources.source import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa

    from hf_datasets.gene_benchmark.upstream import Upstream
    from hf_datasets.phrases import Phrase
    from hf_datasets.sources.hgnc import HgncGene

COLUMNS = (
    "symbol", "hgnc_id", "ensembl_gene_id", "entrez_id", "uniprot_id", "name", "description",
    "description_masked", "protein_sequence", "dna_window", "gene_family", "paralog_cluster",
)  # fmt: skip
NOTHING = {
    "description": "source ncbi_gene has no gene_summary.gz: symbol and name only",
    "protein_sequence": "source uniprot has no sequences",
    "paralog_cluster": "clusters of paralogs need protein sequences",
    "dna_window": "no gene of the table lies in the genome",
}
"""Column → what it means that its source has nothing for it."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The rows of `genes`, and what is not in them."""

    rows: list[dict[str, str | None]]
    """Sorted by symbol; None where a source says nothing."""
    missing: dict[str, str] = field(default_factory=dict)
    """Column that a source would fill → why it is empty."""

    def table(self) -> pa.Table:
        """Return the rows as Arrow."""
        import pyarrow as pa

        columns = {name: [row[name] for row in self.rows] for name in COLUMNS}
        return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})

    def masked(self, phrases: Iterable[Phrase]) -> Inputs:
        """Return the same with `description_masked`: the texts without what names a label."""
        texts = mask_descriptions([row["description"] for row in self.rows], phrases)
        rows = [
            row | {"description_masked": text} for row, text in zip(self.rows, texts, strict=True)
        ]
        return Inputs(rows, self.missing)

    def filled(self) -> dict[str, int]:
        """Return column → genes for which it says something."""
        return {name: sum(row[name] is not None for row in self.rows) for name in COLUMNS}


def read_inputs(upstream: Upstream, asked: set[str]) -> Inputs:
    """Return a row for every protein-coding gene of HGNC, and for every gene in `asked`.

    Genes asked about that HGNC does not have get a row if NCBI Gene names them. Without HGNC
    there are no rows: SourceUnavailable.
    """
    known = upstream.symbols.genes
    missing: dict[str, str] = {}

    def attempt(column: str, read: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        try:
            found = read()
        except SourceUnavailable as error:
            missing[column] = str(error)
            return {}
        if not found:
            missing.setdefault(column, NOTHING[column])
        return found

    summaries = attempt("description", lambda: upstream.summaries)
    sequences = attempt("protein_sequence", lambda: upstream.sequences)
    genes = [gene for name, gene in known.items() if name in asked or gene.locus_group == CODING]
    windows = attempt("dna_window", lambda: _windows(upstream, genes))
    families = gene_families(genes=known.values())
    rows = [_row(gene, summaries, sequences, windows, families) for gene in genes]
    proteins = {row["symbol"] or "": row["protein_sequence"] for row in rows}
    known_proteins = {symbol: sequence for symbol, sequence in proteins.items() if sequence}
    clusters = attempt(
        "paralog_cluster", lambda: paralog_clusters(known_proteins) if known_proteins else {}
    )
    for row in rows:
        row["paralog_cluster"] = clusters.get(row["symbol"] or "")
    rows += _others(upstream, asked - known.keys(), summaries)
    return Inputs(sorted(rows, key=lambda row: row["symbol"] or ""), missing)


def _row(
    gene: HgncGene,
    summaries: Mapping[str, str],
    sequences: Mapping[str, tuple[str, str]],
    windows: Mapping[str, str],
    families: Mapping[str, str],
) -> dict[str, str | None]:
    # Of several accessions the reviewed one: only those have a sequence.
    reviewed = [one for one in gene.uniprot_ids if one in sequences]
    accession = next(iter([*reviewed, *gene.uniprot_ids]), "")
    return {
        "symbol": gene.symbol,
        "hgnc_id": gene.hgnc_id,
        "ensembl_gene_id": gene.ensembl_gene_id or None,
        "entrez_id": gene.entrez_id or None,
        "uniprot_id": accession or None,
        "name": gene.name,
        "description": describe(gene.symbol, gene.name, summaries.get(gene.entrez_id, "")),
        "protein_sequence": sequences[accession][1] if reviewed else None,
        "dna_window": windows.get(gene.ensembl_gene_id),
        "gene_family": families.get(gene.symbol),
    }


def describe(symbol: str, name: str, summary: str) -> str:
    """Return the text about a gene: symbol, full name and, where there is one, NCBI's summary."""
    text = f"{symbol}: {name}" if name else symbol
    return f"{text}. {summary}" if summary else text


def _windows(upstream: Upstream, genes: list[HgncGene]) -> Mapping[str, str]:
    files = upstream.of("ensembl")
    if "genome" not in files:
        message = "no genome was given: --genome FASTA fills it"
        raise SourceUnavailable(message)
    wanted = {gene.ensembl_gene_id for gene in genes}
    length = upstream.options.dna_window
    return tss_windows(files["genome"].path, upstream.ensembl_genes, wanted, length)


def _others(
    upstream: Upstream, asked: set[str], summaries: Mapping[str, str]
) -> list[dict[str, str | None]]:
    """Return rows for genes that only NCBI Gene has; none if two entries share the symbol."""
    try:
        names = upstream.gene_names
    except SourceUnavailable:
        return []
    found: dict[str, list[dict[str, str | None]]] = {}
    for entrez_id, (symbol, name, hgnc_id, ensembl_id) in names.items():
        if symbol in asked and not hgnc_id:
            found.setdefault(symbol, []).append(
                {
                    **dict.fromkeys(COLUMNS),
                    "symbol": symbol,
                    "ensembl_gene_id": ensembl_id,
                    "entrez_id": entrez_id,
                    "name": name or None,
                    "description": describe(symbol, name, summaries.get(entrez_id, "")),
                }
            )
    return [rows[0] for rows in found.values() if len(rows) == 1]
