"""Datasets of other packages: an entry point is all it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "gene-benchmark-sample"
MODULE = '''
import datasets
from hf_datasets.registry import DatasetRecord

RECORD = DatasetRecord(
    name="tiny-genes",
    builder="tiny_genes:TinyGenes",
    version="0.2.0",
    summary="sixty genes, for a test",
    licence="mit",
    configs=("letters",),
)


class TinyGenes(datasets.GeneratorBasedBuilder):
    """Genes by their first letter."""

    VERSION = datasets.Version("0.2.0")
    BUILDER_CONFIGS = [datasets.BuilderConfig(name="letters", version=VERSION)]

    def _info(self):
        early = datasets.ClassLabel(names=["no", "yes"])
        columns = {"symbol": datasets.Value("string"), "early": early}
        return datasets.DatasetInfo(features=datasets.Features(columns))

    def _split_generators(self, dl_manager):
        return [datasets.SplitGenerator(name="train")]

    def _generate_examples(self):
        for number in range(60):
            yield number, {"symbol": f"G{number}", "early": number % 2}
'''


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str, str], None]:
    """Install a package as pip leaves it: a module, and metadata with an entry point."""

    def install(value: str, module: str) -> None:
        (tmp_path / "tiny_genes.py").write_text(module, encoding="utf-8")
        about = tmp_path / "tiny_genes-0.2.0.dist-info"
        about.mkdir(exist_ok=True)
        metadata = "Metadata-Version: 2.1\nName: tiny-genes\nVersion: 0.2.0\n"
        (about / "METADATA").write_text(metadata, encoding="utf-8")
        points = f"[genezoo.datasets]\ntiny-genes = {value}\n"
        (about / "entry_points.txt").write_text(points, encoding="utf-8")

    return install


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, "PYTHONPATH": path, "GENEZOO_CACHE": str(tmp_path / "cache")},
        )  # fmt: skip

    return run


def test_listed_built_and_probed(
    package: Callable[[str, str], None],
    run: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    package("tiny_genes:RECORD", MODULE)
    listed = run("hf_datasets", "list")
    assert "tiny-genes 0.2.0  (mit)  sixty genes, for a test" in listed.stdout
    assert SAMPLE in listed.stdout
    built = run("hf_datasets", "build", "tiny-genes", "--out", "built")
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "built/letters/train-00000-of-00001.parquet").is_file()
    rows = "".join(f"G{number},{number % 2},{number}\n" for number in range(60))
    (tmp_path / "e.csv").write_text("symbol,x,y\n" + rows, encoding="utf-8")
    for name in "tiny-genes", "built":
        probed = run("probes", "e.csv", "--tasks", f"{name}/letters", "--out", f"{name}.parquet")
        assert probed.returncode == 0, probed.stderr
        assert (tmp_path / f"{name}.parquet").is_file()


@pytest.mark.parametrize(
    ("value", "module", "said"),
    [
        ("tiny_genes:RECORD", "import no_such_module_anywhere\n", "no_such_module_anywhere"),
        ("tiny_genes:RECORD", "x = (\n", "tiny_genes"),
        ("tiny_genes:MISSING", MODULE, "MISSING"),
        ("no_such_package:RECORD", MODULE, "no_such_package"),
        ("tiny_genes:RECORD", "RECORD = 'a text'\n", "tiny_genes:RECORD is no DatasetRecord"),
        ("tiny_genes:RECORD", MODULE.replace("tiny-genes", SAMPLE), "is registered twice"),
    ],
)
def test_a_broken_one_is_named_in_one_line(
    package: Callable[[str, str], None],
    run: Callable[..., subprocess.CompletedProcess[str]],
    value: str,
    module: str,
    said: str,
) -> None:
    package(value, module)
    done = run("hf_datasets", "list")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("publish: error: ")
    assert said in line
