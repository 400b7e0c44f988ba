"""`load_dataset`: as `datasets.load_dataset`, with short names and versions that hold offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, choose
from hf_datasets.reference import Reference, open_dataset, parse_reference

if TYPE_CHECKING:
    import datasets


def load_dataset(
    name: str,
    config: str | None = None,
    *,
    version: str | None = None,
    split: str | None = None,
) -> datasets.DatasetDict | datasets.Dataset:
    """Load one table of a dataset.

    Parameters
    ----------
    name
        A registered short name, a folder, or `org/name` on the Hub.
    config
        The table; needed when the dataset has several.
    version
        Version, tag or commit. It is checked, offline too, where plain `datasets` ignores it
        for folders and for what is in its cache.
    split
        One split; without it, a DatasetDict of all.

    Raises
    ------
    InputError
        Unknown dataset, config, version or split.

    """
    parsed = parse_reference(name)
    if len(parsed.parts) > 1 or (parsed.parts and config is not None):
        message = f"{name!r} names more than a dataset; give load_dataset(name, config)"
        raise InputError(message)
    if version is not None and parsed.revision not in {None, version}:
        message = f"{name!r} and version={version!r} name two revisions; give one"
        raise InputError(message)
    config = config or next(iter(parsed.parts), None)
    asked = Reference(parsed.name, parsed.kind, version or parsed.revision, ())
    opened = open_dataset(asked)
    configs = opened.configs()
    if config is None and len(configs) > 1:
        message = f"{name} has several configs; name one of: {', '.join(configs)}"
        raise InputError(message)
    config = config or configs[0]
    loaded = opened.splits(config)
    return loaded if split is None else choose(split, loaded, f"split of {parsed.name}/{config}")
