"""Batches and windows: every row once, within the budget, every token somewhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.batching import OVERLAP, equal_runs, token_batches, windows

lengths_lists = st.lists(st.integers(1, 300), max_size=60)


@given(lengths=lengths_lists, budget=st.integers(1, 1000))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
    seen = [lengths[row] for batch in batches for row in batch]
    assert seen == sorted(seen, reverse=True)


@given(lengths=lengths_lists)
def test_runs_cover_a_packed_batch(lengths: list[int]) -> None:
    position = 0
    unpacked = []
    for start, rows, length in equal_runs(lengths):
        assert start == position
        unpacked += [length] * rows
        position += rows * length
    assert unpacked == lengths


@given(length=st.integers(1, 500), room=st.integers(1, 80))
def test_windows_cover_every_token_and_weigh_as_many(length: int, room: int) -> None:
    cuts = windows(length, room)
    covered = {token for cut in cuts for token in range(cut.start, cut.end)}
    assert covered == set(range(length))
    assert all(cut.end - cut.start == min(length, room) for cut in cuts)
    assert sum(cut.weight for cut in cuts) == pytest.approx(length)
    for before, after in itertools.pairwise(cuts):
        assert after.start > before.start
        assert before.end - after.start >= int(room * OVERLAP)
