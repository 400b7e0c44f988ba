"""Shared by all tests: no network, caches of their own, and the real upstream data if at hand."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import datasets

# Before `datasets` or `huggingface_hub` is imported: they read these once.
_HOME = Path(tempfile.gettempdir()) / f"genezoo-tests-{os.getuid()}"
os.environ["HF_HOME"] = str(_HOME / os.environ.get("PYTEST_XDIST_WORKER", "main"))
os.environ["GENEZOO_CACHE"] = str(_HOME / "genezoo")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("GENEZOO_DEBUG", None)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background: commands under test would inherit that Ctrl-C does nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def upstream() -> Path:
    """The folder of real upstream files; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("GENEZOO_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "INDEX.md").is_file():
        pytest.skip("no upstream data: set GENEZOO_DATA to a folder that holds it")
    return folder


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample as `publish build` writes it."""
    from hf_datasets.build import build_dataset
    from hf_datasets.registry import dataset_record

    folder = tmp_path_factory.mktemp("built") / "gene-benchmark-sample"
    build_dataset(dataset_record("gene-benchmark-sample"), folder)
    return folder


@pytest.fixture(scope="session")
def sample_tables(sample_folder: Path) -> dict[str, datasets.Dataset]:
    """The tables of the built sample, read by plain `datasets`."""
    import datasets

    names = datasets.get_dataset_config_names(str(sample_folder))
    return {name: datasets.load_dataset(str(sample_folder), name, split="train") for name in names}
