"""Where a dataset is: a path like `gene-benchmark-sample/localization`, and the folder behind it.

The grammar is NAME[@REVISION][/CONFIG[/COLUMN[/LABEL]]]. NAME is, in this order, a folder that
exists, a registered short name, or `org/name` on the Hub.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hf_datasets.errors import InputError, choose, nearest, one_line
from hf_datasets.files import cache_folder, folder_digest
from hf_datasets.hub import pull_snapshot
from hf_datasets.registry import dataset_record, registered_datasets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import datasets

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
PULL_REQUEST = re.compile(r"refs/pr/\d+", re.ASCII)
"""The only revision with a slash in it: a pull request on the Hub."""
CONTENT = ("*.parquet", "*.csv", "*.tsv", "*.jsonl", "README.md")


@dataclass(frozen=True)
class Reference:
    """A parsed dataset path."""

    name: str
    """The dataset as given, without the revision."""
    kind: Literal["folder", "registered", "hub"]
    """What the name turned out to be."""
    revision: str | None
    """Version, tag or commit asked for after `@`, or None."""
    parts: tuple[str, ...]
    """What follows the name: config, column, label."""


def parse_reference(text: str) -> Reference:
    """Split a dataset path; InputError when no folder, short name or Hub id fits it."""
    if (folder := _folder_prefix(text)) and "@" in folder:
        return Reference(folder, "folder", None, _parts(text[len(folder) :].strip("/"), ""))
    head, _, tail = text.partition("@")
    pull = PULL_REQUEST.match(tail)
    revision = (pull[0] if pull else tail.partition("/")[0]) or None
    after = tail[len(revision or "") :].removeprefix("/")
    if folder := _folder_prefix(head):
        inside = head[len(folder) :].strip("/")
        return Reference(folder, "folder", revision, _parts(inside, after))
    known = registered_datasets()
    first, *rest = head.strip("/").split("/")
    if first in known:
        return Reference(first, "registered", revision, _parts("/".join(rest), after))
    if len(head.split("/")) > 1 and not head.startswith((".", "/", "~")):
        organisation, name, *rest = head.split("/")
        if HUB_ID.fullmatch(f"{organisation}/{name}"):
            return Reference(
                f"{organisation}/{name}", "hub", revision, _parts("/".join(rest), after)
            )
    message = (
        f"no dataset {text!r}: neither a folder nor a short name{nearest(first, known)} "
        f"short names: {', '.join(sorted(known))}; on the Hub it is org/name"
    )
    raise InputError(message)


def _parts(inside: str, after: str) -> tuple[str, ...]:
    """Split CONFIG/COLUMN/LABEL; a label may itself hold slashes."""
    pieces = [piece for piece in "/".join(filter(None, (inside, after))).split("/", 2) if piece]
    return tuple(pieces)


def _folder_prefix(text: str) -> str | None:
    """Return the longest leading part of `text` that is a dataset folder.

    A folder with a dataset card wins over a folder inside it, which holds only Parquet files.
    """
    pieces = text.split("/")
    prefixes = ["/".join(pieces[:end]) for end in range(len(pieces), 0, -1)]
    folders = [prefix for prefix in prefixes if prefix and Path(prefix).expanduser().is_dir()]
    for folder in folders:
        if has_card(Path(folder).expanduser()):
            return folder
    holds_data = (f for f in folders if folder_has_data(Path(f).expanduser()))
    return next(holds_data, None)


def has_card(folder: Path) -> bool:
    """Whether a folder has a dataset card: a README.md that starts with YAML."""
    readme = folder / "README.md"
    if not readme.is_file():
        return False
    with readme.open("rb") as stream:
        return stream.read(4).startswith(b"---")


def folder_has_data(folder: Path) -> bool:
    """Whether a folder directly holds files that `datasets` can read as a dataset."""
    return any(next(folder.glob(pattern), None) for pattern in CONTENT[:-1])


@dataclass(frozen=True)
class OpenedDataset:
    """A dataset that lies in a local folder, whatever it came from."""

    name: str
    """The short name, the folder's own name, or org/name: the first part of a task's path."""
    root: Path
    """Folder with README.md and data files, readable by plain `datasets.load_dataset`."""
    revision: str
    """Commit on the Hub, or `sha256:` and 16 digits of the folder's content."""

    @property
    def _home(self) -> str:
        """The folder's full name, as `datasets` needs it; links stay, caches are made of them."""
        return os.path.normpath(self.root.absolute())

    def title(self) -> str:
        """Return the name that the dataset's card states, whatever its folder is called."""
        import yaml

        if not has_card(self.root):
            return ""
        head = (self.root / "README.md").read_text(encoding="utf-8").split("---")[1]
        return str((yaml.safe_load(head) or {}).get("pretty_name", ""))

    def configs(self) -> list[str]:
        """Return the names of the tables."""
        import datasets

        try:
            names: list[str] = datasets.get_dataset_config_names(self._home)
        except Exception as error:
            raise _unreadable(self.name, error) from error
        return names

    def features(self, config: str) -> dict[str, Any]:
        """Return the columns of a table with their `datasets` features."""
        return dict(self.table(config).features)

    def table(self, config: str) -> datasets.Dataset:
        """Return one table, all its splits one after the other."""
        import datasets

        return datasets.concatenate_datasets(list(self.splits(config).values()))

    def splits(self, config: str) -> datasets.DatasetDict:
        """Return the splits of one table; InputError for files that are not the dataset's own."""
        import datasets

        choose(config, dict.fromkeys(self.configs()), f"config of {self.name}")
        where = f"{self.name}/{config}"
        try:
            with quiet_datasets():
                builder = datasets.load_dataset_builder(self._home, config)
                self._require_own_files(where, builder.config.data_files or {})
                # `datasets` names its cache after the folder's name and its card alone: it would
                # give the old rows of a folder that changed, or those of a namesake.
                cache = cache_folder() / "tables" / self.revision.removeprefix("sha256:")
                splits: datasets.DatasetDict = datasets.load_dataset(
                    self._home, config, cache_dir=str(cache)
                )
        except InputError:
            raise
        except Exception as error:
            raise _unreadable(where, error) from error
        return splits

    def _require_own_files(self, where: str, files: Mapping[str, list[str]]) -> None:
        """InputError when a card points out of the dataset: no revision names what is there."""
        for path in (path for paths in files.values() for path in paths):
            if "://" in path or not Path(os.path.normpath(path)).is_relative_to(self._home):
                message = f"{where} points at {path}, outside the dataset; copy that file into it"
                raise InputError(message)


