"""The folder of a site: it appears whole or not at all, and holds what its manifest says."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError, shorten
from hf_datasets.files import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MANIFEST = "manifest.json"
MADE_BY = "genezoo cards leaderboard"


def require_ours(out: Path) -> None:
    """InputError if `out` cannot become a site: a file, or a folder with other things in it."""
    if out.is_file():
        message = f"--out {out} is a file; a leaderboard is a site: give a folder, as --out site/"
        raise InputError(message)
    if not out.is_dir():
        return
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    strange = sorted(found - listed_files(out / MANIFEST) - {MANIFEST})
    if strange:
        message = (
            f"--out {out} holds {shorten(strange, 3)}, not written by `cards leaderboard`; "
            "choose another folder"
        )
        raise InputError(message)


def listed_files(manifest: Path) -> set[str]:
    """Return the files that a manifest of ours names; none where it is not ours."""
    if not manifest.is_file():
        return set()
    try:
        record: Any = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        return set()
    if not isinstance(record, dict) or record.get("made_by") != MADE_BY:
        return set()
    files = record.get("files")
    return {str(name) for name in files} if isinstance(files, dict) else set()


def write_site(out: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write all files into an empty folder, then put it in place of `out`.

    An older site there is moved aside first, then removed. InputError as `require_ours`.
    """
    require_ours(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    except OSError as error:
        message = f"cannot write {out}: {error.strerror}; choose another --out"
        raise InputError(message) from error
    try:
        fill(staging)
        files = {path.relative_to(staging).as_posix(): path for path in _files(staging)}
        digests = {name: file_digest(path) for name, path in sorted(files.items())}
        text = json.dumps({"made_by": MADE_BY, "files": digests}, indent=1)
        (staging / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
        staging.chmod(0o755)
        _replace(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _replace(staging: Path, out: Path) -> None:
    if not out.exists():
        staging.replace(out)
        return
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".old", dir=out.parent) as old:
        out.replace(Path(old) / "was")
        staging.replace(out)
