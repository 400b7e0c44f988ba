"""Building a dataset folder: Parquet for every config, and a README that `datasets` understands.

A dataset that comes from upstream sources also gets `build.json`: what it was built from, what
is in it, and what is not. With it, a build that would give the same again is not repeated.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest
from hf_datasets.publishing.dataset_facts import task_report
from hf_datasets.readme import GENERATED, dataset_readme, with_text_of
from hf_datasets.task import tasks_of_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import datasets
    import pyarrow as pa

    from hf_datasets.checks.report import TaskReport
    from hf_datasets.registry import DatasetRecord

RECORD_FILE = "build.json"
README = "README.md"
DATA_FILE = "{config}/{split}-{shard:05}-of-{shards:05}.parquet"
SHARD_BYTES = 500_000_000
"""A split is cut into files of about so many bytes of rows, unpacked."""
CARD_CODE = tuple(
    f"publishing/{name}.py"
    for name in ("citations", "dataset_card", "dataset_facts", "markdown", "sections")
)
"""What decides the text of a card."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class BuildOptions:
    """What a user says about a build."""

    given: Mapping[str, Path] = field(default_factory=dict)
    """`source` or `source.file` → a local copy."""
    folder: Path | None = None
    """A folder with a subfolder per source."""
    download: bool = True
    """Whether what is not at hand is fetched."""
    dna_window: int = 2048
    """Bases around the start of transcription."""
    complete: bool = False
    """Whether a dataset that lacks something is an error, before anything is written."""


class Content(Protocol):
    """What a dataset that is built from sources says about them; made from BuildOptions."""

    digest: str
    """A sha256 over the sources and options."""
    unavailable: Mapping[str, str]
    """Source that cannot be had → why."""

    def configs(self) -> list[str]:
        """Return the configs that can be built."""

    def missing(self) -> dict[str, str]:
        """Return path of what cannot be built → why."""

    def record(self) -> dict[str, Any]:
        """Return what `build.json` says about sources and tasks."""

    def card(self) -> list[str]:
        """Return the sections of the README that come after the table of tasks."""


@dataclass(frozen=True)
class BuiltTable:
    """What was written of one config."""

    features: Mapping[str, Any]
    rows: Mapping[str, int]
    """Split → rows."""
    files: Mapping[str, str]
    """Split → its file in the dataset, or a pattern of its files."""
    tasks: tuple[TaskReport, ...]
    """Its tasks in numbers, over all splits."""


@dataclass(frozen=True, eq=False)
class Build:
    """A dataset folder after `build_dataset`."""

    tables: dict[str, BuiltTable]
    """Config → what was written; empty if nothing had to be done."""
    unchanged: bool = False
    """The folder already held this very build."""
    missing: dict[str, str] = field(default_factory=dict)
    """Path of a task that is not in it → why."""
    unavailable: dict[str, str] = field(default_factory=dict)
    """Source that could not be had → why."""


