"""A small world of sources, and the real one built once for all tests."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from gene_world import fake_mmseqs, write_genome, write_sources

from hf_datasets.build import BuildOptions
from hf_datasets.gene_benchmark import clusters
from hf_datasets.gene_benchmark.builder import GeneBenchmarkContent
from hf_datasets.sources import fetch
from hf_datasets.sources.fetch import locate

if TYPE_CHECKING:
    from pathlib import Path

    from hf_datasets.sources.source import UsedFile


def locate_small(*args: Any, **kwargs: Any) -> dict[str, UsedFile]:
    """As `locate`, without the number of rows that the real files have at least."""
    return {key: replace(file, min_rows=0) for key, file in locate(*args, **kwargs).items()}


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All sources, small."""
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def tiny_genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_genome(tmp_path_factory.mktemp("genome") / "genome.fa")


@pytest.fixture(scope="session")
def tiny_mmseqs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_mmseqs(tmp_path_factory.mktemp("bin"))


@pytest.fixture
def _small_files(monkeypatch: pytest.MonkeyPatch, tiny_mmseqs: Path) -> None:
    monkeypatch.setattr(fetch, "locate", locate_small)
    monkeypatch.setattr(clusters, "find_mmseqs", lambda: tiny_mmseqs)


@pytest.fixture(scope="session")
def tiny_content(tiny_folder: Path, tiny_genome: Path, tiny_mmseqs: Path) -> GeneBenchmarkContent:
    """The small world, read."""
    options = BuildOptions(
        folder=tiny_folder, given={"ensembl.genome": tiny_genome}, download=False, dna_window=20
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "locate", locate_small)
        patch.setattr(clusters, "find_mmseqs", lambda: tiny_mmseqs)
        content = GeneBenchmarkContent(options)
        content.missing()
    return content


@pytest.fixture(scope="session")
def real_content(upstream: Path) -> GeneBenchmarkContent:
    """The real files, read once."""
    return GeneBenchmarkContent(BuildOptions(folder=upstream, download=False))


@dataclass(frozen=True)
class RealBuild:
    """`publish build` of the real files in a process of its own."""

    folder: Path
    status: int
    errors: str
    seconds: float
    """Of processor time."""
    megabytes: float
    """At most in memory."""


@pytest.fixture(scope="session")
def real_build(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> RealBuild:
    """Run the command on the real files."""
    folder = tmp_path_factory.mktemp("built") / "gene-benchmark"
    words = ["build", "gene-benchmark", "--out", str(folder), "--sources", str(upstream)]
    log = folder.parent / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "hf_datasets", *words, "--no-download"],
            stdout=subprocess.DEVNULL, stderr=stream,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    return RealBuild(folder, process.returncode, log.read_text(), seconds, usage.ru_maxrss / 1000)
