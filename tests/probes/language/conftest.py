"""A small language model and questions for it, shared by the tests of one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_language_model import questions, save_bench, save_llama

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama without a chat template."""
    return save_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def chat_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a chat template."""
    return save_llama(tmp_path_factory.mktemp("models") / "tiny-chat", chat=True)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve questions with options, in the shape of `protein-lm-bench`."""
    return save_bench(tmp_path_factory.mktemp("data") / "small-bench", questions())


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache of its own, so that nothing was answered before."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GENEZOO_CACHE", str(folder))
    return folder