def builder_fingerprint(record: DatasetRecord) -> str:
    """Return a sha256 over what a build is made from: the builder's folder, and these files."""
    source = inspect.getsourcefile(record.builder_class())
    files = sorted(Path(source).parent.glob("*")) if source else []
    for name in record.code:
        place = HERE / name
        files += sorted(place.glob("*.py")) if place.is_dir() else [place]
    ours = [
        Path(__file__),
        HERE / "readme.py",
        HERE / "sourced.py",
        *(HERE / name for name in CARD_CODE),
    ]
    digests = [file_digest(path) for path in [*files, *ours] if path.is_file()]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def build_dataset(record: DatasetRecord, out: Path, options: BuildOptions | None = None) -> Build:
    """Build every config of a dataset into the folder `out`.

    The folder appears whole or not at all. A folder that this function wrote before is
    replaced; any other folder that is not empty is refused. A dataset that is built from
    sources is left as it is when sources, options and code are those it was built from.
    """
    _require_ours(out)
    content = _content(record, options or BuildOptions())
    stamp = _stamp(record, content)
    if content and (before := _same_build(out, stamp)) is not None:
        return Build({}, unchanged=True, missing=before, unavailable=dict(content.unavailable))
    missing = _missing(record, content, options)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        tables = _write_tables(record, staging, content)
        # Again: what is wrong with a source that is streamed shows when it has been read.
        missing = _missing(record, content, options)
        about = content.record() | {"missing": missing, "stamp": stamp} if content else {}
        readme = dataset_readme(record, staging, tables, about, content.card() if content else ())
        (staging / README).write_text(with_text_of(readme, out / README), encoding="utf-8")
        if content:
            _write_record(record, staging, stamp, about)
        staging.chmod(0o755)
        _replace(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Build(tables, missing=missing, unavailable=dict(content.unavailable) if content else {})


def _missing(
    record: DatasetRecord, content: Content | None, options: BuildOptions | None
) -> dict[str, str]:
    """Return what the build lacks; InputError if it was to be complete."""
    missing = content.missing() if content else {}
    if missing and options and options.complete:
        message = (
            f"{record.name} cannot be built in full, it would lack {shorten(missing, 3)}: "
            f"{next(iter(missing.values()))}; build what there is: publish build {record.name} "
            "--out DIR"
        )
        raise InputError(message)
    return missing


def read_record(folder: Path) -> dict[str, Any]:
    """Return the `build.json` of a built folder, {} where there is none.

    `partial` is true if something of the dataset is not in it; `missing` says what and why.
    """
    path = folder / RECORD_FILE
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _content(record: DatasetRecord, options: BuildOptions) -> Content | None:
    if not record.content:
        if options.given or options.folder:
            message = f"{record.name} is built from no sources; leave out --source and --sources"
            raise InputError(message)
        return None
    module, _, attribute = record.content.partition(":")
    made: Content = getattr(import_module(module), attribute)(options)
    return made


def _stamp(record: DatasetRecord, content: Content | None) -> dict[str, str]:
    """Return what decides the bytes of a build."""
    return {
        "version": record.version,
        "code": builder_fingerprint(record),
        "sources": content.digest if content else "",
        "datasets": version("datasets"),
        "pyarrow": version("pyarrow"),
    }


def _same_build(out: Path, stamp: dict[str, str]) -> dict[str, str] | None:
    """Return what the folder lacks if it is this very build, with its files whole; else None."""
    record = read_record(out)
    if record.get("stamp") != stamp:
        return None
    for name, digest in record.get("outputs", {}).items():
        path = out / name
        if not path.is_file() or file_digest(path) != digest:
            return None
    return dict(record["missing"])


def _require_ours(out: Path) -> None:
    if out.is_file():
        message = f"{out} is a file; give a folder as --out"
        raise InputError(message)
    if out.is_dir() and any(out.iterdir()):
        readme = out / "README.md"
        if not readme.is_file() or GENERATED not in readme.read_text(encoding="utf-8"):
            message = f"{out} is not empty and was not built by publish; choose another --out"
            raise InputError(message)


def _replace(staging: Path, out: Path) -> None:
    """Put the finished folder in place; an old one is moved aside first, then removed."""
    if not out.exists():
        staging.replace(out)
        return
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".old", dir=out.parent) as old:
        out.replace(Path(old) / "was")
        staging.replace(out)


def _write_tables(
    record: DatasetRecord, folder: Path, content: Content | None
) -> dict[str, BuiltTable]:
    """Run the builder for each config and write its splits as Parquet."""
    from hf_datasets.reference import quiet_datasets

    builder_class = record.builder_class()
    extra = {"content": content} if content else {}
    tables = {}
    for config in content.configs() if content else record.configs:
        # Beside the result: rows on their way there can be more than a machine's /tmp holds.
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, quiet_datasets():
            builder = builder_class(cache_dir=scratch, config_name=config, **extra)
            builder.download_and_prepare()
            tables[config] = _write_config(record.name, config, _splits(builder), folder)
    return tables


def _splits(builder: datasets.DatasetBuilder) -> dict[str, datasets.Dataset]:
    """Return the splits that have rows; if none has, the first one without."""
    import datasets

    filled = [name for name, info in builder.info.splits.items() if info.num_examples]
    if filled:
        return {name: builder.as_dataset(split=name) for name in filled}
    empty = datasets.Dataset.from_dict(
        {name: [] for name in builder.info.features}, features=builder.info.features
    )
    return {next(iter(builder.info.splits)): empty}


def _write_config(
    name: str, config: str, splits: Mapping[str, datasets.Dataset], folder: Path
) -> BuiltTable:
    (folder / config).mkdir(parents=True)
    files = {}
    for split, table in splits.items():
        shards = max(1, -(-table.data.nbytes // SHARD_BYTES))
        for shard in range(shards):
            path = DATA_FILE.format(config=config, split=split, shard=shard, shards=shards)
            # The metadata carries the features (class names); page index and
            # content-defined chunks serve the Hub's viewer and its deduplication.
            table.shard(shards, shard, contiguous=True).to_parquet(folder / path)
        files[split] = path if shards == 1 else f"{config}/{split}-*.parquet"
    features = next(iter(splits.values())).features
    tasks = tuple(
        task_report(task, joined_column(splits.values(), task.column))
        for task in tasks_of_table(name, config, features)
    )
    rows = {split: len(table) for split, table in splits.items()}
    return BuiltTable(features, rows, files, tasks)


def joined_column(splits: Iterable[datasets.Dataset], column: str) -> pa.ChunkedArray:
    """Return a column of all splits, one after the other."""
    import pyarrow as pa

    parts = [table.data.column(column) for table in splits]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)


def _write_record(
    record: DatasetRecord, folder: Path, stamp: dict[str, str], about: dict[str, Any]
) -> None:
    # Not the card: people write into it, and it is still this build.
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / README)
    whole = {
        "dataset": record.name,
        "version": record.version,
        "partial": bool(about["missing"]),
        "stamp": stamp,
        "outputs": {path.relative_to(folder).as_posix(): file_digest(path) for path in files},
        **about,
    }
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    (folder / RECORD_FILE).write_text(text, encoding="utf-8")
