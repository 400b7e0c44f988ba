"""`probe` with tasks that misbehave on other machines: `python -m probe_driver …`.

A worker of a cluster that reads the labels of a column with `slow` in its name needs half a
second, with `fault` gets an error, and with `deadly` ends at once.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, fields, replace
from typing import Any

import probes.task_set
from probes.task_set import TaskData, TaskSet

READ = probes.task_set.load_tasks


@dataclass(frozen=True, eq=False)
class Trap(TaskData):
    driver: int = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "labels" and os.getpid() != self.driver:
            column = self.task.column
            if "deadly" in column:
                os._exit(7)
            if "fault" in column:
                message = f"no {column} today"
                raise RuntimeError(message)
            time.sleep(0.5 if "slow" in column else 0.0)
        return super().__getattribute__(name)


def load_tasks(*specs: Any, **more: Any) -> TaskSet:
    """As `probes.task_set.load_tasks`, with traps in the data."""
    found = READ(*specs, **more)
    trapped: list[TaskData] = [
        Trap(**{one.name: getattr(data, one.name) for one in fields(data)}, driver=os.getpid())
        for data in found.tasks
    ]
    return replace(found, tasks=trapped)


def main() -> int:
    """Run `probe`."""
    from probes.__main__ import command

    probes.task_set.load_tasks = load_tasks
    return command()


if __name__ == "__main__":
    import probe_driver  # workers look its classes up by this name

    raise SystemExit(probe_driver.main())
