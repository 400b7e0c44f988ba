"""Reading a pickle without running it: plain dicts, lists, texts and numbers, nothing else.

A pickle is a program that may import and call anything. Here its instructions are looked at
first, and whatever could call something is refused, save for names that the caller allows.
"""

from __future__ import annotations

import io
import pickle  # noqa: TID251  the one restricted reader that the ban points at
import pickletools
import struct
from typing import TYPE_CHECKING, Any

from hf_datasets.errors import InputError
from hf_datasets.sources.reading import open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hf_datasets.sources.source import UsedFile

    Allowed = Mapping[tuple[str, str], Callable[..., object]]

# fmt: off
_PLAIN = frozenset((
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE",
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
    "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET", "MEMOIZE",
))
"""Instructions that build plain values and cannot call anything."""
_CALLING = frozenset((
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "SHORT_BINBYTES", "BINBYTES", "STRING", "BINSTRING", "SHORT_BINSTRING",
))
"""Instructions that call what `find_class` returns; let through only with an allow-list."""
_FORMATS = {
    "f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B", "b1": "?",
}
"""{numpy's name of a number: that of struct}."""
# fmt: on


class _Restricted(pickle.Unpickler):
    """An unpickler that finds nothing but the allowed names, and returns their stand-ins."""

    def __init__(self, stream: io.BytesIO, allowed: Allowed) -> None:
        # latin-1: the bytes of Python 2 and of numpy scalars come back as they are.
        super().__init__(stream, encoding="latin-1")
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  as in the base class
        """Return the stand-in for an allowed name; UnpicklingError for all others."""
        if (module, name) in self._allowed:
            return self._allowed[module, name]
        message = f"it asks for {module}.{name}"
        raise pickle.UnpicklingError(message)

    def persistent_load(self, _: object) -> Any:  # noqa: ANN401  as in the base class
        """Refuse references to things outside of the pickle."""
        message = "it refers to something outside"
        raise pickle.UnpicklingError(message)


def load_pickle(file: UsedFile, allowed: Allowed | None = None) -> Any:  # noqa: ANN401  any plain value
    """Return the plain value in a pickle, packed or not, of at most `file.max_bytes`.

    `allowed`: {(module, name): stand-in to call instead}, e.g. `NUMPY_NUMBERS` for numbers saved
    by numpy; numpy itself is never imported. InputError, and nothing run, for a pickle that
    asks for anything else, is damaged, or is none.
    """
    with open_bytes(file) as stream:
        return read_pickle(stream.read(), str(file.path), allowed)


def read_pickle(data: bytes, where: str, allowed: Allowed | None = None) -> Any:  # noqa: ANN401  any plain value
    """Return the plain value in a pickle's bytes; `where` names it in errors, see `load_pickle`."""
    try:
        _inspect(data, with_calls=bool(allowed))
        return _Restricted(io.BytesIO(data), allowed or {}).load()
    except Exception as error:
        # Whatever a broken pickle makes the unpickler raise: ValueError, EOFError, KeyError, …
        message = f"{where} is no plain pickle ({error}); it was not run, fetch it again"
        raise InputError(message) from error


def _inspect(data: bytes, *, with_calls: bool) -> None:
    """Raise UnpicklingError if an instruction is none of those let through."""
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name not in _PLAIN and not (with_calls and name in _CALLING):
            what = f" {argument}" if isinstance(argument, str) else ""
            message = f"instruction {name}{what}"
            raise pickle.UnpicklingError(message)
        if name.endswith("PUT") and int(argument or 0) > len(data):
            message = "an index beyond its end"
            raise pickle.UnpicklingError(message)


class _Number:
    """Stands in for `numpy.dtype`: the kind and width of a number, and its byte order."""

    def __init__(self, kind: str, *_: object) -> None:
        self.kind = _FORMATS[kind]
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order from numpy's state."""
        self.order = ">" if state[1] == ">" else "<"

    def unpack(self, data: bytes | str) -> float:
        """Return the number in `data`."""
        raw = data.encode("latin-1") if isinstance(data, str) else data
        number: float = struct.unpack(self.order + self.kind, raw)[0]
        return number


def _scalar(kind: _Number, data: bytes | str) -> float:
    return kind.unpack(data)


def _encode(text: str, _: str) -> bytes:
    """Stands in for `_codecs.encode`, by which protocol 2 writes bytes: latin-1 only."""
    return text.encode("latin-1")


NUMPY_NUMBERS: Allowed = {
    ("numpy", "dtype"): _Number,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("_codecs", "encode"): _encode,
}
"""For pickles with numpy numbers in them (Geneformer's): they come back as Python's."""