@contextlib.contextmanager
def quiet_datasets() -> Iterator[None]:
    """Keep `datasets` from drawing progress bars for tables that load in an instant."""
    import datasets

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _unreadable(what: str, error: Exception) -> InputError:
    return InputError(f"cannot read dataset {what}: {type(error).__name__}: {one_line(error)}")


def open_dataset(reference: Reference) -> OpenedDataset:
    """Bring a dataset into a local folder: build a registered one, pull one from the Hub.

    A registered dataset is built into the cache once per version. A Hub dataset is pulled at
    the asked revision (tag, branch or commit; `main` otherwise) and named by its commit.
    """
    if reference.kind == "hub":
        root = pull_snapshot(reference.name, reference.revision)
        return OpenedDataset(reference.name, root, root.name)
    if reference.kind == "registered":
        root = _built(reference)
    else:
        root = Path(reference.name).expanduser()
        require_version(root, reference.name, reference.revision)
    name = reference.name if reference.kind == "registered" else root.resolve().name
    return OpenedDataset(name, root, f"sha256:{folder_digest(root, CONTENT)[:16]}")


def _built(reference: Reference) -> Path:
    from hf_datasets.build import BuildOptions, build_dataset, builder_fingerprint

    record = dataset_record(reference.name)
    asked = (reference.revision or record.version).removeprefix("v")
    if asked != record.version:
        message = (
            f"{record.name} {asked} is not what this release builds ({record.version}); "
            f"load a published one: org/{record.name}@v{asked}"
        )
        raise InputError(message)
    stamp = f"{record.version}-{builder_fingerprint(record)[:16]}"
    root = cache_folder() / "datasets" / record.name / stamp
    if not (root / "README.md").is_file():
        # What everybody gets by the short name is whole, or it is not there.
        build_dataset(record, root, BuildOptions(complete=True))
    return root


def require_version(root: Path, name: str, asked: str | None) -> None:
    """InputError when a folder's README states another version than the asked one."""
    if asked is None:
        return
    import yaml

    readme = root / "README.md"
    head = readme.read_text(encoding="utf-8").split("---")[1:2] if readme.is_file() else []
    card = yaml.safe_load(head[0]) if head else {}
    versions = sorted({str(entry.get("version")) for entry in (card or {}).get("configs", [])})
    if asked.removeprefix("v") not in versions:
        stated = ", ".join(versions) or "none"
        message = f"{name} is version {stated}, not {asked}; build or name the version you need"
        raise InputError(message)
