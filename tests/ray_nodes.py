"""A Ray cluster of two nodes with a core each, in processes of their own, and its workers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NODES = """
import sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "object_store_memory": 80 << 20}
cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
cluster.add_node(**node)
print("at", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
MARK = "JOB_TEST"
"""Environment variable by which a test knows the processes of its own cluster."""


@contextlib.contextmanager
def two_nodes() -> Iterator[str]:
    """Yield the address of a cluster; the parent of its nodes is no test.

    Its workers can import what lies beside this file.
    """
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    with (
        tempfile.TemporaryDirectory(
            prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
        ) as folder,
        subprocess.Popen(
            [sys.executable, "-c", NODES],
            env={**environment(), MARK: str(os.getpid()), "RAY_TMPDIR": folder}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        yield next(line.split()[1] for line in process.stdout if line.startswith("at "))
        process.communicate()


def environment() -> Mapping[str, str]:
    """Return the environment of a command that can import the tests' modules."""
    tests = Path(__file__).parent
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])}


def workers(name: str) -> list[int]:
    """Return the processes of an actor class, of this test's cluster alone."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"{MARK}={os.getpid()}\0".encode() in (folder / "environ").read_bytes()
            if ours and (folder / "cmdline").read_bytes().startswith(f"ray::{name}".encode()):
                found.append(int(folder.name))
        except OSError:
            continue  # it has just ended
    return found
