"""Trouble with a store: what may pass is borne for a while, what does not is explained."""

from __future__ import annotations

import contextlib
import io
import time
from typing import TYPE_CHECKING, TypeVar

from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds in which a store that answers with trouble is asked again."""
PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before it is, doubled each time."""
DEFINITE = (
    FileNotFoundError,
    FileExistsError,
    PermissionError,
    IsADirectoryError,
    io.UnsupportedOperation,
)
BY_CODE = {
    "InvalidBucketName": FileNotFoundError,
    "AuthorizationHeaderMalformed": PermissionError,
    "PermanentRedirect": ConnectionAbortedError,  # another region
    "PreconditionFailed": FileExistsError,
    401: PermissionError,
    403: PermissionError,
    404: FileNotFoundError,
}
"""What answers of S3 and of HTTP mean."""
BY_NAME = {
    "NoCredentialsError": PermissionError,
    "PartialCredentialsError": PermissionError,
    "CredentialRetrievalError": PermissionError,
    "FileExpired": FileExistsError,  # of s3fs: the content is not what was opened
    "OfflineModeIsEnabled": ConnectionAbortedError,  # of huggingface_hub: the user's choice
}
NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}


def patiently(do: Callable[[], T], shown: str) -> T:
    """Do something that a store may refuse for the moment, again and again for a while.

    Raises
    ------
    OSError
        Of the kind that fits, naming the place: what is not there or not allowed at once, trouble
        that lasts when PATIENCE is over.

    """
    end, pause = time.monotonic() + PATIENCE, PAUSE
    while True:
        try:
            return do()
        except InputError:
            raise
        except Exception as error:
            if not isinstance(error, OSError) and type(error).__module__ == "builtins":
                raise  # a defect of ours
            kind = _kind(error)
            if kind is not OSError or time.monotonic() > end:
                message = f"{shown}: {one_line(error) or type(error).__name__}"
                raise kind(message) from error
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _kind(error: Exception) -> type[OSError]:
    """Return what an error of any library means; OSError is what may pass."""
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    status = getattr(getattr(error, "response", None), "status_code", None)
    known = BY_NAME.get(type(error).__name__) or BY_CODE.get(code) or BY_CODE.get(status)
    return known or next((kind for kind in DEFINITE if isinstance(error, kind)), OSError)


@contextlib.contextmanager
def explaining(place: object) -> Iterator[None]:
    """Make trouble with a store an InputError that says what to do."""
    try:
        yield
    except OSError as error:
        cause = type(error.__cause__).__name__
        reason = str(error).rpartition(f"{place}: ")[2]
        if cause in NO_CREDENTIALS:
            message = (
                f"no credentials for {place}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or AWS_PROFILE, here and on each worker"
            )
        elif isinstance(error, PermissionError):
            message = f"no right to {place} ({reason}); check the credentials in the environment"
        elif isinstance(error, FileNotFoundError):
            message = f"no such place as {place} ({reason}); create it, or check the name"
        else:
            message = f"cannot reach {place} ({reason}); check the address and the connection"
        raise InputError(message) from error
