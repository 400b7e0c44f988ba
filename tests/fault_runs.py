"""Jobs on a Ray cluster under random faults: `python tests/fault_runs.py --runs 50 --first-seed 0`.

A seed decides the size of the input, the number of nodes, where the shards go, and which faults
strike when. Each run must end with the bytes of an undisturbed job on one machine. A line a run is
printed, and a table written; `--seed N` repeats one run and keeps all logs. Linux and the right to
make network namespaces are needed, and nothing outside of them is touched.
"""

from __future__ import annotations

import argparse
import collections
import csv
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cluster_nodes import why_not
from fault_bench import Bench
from fault_trials import Fault, Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ("seed", "trial", "struck", "statuses", "seconds", "verdict")
SLOW = 25
"""Of so many seeds one has a worker cut off for 30 s under Ray's own patience."""
KINDS = {"folder": ("actor", "node", "cut", "head"), "s3": ("actor", "node", "cut", "head", "full")}
WEIGHTS = {"actor": 3, "node": 3, "cut": 3, "head": 1, "full": 4}
CUTS = (0.5, 1, 2, 3, 4, 6, 8)
"""Seconds; a cluster of these runs takes a node for dead after 2 to 4."""
FOREVER = 1000


def draw(seed: int) -> Trial:
    """Return the trial of a seed."""
    drawn = random.Random(seed)
    if seed % SLOW == SLOW - 1:
        fault = Fault("cut", drawn.randrange(7), drawn.randint(1, 2), 30)
        return Trial(2, drawn.choice((2, 3)), faults=(fault,), slow=True)
    nodes = drawn.choice((1, 2, 2, 2, 4, 4))
    files = drawn.choice((2, 3, 5))
    store = drawn.choice(("folder", "folder", "s3"))
    poison = drawn.choice(((7,), (7, 31)))
    kinds = KINDS[store]
    chosen = drawn.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=drawn.randint(1, 3))
    alone = set(chosen) <= {"full", "actor"}
    faults = tuple(_fault(drawn, kind, nodes, files, alone=alone) for kind in chosen)
    return Trial(
        nodes,
        files,
        store,
        poison if drawn.random() < 0.2 else (),
        faults,
        drawn.choice((0, 0.05, 0.1)) if store == "s3" else 0,
        drawn.choice((0, 0, 1)) if store == "s3" else 0,
        seed,
        drawn.choice((0, 0, 1)),
    )


def _fault(drawn: random.Random, kind: str, nodes: int, files: int, *, alone: bool) -> Fault:
    at = drawn.randrange(4 * files - 2)
    node = 0 if kind == "cut" and drawn.random() < 0.15 else drawn.randint(1, nodes)
    seconds = {"cut": drawn.choice(CUTS), "head": drawn.choice((0, 2))}.get(kind, 0)
    if kind == "full":  # always the same node, and for good if another is sure to stay
        node, seconds = 1, FOREVER if alone and nodes > 1 else 3
    return Fault(kind, at, node, seconds)


def run(seeds: Sequence[int], table: Path | None, logs: Path | None) -> int:
    """Run the trials of seeds; return how many went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="fault-runs-"))
    rows, wrong, struck = [], 0, collections.Counter[str]()
    try:
        with Bench(folder) as bench:
            for seed in seeds:
                trial, begun = draw(seed), time.monotonic()
                outcome = _perform(bench, trial, None if logs is None else logs / f"{seed}")
                seconds = time.monotonic() - begun
                verdict = "; ".join(outcome.problems) or "ok"
                statuses = " ".join(map(str, outcome.statuses))
                rows.append((seed, trial, outcome.struck, statuses, f"{seconds:.0f}", verdict))
                print(f"{seed}: {trial} -> {verdict} ({seconds:.0f} s)", flush=True)
                struck.update(fault.kind for fault in trial.faults[: outcome.struck])
                if outcome.problems:
                    wrong += 1
                    print(outcome.log, file=sys.stderr, flush=True)
                if table is not None:
                    _write(table, rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    faults = ", ".join(f"{n} {kind}" for kind, n in struck.most_common())
    print(f"{len(rows)} runs, {wrong} went wrong; faults that struck: {faults or 'none'}")
    return wrong


def _perform(bench: Bench, trial: Trial, logs: Path | None) -> Outcome:
    try:
        return bench.perform(trial, logs)
    except (AssertionError, RuntimeError, OSError) as error:  # of the bench, not of the job
        bench.close()
        return Outcome([f"the bench broke: {type(error).__name__}: {str(error)[:200]}"])


def _write(table: Path, rows: Sequence[Sequence[object]]) -> None:
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerows([COLUMNS, *rows])


def main() -> int:
    """Run what the command line asks for; 1 when a run went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, help="repeat this one alone")
    parser.add_argument("--table", type=Path, help="a TSV file of seeds and outcomes")
    parser.add_argument("--logs", type=Path, help="a folder for the logs of all nodes")
    given = parser.parse_args()
    if reason := why_not():
        print(f"no fault runs: {reason}", file=sys.stderr)
        return 2
    if given.seed is not None:
        logs = given.logs or Path(tempfile.mkdtemp(prefix=f"fault-run-{given.seed}-"))
        wrong = run([given.seed], given.table, logs)
        print(f"logs: {logs}")
        return min(wrong, 1)
    seeds = range(given.first_seed, given.first_seed + given.runs)
    return min(run(seeds, given.table, given.logs), 1)


if __name__ == "__main__":
    raise SystemExit(main())
