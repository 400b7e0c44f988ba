"""Bringing a repository of the Hub onto this machine: one place for datasets and models."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hf_datasets.command import say
from hf_datasets.errors import InputError, one_line

REASON_LENGTH = 300


def pull_snapshot(
    name: str,
    revision: str | None,
    *,
    kind: Literal["dataset", "model"] = "dataset",
    patterns: tuple[str, ...] | None = None,
) -> Path:
    """Return the folder of a repository's files at a revision; the folder is named by its commit.

    `revision` is a tag, branch, pull request or commit, `main` when None; `patterns` limit what
    is fetched. What was fetched before serves where the Hub does not answer, and that is said.

    Raises
    ------
    InputError
        No such repository or revision, no right to it, or no connection and nothing cached.

    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    def fetch(*, cached: bool) -> Path:
        return Path(
            snapshot_download(
                name,
                repo_type=kind,
                revision=revision,
                allow_patterns=list(patterns) if patterns else None,
                local_files_only=cached,
            )
        )

    try:
        return fetch(cached=False)
    except HfHubHTTPError as error:  # the Hub has spoken: not found, gated, …
        raise _unavailable(name, revision, kind, error) from error
    except Exception as error:  # noqa: BLE001  whatever broke, the cache may serve
        try:
            folder = fetch(cached=True)
        except Exception:  # noqa: BLE001  the first error is the one to tell
            raise _unavailable(name, revision, kind, error) from error
        say(f"the Hub does not answer; {name} is taken from the cache, commit {folder.name}")
        return folder


def _unavailable(name: str, revision: str | None, kind: str, error: Exception) -> InputError:
    at = f"@{revision}" if revision else ""
    reason = one_line(error)
    if len(reason) > REASON_LENGTH:
        reason = reason[:REASON_LENGTH].rpartition(" ")[0] + " …"
    return InputError(
        f"cannot get {kind} {name}{at} from the Hub: {reason}; "
        "check the name, the revision and the connection, or name a local folder"
    )
