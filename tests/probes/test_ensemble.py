"""Two embeddings side by side: what is in it, and that it knows what both know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hf_datasets.errors import InputError
from probes.ensemble import load
from probes.result import read_results

if TYPE_CHECKING:
    from numpy.typing import NDArray

Vectors = dict[str, "NDArray[np.float32]"]
MakeEmbeddings = Callable[..., str]
Probe = Callable[..., Any]


def test_blocks_are_standardised_on_common_entities(
    vectors: Vectors, make_embeddings: MakeEmbeddings
) -> None:
    names = list(vectors)
    wide = {name: np.append(vectors[name] * 1000, 7).astype(np.float32) for name in names[10:]}
    first = make_embeddings({name: vectors[name] for name in names[:100]}, failed=("G119",))
    second = make_embeddings(dict(reversed(wide.items())), model="model-b", name="b.parquet")
    found = load(f"{first}+{second}")
    assert (found.source, found.model) == (f"{first}+{second}", "model-a+model-b")
    assert found.ids == names[10:100]
    assert found.vectors.shape == (90, 13)
    varied = np.ptp(found.vectors, axis=0) > 0
    assert varied.tolist() == [True] * 5 + [False] + [True] * 5 + [False] * 2
    assert found.vectors[:, varied].mean(axis=0) == pytest.approx(np.zeros(10), abs=1e-6)
    assert found.vectors[:, varied].std(axis=0) == pytest.approx(np.ones(10), abs=1e-5)
    assert not found.vectors[:, ~varied].any()
    # The same vectors at another scale are the same block.
    assert found.vectors[:, :5] == pytest.approx(found.vectors[:, 6:11], abs=1e-5)
    assert found.failed == {
        **dict.fromkeys(names[:10], "no vector of model-b"),
        **dict.fromkeys(names[100:], "no vector of model-a"),
    }
    assert [part["source"] for part in found.provenance["ensemble"]] == [first, second]
    assert all(len(part["sha256"]) == 64 for part in found.provenance["ensemble"])


def test_it_knows_what_both_know(
    probe: Probe, bench: str, vectors: Vectors, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    first = make_embeddings({name: row[:2] for name, row in vectors.items()})
    second = make_embeddings(
        {name: row[2:] for name, row in vectors.items()}, model="model-b", name="b.parquet"
    )
    out = tmp_path / "results.parquet"
    sources = (first, second, f"{first}+{second}")
    ran = probe(*sources, "--tasks", f"{bench}/one/binary", "--out", str(out))
    assert ran.status == 0, ran.err
    rows = read_results([out])[0].to_pylist()
    auroc = {
        source: np.mean(
            [r["value"] for r in rows if (r["embedding"], r["metric"]) == (source, "auroc")]
        )
        for source in sources
    }
    assert auroc[sources[2]] > max(auroc[sources[0]], auroc[sources[1]]) + 0.02


def test_bad_ensembles_cost_one_line(
    vectors: Vectors, make_embeddings: MakeEmbeddings, tmp_path: Path
) -> None:
    first = make_embeddings(vectors)
    other = make_embeddings({"X": np.ones(2, np.float32)}, model="x", name="x.parquet")
    for source, said in (
        (f"{first}+{first}", "two different embeddings"),
        (f"{first}+", "empty part"),
        (f"{first}+{other}", "no entity is in all"),
        (f"{first}+{tmp_path / 'gone.parquet'}", "no file"),
    ):
        with pytest.raises(InputError, match=said):
            load(source)
    plus = Path(first).with_name("a+b.parquet")
    Path(first).rename(plus)
    assert load(str(plus)).ids == list(vectors)
