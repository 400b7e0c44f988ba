"""The verbs of `probe`: help without heavy libraries, and the main path beside them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from probes.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "scanpy", "pandas", "pyarrow")


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_quick(verb: str) -> None:
    code = (
        "import sys\n"
        "from probes.__main__ import command\n"
        "try: command([sys.argv[1], '--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        f"assert not [name for name in {HEAVY} if name in sys.modules]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, verb], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: probe {verb}")


def test_the_help_of_probe_names_them(probe: Callable[..., Any]) -> None:
    # Lines may break behind a hyphen.
    text = " ".join(probe("--help").out.split()).replace("- ", "-")
    assert all(f"probe {verb}" in text for verb in VERBS)


def test_only_the_first_word_is_a_verb(probe: Callable[..., Any]) -> None:
    ran = probe("nowhere.parquet", "compare", "--tasks", "x", "--out", "r.parquet")
    assert ran.status == 2
    assert "no file nowhere.parquet" in ran.err
