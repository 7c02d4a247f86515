"""Texts by key, beyond some characters in a file."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.exports.spool import Spool

ADDED = st.lists(st.tuples(st.integers(0, 3), st.text(st.characters(codec="utf-8"), max_size=9)))


@settings(max_examples=50)
@given(ADDED, st.integers(1, 30))
def test_what_is_added_to_a_key_is_read_in_its_order(
    added: list[tuple[int, str]], most_in_memory: int
) -> None:
    with Spool[int](most_in_memory) as spool:
        for key, text in added:
            spool.add(key, text)
        for _ in range(2):
            read = {key: "".join(spool.texts(key)) for key in spool}
    keys = dict.fromkeys(key for key, _ in added)
    assert read == {key: "".join(t for of, t in added if of == key) for key in keys}
