"""A Ray cluster of several nodes on this machine, each with a network of its own.

A node is a set of Linux namespaces: its own network with one address, its own processes (all die
together, as when a machine loses power), its own mounts. The networks are joined by a bridge in
a namespace of its own, so no packet leaves them, and clusters beside each other never meet.
Everything ends with the process that made it, however that ends: the kernel sees to it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import job_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PORT = 6379
STARTED = 90.0
"""Seconds in which a node must be up, on a machine with much else to do."""
STORE = 80_000_000
"""Bytes of a node's object store: about the least that Ray takes."""
PREFIX = "gz-"
HARDLY_ROOT = ("--user", "--map-root-user") if os.geteuid() else ()
"""What `unshare` needs where the tests do not run as root."""
HUB = "ip link set lo up && ip link add bridge type bridge && ip link set bridge up && echo up"
INIT = """
ip link set lo up && mount --bind "$OWN" "$RAY_TMPDIR" || exit 1
if [ -n "$SMALL" ]; then mount -t tmpfs -o size="$SMALL" none "$TMPDIR" || exit 1; fi
echo up && read -r _ || exit 1
"$@" </dev/null >"$OWN/log" 2>&1 && echo started || echo failed
exec </dev/null >/dev/null 2>&1
while :; do sleep 1000; done
"""
LIGHT = {
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # nobody else is on these networks
}
"""Environment of all nodes, so that they start quickly."""
QUICK = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "500",
    "RAY_health_check_failure_threshold": "4",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
}
"""Environment that lets a cluster notice lost nodes in 2 to 4 seconds, not in half a minute."""


@functools.cache
def why_not() -> str | None:
    """Return why there can be no such nodes here, None when there can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if missing := [tool for tool in ("ip", "unshare", "nsenter", "setpriv") if not which(tool)]:
        return f"{', '.join(missing)} (iproute2, util-linux) missing"
    words = ["unshare", *HARDLY_ROOT, "--net", "--mount", "--pid", "--fork", "--mount-proc"]
    tried = subprocess.run([*words, "sh", "-c", HUB], capture_output=True, text=True, check=False)
    return None if tried.stdout == "up\n" else f"no namespaces here: {tried.stderr.strip()[:200]}"


def which(tool: str) -> str | None:
    """Return where a tool is, also those that only root has on PATH."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass(eq=False)
class Space:
    """The first process of a set of namespaces; all others in it die with it."""

    outer: subprocess.Popen[str]
    pid: int

    @classmethod
    def start(cls, kinds: Sequence[str], script: str, *words: str, env: dict[str, str]) -> Self:
        outer = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *kinds, "--kill-child", "sh", "-c", script, "sh",
             *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
        )  # fmt: skip
        assert outer.stdout is not None
        assert outer.stdout.readline() == "up\n", "the namespaces could not be made"
        return cls(outer, int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text()))

    def kill(self) -> None:
        """End all that runs in it, at once."""
        self.outer.kill()
        self.outer.communicate()


@dataclass(eq=False)
class Node:
    """A machine of the cluster."""

    space: Space
    number: int
    """The how manieth of its cluster."""
    address: str
    folder: Path
    """Ray's own files, logs among them."""

    @property
    def disk(self) -> Path:
        """Its TMPDIR; as the node sees it, if that is a disk of its own."""
        return self.folder / "tmp"

    @property
    def alive(self) -> bool:
        return self.space.outer.poll() is None


