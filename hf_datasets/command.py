"""What the four commands share: a parser, one-line errors, exit statuses and progress."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn, TextIO

from hf_datasets.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tqdm import tqdm

EXIT_OK = 0
EXIT_INCOMPLETE = 1
"""The work was done, but something in it failed and was reported."""
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
LOG_EVERY = 60.0
"""Seconds between two lines of progress where stderr is no terminal."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, as all errors of the commands are."""

    def error(self, message: str) -> NoReturn:
        """Print one line and end with status 2; argparse would print the usage as well."""
        self.exit(
            EXIT_BAD_INPUT, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n"
        )


def run_command(name: str, main: Callable[[Sequence[str]], int], argv: Sequence[str] | None) -> int:
    """Run `main(argv)` and turn every failure into one line on stderr.

    Returns 0 when all went well, 1 when part of the work failed or the program itself did,
    2 for bad input and for files that cannot be read or written, 130 after Ctrl-C.
    """
    try:
        status = main(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except InputError as error:
        return _say(name, error, EXIT_BAD_INPUT)
    except BrokenPipeError:
        # The reader of a pipe went away (`extract --list | head`): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        return _say(name, _explain(error), EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        return _say(name, "interrupted; the same command goes on from here", EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001  the last resort: no traceback reaches a user
        if os.environ.get("GENEZOO_DEBUG"):
            traceback.print_exc()
        text = f"{type(error).__name__}: {error} (a defect; GENEZOO_DEBUG=1 shows where)"
        return _say(name, text, EXIT_INCOMPLETE)
    return status


def count(text: str) -> int:
    """Read a number of things, as argparse's `type`."""
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is no number of things; give 1 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _say(name: str, text: object, status: int) -> int:
    print(f"{name}: error: {one_line(text)}", file=sys.stderr)  # noqa: T201
    return status


def _explain(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else ""
    reason = error.strerror or str(error)
    return f"cannot read or write{where}: {reason}; choose another place or free some room"


def say(text: str) -> None:
    """Tell the user something beside the results: one line on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def show(text: str) -> None:
    """Print a result on stdout."""
    print(text)  # noqa: T201


def progress(
    total: int | None, unit: str, label: str, done: int = 0, form: str | None = None
) -> tqdm[NoReturn]:
    """Return a progress bar on stderr with rate and remaining time.

    On a terminal it moves; in a log it prints a line a minute. `form` is tqdm's `bar_format`.
    """
    from tqdm import tqdm

    quick = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        unit=f" {unit}",
        desc=label,
        file=sys.stderr if quick else _Log(sys.stderr),
        mininterval=0.2 if quick else LOG_EVERY,
        miniters=None if quick else 1,  # else tqdm may skip lines, or print one every 10 seconds
        dynamic_ncols=quick,
        bar_format=form,
        leave=True,
    )


class _Log:
    """Makes a line of each state of a bar, where nothing moves back to the start of one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a line, unless there is nothing in it."""
        if line := text.strip():
            self._stream.write(f"{line}\n")
        return len(text)

    def flush(self) -> None:
        """Flush."""
        self._stream.flush()
