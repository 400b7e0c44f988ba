"""Biology-Instructions as published: JSON lines of `input`, `output`, `label` and `task`.

https://github.com/hhnqqq/Biology-Instructions. Upstream states no licence, so nothing is fetched:
`--source biology-instructions.test=FILE` points at a copy of the training, validation or test part.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import open_lines
from hf_datasets.sources.source import Source, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hf_datasets.sources.labelled import Problems
    from hf_datasets.sources.source import UsedFile

_NAMES = {"train": ("train",), "validation": ("val", "dev"), "test": ("test",)}
_FIELDS = ("input", "output", "label", "task")
SOURCE = Source(
    name="biology-instructions",
    title="Biology-Instructions, published records",
    version="2024",
    licence="none stated: for local use",
    citation="He et al., Biology-Instructions, arXiv 2412.19191 (2024)",
    homepage="https://github.com/hhnqqq/Biology-Instructions",
    files=tuple(
        SourceFile(
            key=split,
            url="",
            local=tuple(f"*{name}*.{end}*" for name in names for end in ("jsonl", "json")),
            max_bytes=6_000_000_000,
            optional=True,
        )
        for split, names in _NAMES.items()
    ),
)


def read_records(file: UsedFile, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, record) of JSON lines; what is no record with the four fields is counted."""
    with open_lines(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place = f"{file.key} line {number}"
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                if number == 1 and line.lstrip().startswith("["):
                    message = f"{file.path} is a JSON list; give JSON lines, a record a line"
                    raise InputError(message) from None
                problems.add("line is not JSON", place)
                continue
            if not isinstance(record, dict):
                problems.add("line is no JSON object", place)
            elif missing := [name for name in _FIELDS if record.get(name) in (None, "")]:
                problems.add(f"record without {', '.join(missing)}", place)
            else:
                yield number, record
