"""Shared by all tests: no network, caches of their own, and the real upstream data if at hand."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Before `datasets` or `huggingface_hub` is imported: they read these once.
_HOME = Path(tempfile.gettempdir()) / f"genezoo-tests-{os.getuid()}"
os.environ["HF_HOME"] = str(_HOME / os.environ.get("PYTEST_XDIST_WORKER", "main"))
os.environ["GENEZOO_CACHE"] = str(_HOME / "genezoo")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("GENEZOO_DEBUG", None)

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
