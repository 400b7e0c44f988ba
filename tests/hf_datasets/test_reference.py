"""Dataset paths: folders, short names and Hub ids, with revision, config, column and label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hf_datasets.errors import InputError
from hf_datasets.reference import Reference, open_dataset, parse_reference

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gene-benchmark-sample", ("gene-benchmark-sample", "registered", None, ())),
        (
            "gene-benchmark-sample@1.0.0/genes",
            ("gene-benchmark-sample", "registered", "1.0.0", ("genes",)),
        ),
        (
            "gene-benchmark-sample/a/b/c/d",
            ("gene-benchmark-sample", "registered", None, ("a", "b", "c/d")),
        ),
        ("org/name", ("org/name", "hub", None, ())),
        ("org/name@v1/config/column", ("org/name", "hub", "v1", ("config", "column"))),
        ("org/name/config", ("org/name", "hub", None, ("config",))),
    ],
)
def test_names_are_parsed(
    text: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_reference(text) == Reference(*expected)  # type: ignore[arg-type]


def test_folders_win_and_may_be_followed_by_a_path(
    sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = f"{sample_folder}/localization/subcellular_location/Golgi apparatus"
    parsed = parse_reference(given)
    assert (parsed.kind, parsed.name) == ("folder", str(sample_folder))
    assert parsed.parts == ("localization", "subcellular_location", "Golgi apparatus")
    monkeypatch.chdir(sample_folder.parent)
    beside = parse_reference("gene-benchmark-sample/genes")
    assert (beside.kind, beside.parts) == ("folder", ("genes",))
    opened = open_dataset(parse_reference("./gene-benchmark-sample/"))
    assert opened.name == "gene-benchmark-sample"


def test_a_registered_dataset_and_its_built_folder_are_the_same(sample_folder: Path) -> None:
    built = open_dataset(parse_reference(str(sample_folder)))
    registered = open_dataset(Reference("gene-benchmark-sample", "registered", None, ()))
    assert built.revision == registered.revision
    assert built.configs() == registered.configs()


def test_the_revision_follows_the_content(sample_folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(sample_folder, copy)
    before = open_dataset(parse_reference(str(copy))).revision
    with (copy / "README.md").open("a") as stream:
        stream.write("changed\n")
    assert open_dataset(parse_reference(str(copy))).revision != before


def test_a_strangers_folder_without_readme_is_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "table.csv").write_text("symbol,score\nTP53,1.5\nNA,2.5\n")
    opened = open_dataset(parse_reference(f"{tmp_path}/odd"))
    assert opened.configs() == ["default"]
    assert len(opened.table("default")) == 2


def test_what_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for text in ("gene-benchmark-sampel", "./nowhere/at/all", "..", ""):
        with pytest.raises(InputError, match="no dataset"):
            parse_reference(text)


def test_a_hub_dataset_that_cannot_be_had_is_one_line() -> None:
    with pytest.raises(InputError, match=r"cannot get dataset org/name@v1 from the Hub") as caught:
        open_dataset(parse_reference("org/name@v1"))
    assert "\n" not in str(caught.value)


def test_a_folder_may_have_an_at_sign(sample_folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(sample_folder, tmp_path / "me@home")
    parsed = parse_reference(f"{tmp_path}/me@home/genes/name")
    assert parsed == Reference(f"{tmp_path}/me@home", "folder", None, ("genes", "name"))
