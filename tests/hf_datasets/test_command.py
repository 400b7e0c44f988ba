"""What all four commands do with errors: one line, an exit status, never a traceback."""

from __future__ import annotations

import errno
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hf_datasets.command import CommandParser, run_command
from hf_datasets.errors import InputError, choose, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "sklearn",
    "scanpy",
    "pandas",
    "sentence_transformers",
)
LIGHT_COMMANDS = [
    "hf_datasets list", "hf_datasets list --tasks", "hf_datasets --help", "extractors --help",
    "extractors --list", "probes --help", "cards --help",
]  # fmt: skip


def status_of(error: BaseException) -> int:
    def main(_: Sequence[str]) -> int:
        raise error

    return run_command("tool", main, [])


FULL = OSError(errno.ENOSPC, "No space left on device", "x")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("no\n such  thing"), 2, "no such thing"),
        (
            FULL,
            2,
            (
                "cannot read or write x: No space left on device; "
                "choose another place or free some room"
            ),
        ),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
        (
            ZeroDivisionError("oops"),
            1,
            "ZeroDivisionError: oops (a defect; GENEZOO_DEBUG=1 shows where)",
        ),
    ],
)
def test_every_failure_is_one_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(error) == status
    assert capsys.readouterr().err == f"tool: error: {line}\n"


def test_a_message_is_one_plain_line() -> None:
    assert str(InputError("\x1b[36mray::Actor\x1b[39m died\n  of memory")) == (
        "ray::Actor died of memory"
    )


def test_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENEZOO_DEBUG", "1")
    assert status_of(ZeroDivisionError("oops")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_bad_options_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = CommandParser(prog="tool")
    parser.add_argument("--size", choices=("s", "l"))
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(["--size", "xxl"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "'xxl'" in error
    assert "see tool --help" in error


def test_choices_are_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown model 'minilmm'; did you mean minilm"):
        choose("minilmm", {"minilm": 1, "random": 2}, "model")
    assert shorten(range(7)) == "0, 1, 2, 3, 4 and 2 more"


@pytest.mark.parametrize("words", LIGHT_COMMANDS)
def test_listing_and_help_are_quick_and_import_nothing_heavy(words: str) -> None:
    module, *rest = words.split()
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{module!r}, *{rest!r}]\n"
        "try:\n"
        f"    runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code, stop.code\n"
        f"print('heavy:', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "heavy:"
    assert len(done.stdout) > 100


def test_a_closed_pipe_is_no_error() -> None:
    listing = subprocess.Popen(
        [sys.executable, "-m", "extractors", "--list"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert listing.stdout is not None
    listing.stdout.close()
    _, errors = listing.communicate()
    assert listing.returncode == 0
    assert errors == ""
