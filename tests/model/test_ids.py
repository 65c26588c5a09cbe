"""Ids sort by their time of creation, and those of derived runs repeat."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from dagflow.ids import derived_run_id, new_run_id

#: Nanoseconds from 1970 to the year 9999.
INSTANTS = st.integers(0, 253_402_300_799_000_000_000)
#: What 12 bits of a millisecond can tell apart.
STEP = 1_000_000 // 4096 + 1


@given(INSTANTS)
def test_an_id_is_a_uuid_of_version_7(now: int) -> None:
    made = uuid.UUID(new_run_id(now))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now // 1_000_000


@given(INSTANTS, st.integers(STEP, 10_000_000))
def test_ids_sort_by_their_time_of_creation_within_a_millisecond_too(now: int, later: int) -> None:
    assert new_run_id(now) < new_run_id(now + later)
    assert derived_run_id(now, "b") < derived_run_id(now + later, "a")


@given(INSTANTS)
def test_a_derived_id_repeats_and_a_new_one_does_not(now: int) -> None:
    assert derived_run_id(now, "a") == derived_run_id(now, "a") != derived_run_id(now, "b")
    assert new_run_id(now) != new_run_id(now)