@dataclass
class Cluster:
    """Nodes that are started, killed, cut off and healed. The first is the head."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings of Ray, of all nodes."""
    nodes: list[Node] = field(default_factory=list)
    """The head first, then those that are its own; none that was killed."""
    orphans: list[Node] = field(default_factory=list)
    """Nodes of a head that was killed."""

    def __post_init__(self) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        (self.folder / "ray").mkdir()
        tests = Path(job_driver.__file__).parent
        self._environment = {
            **os.environ,
            **LIGHT,
            **self.environment,
            "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "RAY_TMPDIR": str(self.folder / "ray"),
        }
        self._count, self._head_address = 0, ""
        words = ["unshare", *HARDLY_ROOT, "--net", "--fork"]
        keep = f"{HUB} && exec sleep infinity"
        self._hub = Space.start(words, keep, env=self._environment)
        self._ip("addr", "add", "10.99.255.254/16", "dev", "bridge")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> Node:
        return self.nodes[0]

    @property
    def address(self) -> str:
        return f"{self.head.address}:{PORT}"

    def add(
        self, cpus: int = 1, *, small: str | None = None, env: Mapping[str, str] | None = None
    ) -> Node:
        """Start a node, the head if there is none; with `small`, its TMPDIR is a disk that small.

        RuntimeError when Ray does not start in it.
        """
        nodes = self.begin([cpus], small=small, env=env)
        self.wait_started(nodes)
        return nodes[0]

    def begin(
        self,
        cpus: Sequence[int],
        *,
        small: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> list[Node]:
        """Start nodes and do not wait for them, so that they come up together."""
        return [self._begin(each, small, env or {}) for each in cpus]

    def _begin(
        self, cpus: int, small: str | None, env: Mapping[str, str], address: str = ""
    ) -> Node:
        self._count += 1
        number, own = self._count, self.folder / f"n{self._count}"
        (own / "tmp").mkdir(parents=True)
        address = address or f"10.99.{number // 250}.{number % 250 + 1}"
        at = [f"--address={self.address}"] if self.nodes else ["--head", f"--port={PORT}"]
        ray = [
            sys.executable, "-m", "ray.scripts.scripts", "start", *at, f"--num-cpus={cpus}",
            "--num-gpus=0", f"--object-store-memory={STORE}", f"--node-ip-address={address}",
            "--include-log-monitor=False", "--disable-usage-stats",
            *([] if self.nodes else ["--include-dashboard=False"]),
        ]  # fmt: skip
        more = {"OWN": str(own), "SMALL": small or "", "TMPDIR": str(own / "tmp"), **env}
        kinds = [*self._inside(), "unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
        space = Space.start(kinds, INIT, *ray, env=self._environment | more)
        node = Node(space, number, address, own)
        self.nodes.append(node)
        mine, theirs = f"to{number}", f"{space.pid}"
        self._ip("link", "add", mine, "type", "veth", "peer", "name", "eth0", "netns", theirs)
        self._ip("link", "set", mine, "master", "bridge", "up")
        self._ip("addr", "add", f"{address}/16", "dev", "eth0", of=node)
        self._ip("link", "set", "eth0", "up", of=node)
        stream = _pipe(space.outer.stdin)
        stream.write("go\n")
        stream.flush()
        return node

    def wait_started(self, nodes: Sequence[Node]) -> None:
        """Return when Ray runs in the nodes; RuntimeError when it does not."""
        for node in nodes:
            if _pipe(node.space.outer.stdout).readline() != "started\n":
                message = f"node {node.number} did not start: {(node.folder / 'log').read_text()}"
                raise RuntimeError(message)

    def kill(self, node: Node) -> None:
        """Let a machine lose its power."""
        node.space.kill()
        self.nodes.remove(node)

    def kill_head(self) -> None:
        """Let the head lose its power; the other nodes are orphans now."""
        self._head_address = self.head.address
        self.kill(self.head)
        self.orphans += self.nodes
        self.nodes.clear()

    def begin_head(self) -> Node:
        """Start a head, without cores, at the address of the one that was killed."""
        node = self._begin(0, None, {}, self._head_address)
        self.wait_started([node])
        return node

    def cut(self, node: Node) -> None:
        """Pull the network plug of a machine."""
        self._ip("link", "set", f"to{node.number}", "down")

    def heal(self, node: Node) -> None:
        """Put it in again."""
        self._ip("link", "set", f"to{node.number}", "up")

    def start(
        self, node: Node, words: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command on a node; it ends with the node. Its output goes to `log`."""
        inside = ["nsenter", f"--target={node.space.pid}", *_user(), "--net", "--mount", "--pid"]
        more = {"TMPDIR": str(node.folder / "tmp"), **(env or {})}
        with log.open("ab") as stream:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *inside, "--", *words],
                stdout=stream, stderr=stream, env=self._environment | more,
            )  # fmt: skip

    def serve(self, words: Sequence[str], log: Path) -> subprocess.Popen[str]:
        """Start a server that all nodes see at `HUB_ADDRESS`; what it says goes to `log`."""
        with log.open("a") as stream:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._inside(net=True), "--", *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, text=True,
                env=self._environment,
            )  # fmt: skip

    def processes(self, node: Node, title: str) -> list[int]:
        """Return the processes of a node with this program or title, by their ids out here."""
        found = []
        mine = Path(f"/proc/{node.space.pid}/ns/pid").readlink()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has just ended
                inside = (folder / "ns/pid").readlink() == mine
                program = (folder / "cmdline").read_bytes().partition(b"\0")[0].decode()
                if inside and (program.startswith(title) or program.endswith(f"/{title}")):
                    found.append(int(folder.name))
        return found

    def actors(self, node: Node) -> list[int]:
        """Return the actors of a node that make shards."""
        return self.processes(node, "ray::ShardActor")

    def has_ray(self, node: Node) -> bool:
        """Whether Ray runs on a node: where it was taken for dead it ends itself."""
        return bool(self.processes(node, "raylet"))

    def close(self) -> None:
        """End everything."""
        for node in self.nodes + self.orphans:
            node.space.kill()
        self._hub.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _inside(self, *, net: bool = False) -> list[str]:
        """Return what runs a command where nodes and links can be made."""
        if not net and not HARDLY_ROOT:
            return []
        return ["nsenter", f"--target={self._hub.pid}", *_user(), *(["--net"] if net else [])]

    def _ip(self, *words: str, of: Node | None = None) -> None:
        """Change the network of a node, or the one between them."""
        pid = of.space.pid if of else self._hub.pid
        subprocess.run(
            ["nsenter", f"--target={pid}", *_user(), "--net", "ip", *words],
            env=self._environment, check=True,
        )  # fmt: skip


HUB_ADDRESS = "10.99.255.254"


def _user() -> list[str]:
    return ["--user", "--preserve-credentials"] if HARDLY_ROOT else []


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def sweep() -> None:
    """Remove the folders that killed processes left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def wait_until(true: Callable[[], object], what: str, seconds: float = STARTED) -> None:
    """Return when a function returns what is true; AssertionError when it takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for: {what}"
        time.sleep(0.02)
