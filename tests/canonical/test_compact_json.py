"""The JSON that we write for ourselves is that of Python's own writer: what was written by it before has the same digests."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hub.canonical.compact_json import compact, compact_sorted

#: As facts have them; numbers so small or large that they have an exponent are written in another way, and are in no facts.
NUMBERS = st.integers() | st.floats(1e-3, 1e15) | st.floats(-1e15, -1e-3)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text('aà"\\\n\x1f\x7f', max_size=3), inner),
    max_leaves=12,
)


@given(VALUES)
def test_both_write_what_json_does(value: object) -> None:
    assert compact(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert compact_sorted(value) == json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
