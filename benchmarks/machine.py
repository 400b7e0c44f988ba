"""What a figure was measured on, in one line, for RESULTS.md."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""Seconds as they pass, or those of this process's processors, which other work hardly moves."""
LIBRARIES = (
    "torch",
    "fair-esm",
    "transformers",
    "sentence-transformers",
    "scikit-learn",
    "numpy",
    "pyarrow",
)


def describe_machine() -> str:
    """Return processor, cores, Python and library versions."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    extra = " ".join(flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags)
    versions = []
    for library in LIBRARIES:
        try:
            versions.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            versions.append(f"no {library}")
    return (
        f"{models[0] if models else platform.processor()} ({extra}), {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )
