"""What is asked: benchmark tasks and inputs, published as versioned Hugging Face datasets.

>>> from hf_datasets import load_dataset
>>> load_dataset("gene-benchmark-sample", "localization")  # doctest: +SKIP

Importing this package costs nothing: `datasets` and pyarrow are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hf_datasets.load import load_dataset
    from hf_datasets.registry import DATASETS

__all__ = ["DATASETS", "__version__", "load_dataset"]


def __getattr__(name: str) -> object:
    if name == "load_dataset":
        from hf_datasets.load import load_dataset

        return load_dataset
    if name == "DATASETS":
        from hf_datasets.registry import DATASETS

        return DATASETS
    message = f"module 'hf_datasets' has no attribute {name!r}"
    raise AttributeError(message)
