"""Building a dataset folder: Parquet for every config, and a README that `datasets` understands."""

from __future__ import annotations

import hashlib
import inspect
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from hf_datasets.files import file_digest
from hf_datasets.task import tasks_of_table

if TYPE_CHECKING:
    import datasets

    from hf_datasets.registry import DatasetRecord

DATA_FILE = "{config}/train-00000-of-00001.parquet"


def builder_fingerprint(record: DatasetRecord) -> str:
    """Return a sha256 over what a build is made from: the builder's folder and this file."""
    source = inspect.getsourcefile(record.builder_class())
    files = sorted(Path(source).parent.glob("*")) if source else []
    digests = [file_digest(path) for path in [*files, Path(__file__)] if path.is_file()]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def build_dataset(record: DatasetRecord, out: Path) -> dict[str, datasets.Dataset]:
    """Build every config of a dataset into the folder `out`; return the tables by config.

    The folder appears whole or not at all. A folder that this function wrote before is
    replaced; any other folder that is not empty is refused.
    """
    _require_ours(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        tables = _write_tables(record, staging)
        (staging / "README.md").write_text(_readme(record, tables), encoding="utf-8")
        staging.chmod(0o755)
        _replace(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return tables


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


def _write_tables(record: DatasetRecord, folder: Path) -> dict[str, datasets.Dataset]:
    """Run the builder for each config and write its rows as Parquet."""
    from hf_datasets.reference import quiet_datasets

    builder_class = record.builder_class()
    tables = {}
    for config in record.configs:
        with tempfile.TemporaryDirectory() as scratch, quiet_datasets():
            builder = builder_class(cache_dir=scratch, config_name=config)
            builder.download_and_prepare()
            table = builder.as_dataset(split="train", in_memory=True)
            path = folder / DATA_FILE.format(config=config)
            path.parent.mkdir(parents=True)
            # The metadata carries the features (class names); page index and
            # content-defined chunks serve the Hub's viewer and its deduplication.
            table.to_parquet(path)
        tables[config] = table
    return tables


GENERATED = "<!-- written by genezoo: publish build -->"


def _readme(record: DatasetRecord, tables: dict[str, datasets.Dataset]) -> str:
    """Return the dataset's README: the configs for `datasets`, and a table of tasks for people."""
    import yaml

    card: dict[str, Any] = {
        "pretty_name": record.name,
        "license": record.licence,
        "tags": ["biology", "genes", "embeddings", "benchmark"],
        "configs": [
            {
                "config_name": config,
                "version": record.version,
                "data_files": [{"split": "train", "path": DATA_FILE.format(config=config)}],
            }
            for config in record.configs
        ],
    }
    rows = [
        f"| `{task.config}/{task.column}` | {task.type} | {_size(tables[config], task.column)} "
        f"| {', '.join(task.classes)} |"
        for config in record.configs
        for task in tasks_of_table(record.name, config, tables[config].features)
    ]
    head = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    text = inspect.getdoc(record.builder_class()) or record.summary
    example = record.configs[min(3, len(record.configs) - 1)]
    return "\n".join(
        [
            f"---\n{head}---",
            GENERATED,
            f"# {record.name} {record.version}\n\n{text}\n",
            "```python\nfrom datasets import load_dataset\n",
            f'load_dataset("FOLDER", "{example}")\n```\n',
            "## Tasks\n\n| task | type | entities | classes |\n|---|---|---:|---|",
            *rows,
            "",
        ]
    )


def _size(table: datasets.Dataset, column: str) -> int:
    """Count the entities that are in a task: rows whose label is not null."""
    values = table.data.column(column)
    return len(values) - int(values.null_count)
