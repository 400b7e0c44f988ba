"""A Ray cluster that grows and shrinks by Ray's own autoscaler: `python -m autoscaling_cluster`.

Its nodes are processes of this machine, each with two cores and a GPU that is only said to be
there. Prints `at HOST:PORT`, then lives until its stdin is closed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from ray._private.services import get_node_ip_address

HEAD = "f" * 51 + "0" * 5
"""What Ray's provider of pretended nodes calls the head."""
IDLE_MINUTES = 0.03
STORE = 80 << 20


def config(address: str) -> dict[str, object]:
    """Return what Ray's autoscaler is told: a head that works not, up to three nodes beside it."""
    worker = {"CPU": 2, "GPU": 1, "object_store_memory": STORE}
    return {
        "cluster_name": "test",
        "max_workers": 3,
        "idle_timeout_minutes": IDLE_MINUTES,
        "upscaling_speed": 10.0,
        "provider": {
            "type": "fake_multinode",
            "gcs_address": address,
            "disable_node_updaters": True,  # nobody to log in to
            "disable_launch_config_check": True,
            "foreground_node_launch": True,
            "use_node_id_as_ip": True,  # they share the address of this machine
        },
        "auth": {},
        "docker": {},
        "initialization_commands": [],
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
        "file_mounts": {},
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        "head_node_type": "ray.head.default",
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "gpu": {"resources": worker, "node_config": {}, "min_workers": 0, "max_workers": 3},
        },
    }


def main() -> None:
    """Start the head, wait, end all of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"{get_node_ip_address()}:{port}"  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="as") as folder:
        settings = Path(folder) / "autoscaler.json"
        settings.write_text(json.dumps(config(address)), encoding="utf-8")
        environment = os.environ | {
            "RAY_FAKE_CLUSTER": "1",
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        ray = str(Path(sys.executable).with_name("ray"))
        head = subprocess.Popen(
            [
                ray, "start", "--head", "--block", f"--port={port}", "--num-cpus=0",
                f"--object-store-memory={STORE}", "--include-dashboard=false",
                f"--autoscaling-config={settings}",
                f"--temp-dir={folder}/ray",
            ],
            env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr,
        )  # fmt: skip
        while head.poll() is None:
            try:
                socket.create_connection((address.partition(":")[0], port), 1).close()
                break
            except OSError:
                continue
        print("at", address, flush=True)
        sys.stdin.read()
        head.terminate()
        head.wait()


if __name__ == "__main__":
    main()
