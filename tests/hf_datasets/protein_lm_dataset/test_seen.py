"""The set of what was met before: the same answers as Python's own set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hf_datasets.protein_lm_dataset.seen import Seen


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=2), max_size=20), max_size=30))
def test_it_is_a_set(batches: list[list[str]]) -> None:
    seen, plain = Seen(), set[str]()
    for batch in batches:
        expected = []
        for text in batch:
            expected.append(text not in plain)
            plain.add(text)
        assert seen.add(batch).tolist() == expected
        assert len(seen) == len(plain)


def test_many_rows_are_in_few_runs() -> None:
    seen = Seen()
    for start in range(0, 20_000, 100):
        assert seen.add([str(at) for at in range(start, start + 100)]).all()
    assert not seen.add([str(at) for at in range(0, 20_000, 7)]).any()
    assert len(seen._runs) < 12
