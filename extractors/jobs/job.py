"""A job from its settings to its folder of shards: begun, resumed on any engine, and finished."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from extractors.engine import Summary
from extractors.jobs.fleet import Fleet
from extractors.jobs.ledger import Ledger, open_ledger
from extractors.jobs.manifest import OUTPUTS, plan, planned
from extractors.jobs.schedule import Scheduler
from extractors.jobs.shard import Done, Output, Setup
from extractors.jobs.source import Limits
from extractors.jobs.storage import STATE
from extractors.jobs.tally import BAR, Report, Tally
from extractors.provenance import canonical, common_provenance, difference_of, layer_provenances
from extractors.workers import Facts
from hf_datasets.command import progress
from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from extractors.jobs.engine import Engine
    from extractors.jobs.manifest import Plan
    from extractors.jobs.metrics import JobMetrics
    from extractors.jobs.source import Shard, Source
    from extractors.jobs.storage import JobFolder
    from extractors.loading import Loader

JOB = f"{STATE}/job.json"
SUCCESS = f"{STATE}/_SUCCESS.json"
RUNS = f"{STATE}/runs"
"""Of what each run took that came to an end."""
SHARD_BYTES = 256_000_000
"""Of vectors in a file, about."""
SHARD_CHARACTERS = 64_000_000
"""Of input to a file: what long rows are cut by."""
ID_BYTES = 64
"""Of a row beside its vector, about."""


@dataclass(frozen=True)
class JobSummary(Summary):
    """What a job did."""

    shards: int = 0
    given_up: tuple[tuple[str, str], ...] = ()
    """Shards that could not be made, each by its place in the input, with the reason."""
    report: Report | None = None
    """What it took."""


def run_job(
    loader: Loader,
    source: Source,
    folder: JobFolder,
    engine: Engine[Any],
    *,
    name: str | None = None,
    stored: str = "float32",
    shard_rows: int | None = None,
    restart: bool = False,
    price: float | None = None,
) -> JobSummary:
    """Embed all rows of `source` into shards in `folder`, on an engine.

    A job that was interrupted goes on, on this or another engine, and gives the same bytes as an
    undisturbed one. What is there is verified by its digest before it is taken as done.
    `shard_rows` is the most rows of a shard; None for files of about 256 MB. `price`, of an hour
    of a worker, is for what is shown on the way.

    Raises
    ------
    InputError
        A folder with other files or another job's, unless `restart`; input that cannot be read;
        a model that cannot be loaded; another process at the same job.

    """
    foreign = [] if folder.is_job() else folder.names()
    if foreign:
        message = f"{folder.shown} holds other files ({shorten(foreign, 3)}); choose another --out"
        raise InputError(message)
    with folder.alone():
        if restart:
            folder.clear(OUTPUTS)
        with engine.running():
            return _Job(loader, source, folder, name, stored, shard_rows, price).run(engine)


@dataclass
class _Job:
    loader: Loader
    source: Source
    folder: JobFolder
    name: str | None
    stored: str
    shard_rows: int | None
    price: float | None

    def run(self, engine: Engine[Any]) -> JobSummary:
        """Find out what the model is, cut the input, make the shards."""
        before = json.loads(self.folder.read(JOB) or "{}")
        self._facts = _facts_of(before["model"]) if before else None
        self._versions: dict[str, str] = before.get("common", {}).get("versions", {})
        threads = before.get("threads") or engine.threads()
        loader = self.loader
        if self._facts is not None and self._facts.budget is not None:
            loader = replace(loader, find_budget=False)
        setup = Setup(loader, self.source, self.folder, threads)
        fleet = Fleet(engine, setup, self._accept)
        try:
            if self._facts is None:
                fleet.load_one()
            else:
                fleet.budget = self._facts.budget
            return self._make(fleet, before, threads, engine.metrics(setup))
        finally:
            fleet.stop()

    def _accept(self, facts: Facts, versions: dict[str, str]) -> int | None:
        """Take a loaded model as the job's, or hold it against the job's; return the budget."""
        if self._facts is None:
            require_one_layer(facts)
            self._facts, self._versions = facts, versions
        difference = difference_of(
            _plain({**asdict(self._facts), "versions": self._versions}),
            _plain({**asdict(facts), "versions": versions}),
        )
        if difference is not None:
            message = (
                f"a worker would not compute what {self.folder.shown} holds ({difference}); "
                "mend that, pass --restart to discard it, or choose another --out"
            )
            raise InputError(message)
        return facts.budget

    def _make(
        self, fleet: Fleet, before: dict[str, Any], threads: int, metrics: JobMetrics | None
    ) -> JobSummary:
        facts = self._facts
        assert facts is not None, "some worker has loaded the model"  # noqa: S101
        limits = limits_of(facts, self.stored, self.shard_rows)
        chosen = _plain(
            {
                "settings": asdict(replace(self.loader.settings, budget=None, device="")),
                "limits": asdict(limits),
            }
        )
        self._require_same({key: before.get(key) for key in chosen} if before else {}, chosen)
        cuts = plan(self.source, limits, self.folder)
        common = common_provenance(
            self.loader.record, self.source.describe(), cuts.rows, cuts.fingerprint, self.stored
        ) | {"name": self.name}
        job = _plain(
            {
                "common": common,
                "model": asdict(facts),
                "shards": cuts.shards,
                "threads": threads,
                **chosen,
            }
        )
        self._require_same(before, job)
        self.folder.write(JOB, canonical(job))
        provenance = layer_provenances(common, facts)[0]
        kind = Output(provenance, facts.dim, self.stored, facts.per_token)
        return self._run_shards(fleet, cuts, kind, metrics)

    def _require_same(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        """InputError when the folder holds another job; {} is none."""
        if before and (difference := difference_of(before, now)):
            message = (
                f"{self.folder.shown} holds a job with other settings ({difference}); repeat that "
                "command, pass --restart to discard it, or choose another --out"
            )
            raise InputError(message)

    def _run_shards(
        self, fleet: Fleet, cuts: Plan, kind: Output, metrics: JobMetrics | None
    ) -> JobSummary:
        with open_ledger() as ledger, progress(cuts.rows, "rows", "extract", form=BAR) as bar:
            tally = Tally(bar, cuts, self.price, metrics)

            def finished(shard: Shard, done: Done, reused: bool) -> None:  # noqa: FBT001
                self.folder.require_alone()
                tally.add(shard, done, reused)
                ledger.put(shard.number, done)

            marked = _Marked(self.folder, cuts)
            scheduler = Scheduler(fleet, cuts, kind, marked.holds, finished, tally)
            tally.looked(fleet)
            scheduler.run(planned(self.folder))
            tally.finish()
            if scheduler.given_up:
                self.folder.remove(SUCCESS)
            elif tally.made or self.folder.size(SUCCESS) is None:
                self._write_success(cuts, tally, ledger)
        report = tally.report()
        if report.rows or report.retries:
            self._keep(report)
        given_up = sorted(scheduler.given_up, key=lambda pair: pair[0].number)
        return JobSummary(
            n_rows=tally.rows,
            n_failed=tally.failed,
            n_truncated=tally.truncated,
            dim=kind.dim,
            reused=tally.reused,
            first_failures=tuple(tally.first),
            shards=cuts.shards,
            given_up=tuple(
                (f"{cuts.output(shard.number)} ({shard.file} from {shard.start})", reason)
                for shard, reason in given_up
            ),
            report=report,
        )

    def _keep(self, report: Report) -> None:
        """Write what this run took beside what earlier runs took."""
        number = len(self.folder.listing(RUNS)) + 1
        text = json.dumps(report.plain(), indent=1)
        self.folder.write(f"{RUNS}/{number:05d}.json", f"{text}\n")

    def _write_success(self, cuts: Plan, tally: Tally, ledger: Ledger) -> None:
        """Write the manifest of a finished job, a line for each file, without holding them all."""
        head = {"shards": cuts.shards, "rows": tally.rows, "failed": tally.failed}
        head |= {"truncated": tally.truncated, "tokens": tally.tokens}
        with self.folder.writing(SUCCESS) as path, path.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps(head)[:-1] + ', "files": [')
            for number, entry in enumerate(ledger.entries()):
                line = json.dumps({"file": cuts.output(number), **asdict(entry)})
                stream.write(f"{',' if number else ''}\n{line}")
            stream.write("\n]}\n")


class _Marked:
    """Which shards an earlier run has marked as done, a listing for each folder of markers."""

    def __init__(self, folder: JobFolder, cuts: Plan) -> None:
        self._folder, self._cuts = folder, cuts
        self._listed = ""
        self._found: dict[str, int] = {}

    def holds(self, shard: Shard) -> bool:
        """Whether there is a marker; shards are asked for in their order."""
        marker = self._cuts.marker(shard.number)
        if (below := marker.rpartition("/")[0]) != self._listed:
            self._listed, self._found = below, self._folder.listing(below)
        return marker in self._found


def require_one_layer(facts: Facts) -> None:
    """InputError when several layers were asked for."""
    if len(facts.layers) > 1:
        message = f"{len(facts.layers)} layers need a table each: into a folder goes one"
        raise InputError(message)


def limits_of(facts: Facts, stored: str, shard_rows: int | None) -> Limits:
    """Return where shards end, so that their files are neither tiny nor huge."""
    each = facts.dim * (2 if stored == "float16" else 4)
    if facts.per_token:  # about a vector for each character
        return Limits(shard_rows or 1_000_000, max(1, SHARD_BYTES // each))
    rows = shard_rows or max(1, SHARD_BYTES // (each + ID_BYTES))
    return Limits(rows, SHARD_CHARACTERS)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Return what reading it back from JSON would give."""
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


def _facts_of(found: dict[str, Any]) -> Facts:
    return Facts(**{**found, "layers": tuple(found["layers"])})
