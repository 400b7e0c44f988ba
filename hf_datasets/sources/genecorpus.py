"""Genecorpus-30M: the gene classification lists that Geneformer was tested on.

https://huggingface.co/datasets/ctheodoris/Genecorpus-30M, folder
`example_input_files/gene_classification`. They are pickles: a restricted
unpickler reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError
from hf_datasets.sources.restricted_pickle import load_pickle
from hf_datasets.sources.source import Source, SourceFile, unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hf_datasets.sources.source import UsedFile

_URL = (
    "https://huggingface.co/datasets/ctheodoris/Genecorpus-30M/resolve/main/"
    "example_input_files/gene_classification/"
)
_PATHS = (
    "bivalent_promoters/bivalent_vs_lys4_only",
    "bivalent_promoters/bivalent_vs_no_methyl",
    "dosage_sensitive_tfs/dosage_sensitivity_TFs",
    "tf_regulatory_range/tf_regulatory_range",
    "notch1_network/n1_network",
    "notch1_network/n1_target",
)
SOURCE = Source(
    name="genecorpus",
    title="Genecorpus-30M gene classification",
    version="main",
    licence="Apache-2.0",
    citation="Theodoris et al., Transfer learning enables predictions in network biology, "
    "Nature 618:616 (2023)",
    homepage="https://huggingface.co/datasets/ctheodoris/Genecorpus-30M",
    files=tuple(
        SourceFile(
            key=path.rpartition("/")[2],
            url=f"{_URL}{path}.pickle",
            local=(
                f"{path}.pickle*",
                f"{path.rpartition('/')[2]}.pickle*",
                f"**/{path}.pickle*",
            ),
            min_rows=50,
            max_bytes=5_000_000,
            optional=True,
        )
        for path in _PATHS
    ),
)


def read_lists(files: Mapping[str, UsedFile]) -> dict[str, dict[str, list[str]]]:
    """Return {file stem: {label: Ensembl ids}} of the files at hand, ids as they stand there.

    Stems: bivalent_vs_lys4_only, bivalent_vs_no_methyl, dosage_sensitivity_TFs,
    tf_regulatory_range, n1_network, n1_target. gene-benchmark makes its task `N1 targets` from
    `n1_network` and `N1 network` from `n1_target`: its names look swapped, those here are not.
    SourceUnavailable if no file is at hand; InputError for any other content.
    """
    lists = {file.key: _read(files[file.key]) for file in SOURCE.files if file.key in files}
    if not lists:
        raise unavailable(SOURCE, SOURCE.files[0], "no list is at hand")
    return lists


def _read(file: UsedFile) -> dict[str, list[str]]:
    content = load_pickle(file)
    if not isinstance(content, dict) or not content:
        message = f"{file.path} holds a {type(content).__name__}; expected label → Ensembl ids"
        raise InputError(message)
    for label, genes in content.items():
        fine = isinstance(label, str) and isinstance(genes, list)
        if not fine or not all(isinstance(gene, str) for gene in genes):
            message = f"{file.path}: label {label!r:.40} holds no list of Ensembl ids"
            raise InputError(message)
    file.expect_rows(sum(len(genes) for genes in content.values()), "genes")
    return content
