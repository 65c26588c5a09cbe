"""Facts that are written together share rows, and come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.store.api import Record
from dagflow.store.rows.packing import name_of, packed, unpacked

TEXTS = st.text(max_size=20)
RECORDS = st.builds(
    Record,
    kind=TEXTS.filter(lambda kind: kind != "facts"),
    at=st.integers(0, 2**62),
    node=TEXTS,
    attempt=st.integers(0, 2**31),
    payload=st.none() | st.binary(max_size=40) | st.binary(min_size=1, max_size=3).map(lambda some: some * 8_000),
)


@given(st.lists(RECORDS, max_size=40), st.integers(0, 1_000))
def test_they_come_back_as_they_were(records, first):
    facts = packed(first, records)
    rows = facts.rows
    found = [unpacked(row, facts.bodies.__getitem__) for row in rows]
    assert [record for each in found for record in each] == records
    places = [first + sum(map(len, found[:n])) for n in range(len(found))]
    assert [row[0] for row in rows] == places
    for each in found:
        assert len(each) == 1 or sum(len(record.payload or b"") for record in each) <= 16 * 1024


def test_many_share_a_row_and_no_row_grows_without_end():
    records = [Record("attempt_started", at, f"n{at}", 1) for at in range(1_000)]
    rows = packed(0, records).rows
    assert [row[0] for row in rows] == [0, 256, 512, 768]
    assert packed(7, records[:1]).rows == [(7, 0, "attempt_started", "n0", 1, None)]
    assert packed(7, []).rows == []


def test_what_is_large_is_the_same_for_all_that_start_with_it():
    large = b'"' + b"x" * 20_000 + b'"}'
    starts = [Record("run_started", n, "", 0, b'{"trigger":{"name":"e%d"},"input":' % n + large) for n in range(3)]
    facts = [packed(0, [start]) for start in starts]
    assert {name for each in facts for name in each.bodies} == {name_of(large)}
    assert all(len(each.rows[0][5]) < 200 for each in facts)
    assert [unpacked(each.rows[0], each.bodies.__getitem__) for each in facts] == [[start] for start in starts]


@pytest.mark.parametrize("payload", [None, b"", b"[]\n", b'[[0,"k","n",1,null]]\nx', b'[[0,"k","n",1]]\n', b"7\n", b"[7,8]\n"])
def test_what_is_no_pack_is_refused(payload):
    with pytest.raises((ValueError, TypeError)):
        unpacked((0, 1, "facts", "", 2, payload), {}.__getitem__)
