from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hf_datasets.errors import InputError
from hf_datasets.gene_benchmark.clusters import find_mmseqs
from hf_datasets.protein_lm_dataset import clusters
from hf_datasets.protein_lm_dataset.clusters import cluster_proteins
from hf_datasets.protein_lm_dataset.minhash import HASHES, WORD, neighbours, signatures
from hf_datasets.sources.salvage import Faults
from hf_datasets.sources.source import UsedFile

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def mutated(draw: random.Random, sequence: str, share: float) -> str:
    letters = list(sequence)
    for at in draw.sample(range(len(letters)), int(len(letters) * share)):
        letters[at] = draw.choice(LETTERS.replace(letters[at], ""))
    return "".join(letters)


def families(share: float, count: int = 150, seed: int = 0) -> dict[str, str]:
    """Pairs A…, B… of like proteins, and as many strangers."""
    draw = random.Random(seed)
    found = {}
    for number in range(count):
        sequence = "".join(draw.choices(LETTERS, k=draw.randrange(60, 500)))
        found[f"A{number:04}"] = sequence
        found[f"B{number:04}"] = mutated(draw, sequence, share)
        found[f"C{number:04}"] = "".join(draw.choices(LETTERS, k=draw.randrange(60, 500)))
    return found


def clustered(found: dict[str, str], uniref: UsedFile | None = None) -> dict[str, str]:
    names = list(found)
    made = cluster_proteins(names, lambda: iter(found.values()), uniref, Faults("uniref"))
    return {name: names[first] for name, first in zip(names, made.first, strict=True)}


def test_minima_estimate_the_share_of_common_words() -> None:
    draw = random.Random(3)
    pairs = [(one := "".join(draw.choices(LETTERS, k=300)), mutated(draw, one, 0.04))
             for _ in range(100)]  # fmt: skip
    minima = signatures((s for pair in pairs for s in pair), 200)
    estimate = (minima[::2] == minima[1::2]).mean(axis=1)

    def words(sequence: str) -> set[str]:
        return {sequence[at : at + WORD] for at in range(len(sequence) - WORD + 1)}

    true = np.array([len(words(a) & words(b)) / len(words(a) | words(b)) for a, b in pairs])
    # The standard error of one estimate is sqrt(p(1-p)/64), about 0.06; of their mean 0.006.
    assert abs((estimate - true).mean()) < 0.02
    assert np.abs(estimate - true).max() < 0.06 * 4
    assert minima.shape == (200, HASHES)


@pytest.mark.parametrize(("share", "least"), [(0.05, 1.0), (0.1, 0.97), (0.2, 0.6)])
def test_like_proteins_share_a_cluster_and_strangers_do_not(
    monkeypatch: pytest.MonkeyPatch, share: float, least: float
) -> None:
    monkeypatch.setattr(clusters, "find_mmseqs", lambda: None)
    found = families(share)
    cluster = clustered(found)
    together = np.mean([cluster[f"B{number:04}"] == f"A{number:04}" for number in range(150)])
    assert together >= least
    assert all(cluster[name] == name for name in found if name[0] == "C")


def test_clusters_do_not_depend_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "find_mmseqs", lambda: None)
    found = families(0.15)
    names = list(found)
    random.Random(1).shuffle(names)
    assert clustered({name: found[name] for name in names}) == clustered(found)


def test_identical_and_tiny_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "find_mmseqs", lambda: None)
    cluster = clustered({"Z": "MK", "A": "GIVEQ", "B": "MK", "C": "M" * 9000, "D": "GIVE"})
    assert cluster == {"Z": "B", "A": "A", "B": "B", "C": "C", "D": "D"}
    assert len(neighbours(signatures(iter(["M"]), 1), np.array([0]))) == 0


@pytest.mark.skipif(find_mmseqs() is None, reason="MMseqs2 is not installed")
def test_mmseqs_joins_what_is_half_identical() -> None:
    cluster = clustered(families(0.3))
    together = np.mean([cluster[f"B{number:04}"] == f"A{number:04}" for number in range(150)])
    assert together > 0.8
    assert all(cluster[name] == name for name in cluster if name[0] == "C")


def test_given_clusters(tmp_path: Path) -> None:
    path = tmp_path / "idmapping.dat"
    path.write_text(
        "P1\tUniProtKB-ID\tX_HUMAN\nP1\tUniRef50\tUniRef50_P9\nP1\tUniRef90\tUniRef90_P1\n"
        "P2\tUniRef50\tUniRef50_P9\nQ7\tUniRef50\tUniRef50_P9\nodd line\n",
        encoding="utf-8",
    )
    used = UsedFile("uniprot-sprot", "uniref", path, path.name, "", 0, "")
    proteins = {"P2": "MKVLA", "P1": "GGGGG", "P3": "MKVLA", "P4": "WWWWW"}
    assert clustered(proteins, used) == {"P2": "P1", "P1": "P1", "P3": "P1", "P4": "P4"}
    path.write_text("P1\tC1\nP4\tC1\n", encoding="utf-8")
    assert clustered(proteins, used) == {"P2": "P2", "P1": "P1", "P3": "P2", "P4": "P1"}
    path.write_text("X1\tC1\n", encoding="utf-8")
    with pytest.raises(InputError, match="names none of the proteins"):
        clustered(proteins, used)
