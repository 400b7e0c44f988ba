"""Genecorpus and the restricted unpickler. The pickles are written here byte by byte or by hand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from hf_datasets.errors import InputError
from hf_datasets.sources import SourceUnavailable, genecorpus
from hf_datasets.sources.restricted_pickle import NUMPY_NUMBERS, load_pickle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hf_datasets.sources.conftest import MakeFile

    from hf_datasets.sources import UsedFile

    Real = Callable[[str], dict[str, UsedFile]]

LISTS = {"bivalent": ["ENSG00000000003", "ENSG00000000005"], "lys4_only": ["ENSG00000000419"]}


def dumps(value: object, protocol: int) -> bytes:
    """Write a pickle as upstream does; tests may, the package may not."""
    written: bytes = importlib.import_module("pickle").dumps(value, protocol=protocol)
    return written


@pytest.mark.parametrize("protocol", range(6))
def test_lists_in_every_protocol(make_file: MakeFile, protocol: int) -> None:
    files = make_file("genecorpus", "bivalent_vs_lys4_only", dumps(LISTS, protocol))
    assert genecorpus.read_lists(files) == {"bivalent_vs_lys4_only": LISTS}


def test_the_six_files() -> None:
    assert {file.key for file in genecorpus.SOURCE.files} == {
        "bivalent_vs_lys4_only",
        "bivalent_vs_no_methyl",
        "dosage_sensitivity_TFs",
        "tf_regulatory_range",
        "n1_network",
        "n1_target",
    }


def test_no_list_at_all() -> None:
    with pytest.raises(SourceUnavailable, match="bivalent_vs_lys4_only"):
        genecorpus.read_lists({})


@pytest.mark.parametrize("content", [["a"], {}, {"a": "ENSG1"}, {"a": [1]}, {1: ["ENSG1"]}])
def test_other_content_is_one_line(make_file: MakeFile, content: object) -> None:
    with pytest.raises(InputError):
        genecorpus.read_lists(make_file("genecorpus", "n1_network", dumps(content, 4)))


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("allowed", [None, NUMPY_NUMBERS])
def test_a_malicious_pickle_runs_nothing(
    make_file: MakeFile, tmp_path: Path, protocol: int, allowed: Any
) -> None:
    victim = tmp_path / "victim"
    (file,) = make_file("genecorpus", "n1_target", dumps(Evil(victim), protocol)).values()
    with pytest.raises(InputError, match="not run"):
        load_pickle(file, allowed)
    assert not victim.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02cbuiltins\neval\nq\x00X\x01\x00\x00\x001q\x01\x85q\x02Rq\x03.",
        b"Pabc\n.",
        b"\x80\x04}\x94r\xff\xff\xff\x7f.",
        b"\x80\x04]\x94",
        b"not a pickle",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
    ],
)
@pytest.mark.parametrize("allowed", [None, NUMPY_NUMBERS])
def test_broken_and_hostile_bytes_are_one_line(
    make_file: MakeFile, data: bytes, allowed: Any
) -> None:
    (file,) = make_file("genecorpus", "n1_target", data).values()
    with pytest.raises(InputError) as caught:
        load_pickle(file, allowed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", [2, 4])
def test_numpy_numbers_need_the_allow_list(make_file: MakeFile, protocol: int) -> None:
    np = pytest.importorskip("numpy")
    content = {"a": np.float64(1.5), "b": np.int64(-3), "c": np.float32(0.25), "d": 7}
    data = dumps(content, protocol)
    (file,) = make_file("genecorpus", "n1_target", data).values()
    assert load_pickle(file, NUMPY_NUMBERS) == {"a": 1.5, "b": -3, "c": 0.25, "d": 7}
    with pytest.raises(InputError, match="GLOBAL"):
        load_pickle(file)
    older = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    if protocol == 2:
        file.path.write_bytes(older)
        assert load_pickle(file, NUMPY_NUMBERS)["a"] == 1.5


def test_a_pickle_larger_than_its_bound_is_refused(make_file: MakeFile) -> None:
    import dataclasses

    (file,) = make_file("genecorpus", "n1_target", dumps(["x" * 10_000], 4), packed="gzip").values()
    with pytest.raises(InputError, match="more than 1,000 bytes"):
        load_pickle(dataclasses.replace(file, max_bytes=1_000))


def test_geneformers_real_dictionaries(upstream: Path) -> None:
    from hf_datasets.sources import UsedFile

    found = sorted((upstream / "geneformer").glob("*.pkl*")) + sorted(
        (upstream / "geneformer").glob("*.pickle*")
    )
    assert found
    for path in found:
        content = load_pickle(
            UsedFile("geneformer", "d", path, path.name, "", 0, ""), NUMPY_NUMBERS
        )
        assert isinstance(content, dict)
        assert len(content) > 10_000
        assert {type(value) for value in content.values()} <= {int, float, str}
