"""A window against a list that forgets nothing."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from dagflow.admission.window import Window


@given(st.integers(1, 3), st.integers(1, 9), st.lists(st.tuples(st.integers(0, 4), st.sampled_from("ab")), max_size=40))
def test_room_is_where_a_list_has_it(limit: int, period: int, moves: list[tuple[int, str]]) -> None:
    window, added, now = Window(limit, period), list[tuple[str, int]](), 0
    for passed, key in moves:
        now += passed

        def n_recent(at: int, key: str = key) -> int:
            return sum(each == key and at - period < instant for each, instant in added)

        room_at = next(at for at in range(now, now + period + 1) if n_recent(at) < limit)
        assert window.room_at(key, now) == room_at
        if room_at == now:
            window.add(key, now)
            added.append((key, now))
        assert window.recent(now) == [(key, at) for key, at in added if at > now - period]


def test_keys_of_the_past_take_no_memory() -> None:
    window, sizes = Window(1, 10), set[int]()
    for at in range(10_000, 20_000):
        assert window.room_at(str(at), at) == at
        window.add(str(at), at)
        if at % 100 == 99:
            sizes.add(len(pickle.dumps(window)))
    assert max(sizes) < 1_000
