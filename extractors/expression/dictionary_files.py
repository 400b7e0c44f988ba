"""The names that Geneformer's dictionaries have had in upstream's repository."""

from __future__ import annotations

FOLDER = "geneformer"
"""Where they lie in the repository ctheodoris/Geneformer."""
TOKENS = "token_dictionary"
MEDIANS = "gene_median_dictionary"
SYMBOLS = "gene_name_id_dict"
MAPPING = "ensembl_mapping_dict"
LAYOUTS = {
    1: ("gene_dictionaries_30m/{}_gc30M.pkl", "{}_gc30M.pkl", "{}.pkl"),
    2: ("{}_gc104M.pkl", "{}_gc95M.pkl"),
}
"""Version to paths inside the folder, newest first."""


def dictionary_paths(version: int) -> tuple[str, ...]:
    """Return the exact paths in the repository that dictionaries of a version may have."""
    roles = (TOKENS, MEDIANS, SYMBOLS, MAPPING)
    return tuple(f"{FOLDER}/{layout.format(role)}" for layout in LAYOUTS[version] for role in roles)
