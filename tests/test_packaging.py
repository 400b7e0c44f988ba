"""What is shipped: the four packages from this repository, and a wheel that works on its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

PACKAGES = ("hf_datasets", "extractors", "probes", "cards")
UPWARD = {
    "hf_datasets": ("extractors", "probes", "cards"),
    "extractors": ("probes", "cards"),
    "probes": ("cards",),
    "cards": (),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_the_packages_resolve_inside_this_repository(name: str, root: Path) -> None:
    found = Path(str(import_module(name).__file__)).resolve()
    assert found == root / name / "__init__.py", f"another distribution shadows {name}"


@pytest.mark.parametrize("name", PACKAGES)
def test_imports_run_one_way(name: str, root: Path) -> None:
    for path in (root / name).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for other in UPWARD[name]:
            assert f"from {other}" not in text, path
            assert f"import {other}" not in text, path


def test_versions_agree(root: Path) -> None:
    import hf_datasets

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == hf_datasets.__version__
    assert f"version: {project['version']}" in (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {project['version']}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    shipped = {name for name in names if not name.startswith("genezoo-")}
    ours = {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == ours, "a file is missing from the wheel, or too many are in it"


def test_the_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed without its dependencies, which listing must not need."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    for words in (
        ["extract", "--list"],
        ["publish", "list"],
        ["probe", "--help"],
        ["cards", "--help"],
    ):
        command = [str(tmp_path / "venv/bin" / words[0]), *words[1:]]
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert len(done.stdout) > 100
