"""One look at a whole input before work begins: how many rows, which, and none twice."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hf_datasets.errors import InputError, shorten

if TYPE_CHECKING:
    from pathlib import Path

    from extractors.inputs import Input


class Survey:
    """What one pass over an input finds: how many rows, a fingerprint, and no bad id.

    Duplicate ids are looked for with 16 bytes per id in files split by their first byte, so
    that memory stays the same for a thousand rows and for a billion.
    """

    def __init__(self, source: Input, scratch: Path) -> None:
        self.n_rows = 0
        total = hashlib.sha256()
        buckets: list[bytearray] = [bytearray() for _ in range(256)]
        for ids, values in source.rows():
            for entity, value in zip(ids, values, strict=True):
                self.n_rows += 1
                if not entity.strip():
                    message = f"row {self.n_rows} has an empty id; name every row"
                    raise InputError(message)
                digest = hashlib.blake2b(entity.encode(), digest_size=16).digest()
                buckets[digest[0]] += digest
                total.update(digest)
                total.update(b"\0" if value is None else b"\1" + value.encode() + b"\0")
            _spill(buckets, scratch, least=1 << 12)
        if not self.n_rows:
            message = "the input has no rows; give at least one"
            raise InputError(message)
        self.fingerprint = f"sha256:{total.hexdigest()}"
        _spill(buckets, scratch, least=1)
        if doubled := _doubled_digests(scratch):
            names = _names_of(source, doubled)
            message = f"{len(doubled)} ids occur more than once: {shorten(names)}; keep one of each"
            raise InputError(message)


def _spill(buckets: list[bytearray], scratch: Path, least: int) -> None:
    """Append the buckets of at least `least` bytes to their files."""
    for number, bucket in enumerate(buckets):
        if len(bucket) >= least:
            with (scratch / f"ids-{number:02x}").open("ab") as stream:
                stream.write(bucket)
            bucket.clear()


def _doubled_digests(scratch: Path) -> set[bytes]:
    doubled: set[bytes] = set()
    for path in sorted(scratch.glob("ids-*")):
        content = path.read_bytes()
        seen: set[bytes] = set()
        for start in range(0, len(content), 16):
            digest = content[start : start + 16]
            (doubled if digest in seen else seen).add(digest)
        path.unlink()
    return doubled


def _names_of(source: Input, digests: set[bytes]) -> list[str]:
    """Return the ids behind digests, in input order, each once."""
    names: dict[str, None] = {}
    for ids, _ in source.rows():
        for entity in ids:
            if hashlib.blake2b(entity.encode(), digest_size=16).digest() in digests:
                names[entity] = None
    return list(names)
