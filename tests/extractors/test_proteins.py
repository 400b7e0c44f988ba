"""Every protein model of the zoo: the public command against upstream's own classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import protein_checkpoints as upstreams
import pytest
from zoo_harness import assert_close, assert_no_leak, pooled, random_sequences, run_extract

from extractors.zoo.protein import RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protein_checkpoints import Forward

ROWS = random_sequences("ACDEFGHIKLMNPQRSTVWYXUZOB", [31, 7, 64, 31, 1, 50])
# Beyond the distance from which T5's positions are all one bucket.
LONG = random_sequences("ACDEFGHIKLMNPQRSTVWY", [300, 170], name="long")
SINCE_1B: dict[str, Any] = {"position_embedding_type": "absolute"}


def save(family: str, folder: Path) -> tuple[Path, Forward, tuple[int, int]]:
    """Save a family's small checkpoint: where, its reference, special tokens before and after."""
    makers: dict[str, tuple[Callable[[], Forward], Path, int, int]] = {
        "esm2": (lambda: upstreams.save_esm(folder), folder, 1, 1),
        "esm1v": (lambda: upstreams.save_esm(folder, **SINCE_1B), folder, 1, 1),
        "esm1b": (
            lambda: upstreams.save_esm(folder, **SINCE_1B, emb_layer_norm_before=True),
            folder,
            1,
            1,
        ),
        "esm1": (lambda: upstreams.save_fair_esm1(folder / "x.pt"), folder / "x.pt", 1, 0),
        "esmc": (lambda: upstreams.save_esmc(folder), folder, 1, 1),
        "prot-t5": (lambda: upstreams.save_prot_t5(folder), folder, 0, 1),
        "prot-bert": (lambda: upstreams.save_prot_bert(folder), folder, 1, 1),
        "ankh": (lambda: upstreams.save_ankh(folder), folder, 0, 1),
    }
    make, where, before, after = makers[family]
    folder.mkdir()
    return where, make(), (before, after)


def family(name: str) -> str:
    """Return the family of a registered name: `prot-t5` of `prot-t5-xl`."""
    return name if name in {"prot-bert", "esm1b"} else name.rpartition("-")[0]


@pytest.mark.parametrize("name", [record.name for record in RECORDS])
def test_same_as_upstream(tmp_path: Path, name: str) -> None:
    where, forward, (before, after) = save(family(name), tmp_path / "model")
    rows = ROWS if name == "prot-bert" else ROWS | LONG  # the small one has 90 positions
    found = run_extract(tmp_path, name, rows, checkpoint=where)
    assert_close(found, pooled(rows, forward, before=before, after=after))


@pytest.mark.parametrize(
    "name", ["esm2-8m", "esm1b", "esm1-t34", "esmc-300m", "prot-t5-xl", "prot-bert", "ankh-base"]
)
def test_row_does_not_see_its_batch(tmp_path: Path, name: str) -> None:
    where, _, _ = save(family(name), tmp_path / "model")
    assert_no_leak(tmp_path, name, ROWS, checkpoint=where)


def test_records_are_whole() -> None:
    """Digests and revisions are whole ones, and each family's name leads to a member."""
    hexadecimal = set("0123456789abcdef")
    for record in RECORDS:
        assert all(len(digest) == 64 and set(digest) <= hexadecimal for digest in record.weights)
        assert record.revision is None or len(record.revision) == 40
        assert record.dim
        assert record.parameters
        assert record.licence
        assert record.citation
        assert record.hub_id or record.name == "esm1-t34"
    aliases = {alias: record.name for record in RECORDS for alias in record.aliases}
    assert aliases == {
        "esm2": "esm2-650m",
        "esm1v": "esm1v-1",
        "esm1": "esm1-t34",
        "esmc": "esmc-600m",
        "prot-t5": "prot-t5-xl",
        "prott5": "prot-t5-xl",
        "protbert": "prot-bert",
        "ankh": "ankh-large",
    }
