"""The tests that every store must pass.

The author of a store derives a class from `StoreConformance` and opens one:

    class TestMine(StoreConformance):
        def open(self, folder: Path) -> Store:
            return MyStore(folder / "runs")

The tests check every promise of `store.api.Store` that one process can see. They do not check power cuts.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from dagflow.errors import StoreError, WriteRefused
from dagflow.ids import FlowDigest, RunId
from dagflow.model.status import RunStatus
from dagflow.store import (
    Blocked,
    CrashSuspect,
    Creation,
    DriverState,
    StartName,
    Store,
    WaitRow,
)
from dagflow.testing.service_stores import ServiceStoreConformance
from dagflow.testing.store_rows import DIGEST, FLOW, add, create, facts, run_row, sent
from dagflow.testing.tenant_stores import TenantStoreConformance


class StoreConformance(ServiceStoreConformance, TenantStoreConformance, abc.ABC):
    """Tests that a store has to pass."""

    @abc.abstractmethod
    def open(self, folder: Path) -> Store:
        """Open the store in a folder, empty at first."""
        ...

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        """The store under test."""
        store = self.open(tmp_path)
        yield store
        store.close()

    def test_a_run_begins_with_its_facts(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, facts(2))
        assert store.run(row.id) == row
        assert store.history(row.id) == list(facts(2))
        assert store.flow(DIGEST) == FLOW

    def test_nothing_is_known_of_what_was_never_made(self, store: Store) -> None:
        assert store.run(RunId("f" * 32)) is None
        assert store.history(RunId("f" * 32)) == []
        assert store.flow(FlowDigest("0")) is None
        assert store.runs() == []

    def test_events_are_kept_with_the_facts_that_sent_them(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, facts(1), [sent(1, run=row.id)])
        store.write([add(row.id, 1, facts(1), events=(sent(2), sent(3)))])
        store.send([sent(4, payload=b'{"other": 1}')])
        assert store.events(after=0) == [sent(1, run=row.id), sent(2), sent(3), sent(4, payload=b'{"other": 1}')]
        assert store.events(after=2, limit=1) == [sent(3)]
        assert store.last_event() == 4
        assert store.has_event("", "e4")
        assert not store.has_event("", "e5")

    def test_an_event_is_kept_once(self, store: Store) -> None:
        assert (store.last_event(), store.events(after=0)) == (0, [])
        store.send([sent(1)])
        row = run_row()
        create(store, row, FLOW, facts(1))
        with pytest.raises(StoreError):
            store.send([sent(2), sent(3, id="e1")])
        with pytest.raises(StoreError):
            store.write([add(row.id, 1, facts(1), events=(sent(2), sent(3, id="e1")))])
        assert store.events(after=0) == [sent(1)]
        assert store.history(row.id) == list(facts(1))

    def test_histories_are_read_together(self, store: Store) -> None:
        rows = [run_row(n * 1_000_000_000) for n in range(1, 4)]
        for n, row in enumerate(rows, start=1):
            create(store, row, FLOW, facts(n))
        read = store.histories([rows[2].id, RunId("f" * 32), rows[0].id])
        assert read == {rows[2].id: list(facts(3)), rows[0].id: list(facts(1))}
        assert store.histories([]) == {}

    def test_a_run_may_begin_without_facts(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, ())
        assert store.history(row.id) == []
        store.write([add(row.id, 0, facts(1))])
        assert store.history(row.id) == list(facts(1))

    def test_facts_are_added_and_the_row_follows(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, facts(1))
        store.write([add(row.id, 1, facts(2, 1), status=RunStatus.SLEEPING, due_at=77)])
        assert store.history(row.id) == list(facts(3))
        sleeping = store.run(row.id)
        assert sleeping is not None
        assert (sleeping.status, sleeping.due_at, sleeping.ended_at) == (RunStatus.SLEEPING, 77, None)
        store.write([add(row.id, 3, (), status=RunStatus.SUCCEEDED, ended_at=99)])
        ended = store.run(row.id)
        assert ended is not None
        assert (ended.status, ended.due_at, ended.ended_at) == (RunStatus.SUCCEEDED, None, 99)
        assert ended.created_at == row.created_at

    def test_an_id_is_used_once(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, facts(1))
        with pytest.raises(StoreError, match="there already"):
            create(store, row, FLOW, facts(2))
        assert store.history(row.id) == list(facts(1))

    def test_a_digest_keeps_its_first_flow(self, store: Store) -> None:
        create(store, run_row(), FLOW, ())
        create(store, run_row(), b"other", ())
        assert store.flow(DIGEST) == FLOW

    @pytest.mark.parametrize("first", [0, 1, 3])
    def test_a_wrong_position_is_refused_and_nothing_is_written(self, store: Store, first: int) -> None:
        row = run_row()
        create(store, row, FLOW, facts(2))
        with pytest.raises(StoreError, match=f"has 2 events, not {first}"):
            store.write([add(row.id, first, facts(1), status=RunStatus.FAILED)])
        assert store.history(row.id) == list(facts(2))
        assert store.run(row.id) == row
        store.write([add(row.id, 2, facts(1, 2))])
        assert store.history(row.id) == list(facts(3))

    def test_an_unknown_run_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreError, match="no run"):
            store.write([add(RunId("f" * 32), 0, facts(1))])

    def test_many_runs_are_appended_to_all_or_none(self, store: Store) -> None:
        rows = [run_row(at) for at in (1, 2, 3)]
        for row in rows:
            create(store, row, FLOW, facts(1))
        good = [add(row.id, 1, facts(1, 1)) for row in rows]
        with pytest.raises(StoreError, match=f"run {rows[0].id} has . events, not 1"):
            store.write([*good, add(rows[0].id, 1, facts(1))])
        with pytest.raises(StoreError, match=f"run {rows[1].id} has 1 events, not 2"):
            store.write([good[0], add(rows[1].id, 2, facts(1)), good[2]])
        assert [len(store.history(row.id)) for row in rows] == [1, 1, 1]
        store.write([*good, add(rows[0].id, 2, facts(1, 2))])
        assert [len(store.history(row.id)) for row in rows] == [3, 2, 2]

    def test_no_appends_are_fine(self, store: Store) -> None:
        store.write([])

    def test_lists_are_newest_first_and_go_on(self, store: Store) -> None:
        rows = [run_row(at * 1_000_000_000) for at in range(1, 6)]
        for row in rows:
            create(store, row, FLOW, ())
        newest = list(reversed(rows))
        assert store.runs() == newest
        assert store.runs(limit=2) == newest[:2]
        assert store.runs(limit=2, before=newest[1].id) == newest[2:4]
        assert store.runs(limit=0) == store.runs(limit=-1) == []

    def test_unfinished_runs_are_those_not_ended(self, store: Store) -> None:
        rows = {status: run_row(status=status, ended_at=5 if status.is_terminal else None) for status in RunStatus}
        for row in rows.values():
            create(store, row, FLOW, ())
        unfinished = {row.status for row in store.runs(unfinished=True)}
        assert unfinished == {RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.SLEEPING}
        store.write([add(rows[RunStatus.RUNNING].id, 0, (), status=RunStatus.CANCELLED, ended_at=6)])
        assert RunStatus.RUNNING not in {row.status for row in store.runs(unfinished=True)}

    def test_what_is_read_is_not_the_store_s_own(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, facts(1))
        store.history(row.id).clear()
        assert len(store.history(row.id)) == 1

    def test_one_writes_while_others_read(self, store: Store) -> None:
        row = run_row()
        create(store, row, FLOW, ())
        lengths: list[list[int]] = [[], []]

        def read(seen: list[int]) -> None:
            while not seen or seen[-1] < 60:
                seen.append(len(store.history(row.id)))

        readers = [threading.Thread(target=read, args=(seen,)) for seen in lengths]
        for reader in readers:
            reader.start()
        for first in range(0, 60, 3):
            store.write([add(row.id, first, facts(3, first))])
        for reader in readers:
            reader.join(20)
        assert all(seen == sorted(seen) and all(length % 3 == 0 for length in seen) for seen in lengths)

    def test_a_closed_store_says_so(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.runs()
        with pytest.raises(StoreError, match="closed"):
            create(store, run_row(), FLOW, ())

    def test_runs_and_facts_are_written_together_or_not_at_all(self, store: Store) -> None:
        row, other = run_row(1), run_row(2)
        create(store, row, FLOW, facts(1))
        new = Creation(row=other, flow=FLOW, records=facts(2))
        with pytest.raises(StoreError, match="has 1 events, not 7"):
            store.write([add(row.id, 7, facts(1))], [new])
        assert store.run(other.id) is None
        with pytest.raises(StoreError, match="is there already"):
            store.write([add(row.id, 1, facts(1))], [new, new])
        assert len(store.history(row.id)) == 1
        store.write([add(row.id, 1, facts(1))], [new])
        assert (len(store.history(row.id)), store.run(other.id)) == (2, other)

    def test_parts_of_a_run_are_listed_with_it_alone(self, store: Store) -> None:
        whole = run_row(5)
        create(store, whole, FLOW, facts(1))
        parts = [run_row(6, id=RunId(f"{whole.id}/rows[{n}]"), parent=whole.id) for n in range(12)]
        for part in parts:
            create(store, part, FLOW, facts(1))
        assert store.runs() == store.runs(unfinished=True) == [whole]
        assert store.runs(parent=whole.id) == parts[::-1]
        assert store.runs(parent=whole.id, limit=2, before=parts[10].id) == [parts[9], parts[8]]
        assert store.runs(parent=whole.id, before=RunId("nobody")) == []
        assert store.runs(parent=parts[0].id) == []
        assert store.run(parts[3].id) == parts[3]
        store.write([add(part.id, 1, facts(1), status=RunStatus.FAILED, ended_at=9) for part in parts[1:]])
        assert store.runs(parent=whole.id, unfinished=True) == [parts[0]]

    def test_what_a_driver_says_of_itself_is_kept(self, store: Store) -> None:
        assert (store.driving(), store.suspects()) == (DriverState(), [])
        one, two = (
            CrashSuspect(run=RunId("b"), n_crashes=2, n_outcomes=7),
            CrashSuspect(run=RunId("a"), n_crashes=0, is_tried=True),
        )
        driving = DriverState(is_open=True, is_whole=True, since="c")
        store.note_driving(driving, [one, two])
        # `is_open` is not compared: the caller that has the store open cannot know whether that driver is still there.
        assert attrs.evolve(store.driving(), is_open=True) == driving
        assert store.suspects() == [two, one]
        store.note_driving(DriverState(), [attrs.evolve(two, is_tried=False), attrs.evolve(one, n_crashes=3)])
        assert (store.driving(), store.suspects()) == (DriverState(), [attrs.evolve(one, n_crashes=3)])

    def test_why_runs_are_blocked_is_kept(self, store: Store) -> None:
        assert store.blocked() == []
        one = Blocked(run=RunId("b"), at=5, reason="it cannot be read", trace="Traceback")
        two = Blocked(run=RunId("a"), at=6, reason="an action is missing")
        store.note_blocked([one, two])
        assert store.blocked() == [two, one]
        store.note_blocked([attrs.evolve(one, reason=""), attrs.evolve(two, at=7)])
        assert store.blocked() == [attrs.evolve(two, at=7)]

    def test_a_refused_write_leaves_the_store_as_it_was(self, store: Store) -> None:
        row = run_row(1)
        create(store, row, FLOW, facts(1))
        with pytest.raises(WriteRefused):
            store.write([add(row.id, 5, facts(1))])
        with pytest.raises(WriteRefused):
            store.write([add(RunId("nobody"), 0, facts(1))])
        store.write([add(row.id, 1, facts(1))])
        assert len(store.history(row.id)) == 2

    def test_what_is_old_and_over_is_removed(self, store: Store) -> None:
        old, new, open_ = run_row(1), run_row(2), run_row(30)
        part = run_row(1, id=RunId(f"{old.id}/x[1]"), parent=old.id)
        for row in (old, part, new, open_):
            create(store, row, row.id.encode(), facts(1300 if row is old else 2))
        store.send([sent(1), sent(40), sent(41)])
        ends = {old.id: 10, part.id: 9, new.id: 25}
        store.write(
            [add(run, 1300 if run == old.id else 2, (), status=RunStatus.FAILED, ended_at=at) for run, at in ends.items()]
        )
        remove(store, 10)
        assert {row.id for row in store.runs()} == {old.id, new.id, open_.id}
        remove(store, 11)
        assert [store.run(old.id), store.run(part.id), store.history(old.id), store.history(part.id)] == [None, None, [], []]
        assert {row.id for row in store.runs()} == {open_.id, new.id}
        assert store.problems() == []
        assert [event.number for event in store.events(after=0)] == [40, 41]
        remove(store, 100)
        assert {row.id for row in store.runs()} == {open_.id}
        # The unfinished run may still need the events that came after it began.
        assert [event.number for event in store.events(after=0)] == [40, 41]
        store.write([add(open_.id, 2, (), status=RunStatus.CANCELLED, ended_at=50)])
        remove(store, 100)
        assert (store.runs(), store.last_event(), store.flow(DIGEST)) == ([], 41, None)
        create(store, old, FLOW, facts(1))
        assert store.history(old.id) == list(facts(1))

    def test_who_is_awake_and_who_sleeps_until_when(self, store: Store) -> None:
        rows = [run_row(at * 1_000_000_000) for at in range(1, 7)]
        for row in rows:
            create(store, row, FLOW, ())
        part = run_row(9, id=RunId(f"{rows[0].id}/x[1]"), parent=rows[0].id, status=RunStatus.SLEEPING, due_at=1)
        create(store, part, FLOW, ())
        for row, due in zip(rows[:4], (30, 10, 20, 10), strict=True):
            store.write([add(row.id, 0, (), status=RunStatus.SLEEPING, due_at=due)])
        assert store.awake() == [rows[5], rows[4]]
        assert store.awake(limit=1, before=rows[5].id) == [rows[4]]
        order = [rows[1].id, rows[3].id, rows[2].id, rows[0].id]
        assert [row.id for row in store.sleeping(after=(-1, ""))] == order
        assert [row.id for row in store.sleeping(after=(10, rows[1].id), limit=2)] == order[1:3]
        store.write(
            [add(rows[3].id, 0, (), status=RunStatus.RUNNING), add(rows[2].id, 0, (), status=RunStatus.FAILED, ended_at=1)]
        )
        assert [row.id for row in store.sleeping(after=(-1, ""))] == [rows[1].id, rows[0].id]
        assert store.n_sleeping() == 2
        assert [row.due_at for row in store.sleeping(after=(10, "~"))] == [30]

    def test_who_waits_for_an_event(self, store: Store) -> None:
        one, two, three = (run_row(at * 1_000_000_000) for at in range(1, 4))
        create(store, one, FLOW, ())
        create(store, two, FLOW, ())
        any_, keyed, other = WaitRow("x/y"), WaitRow("x/y", '["id"]', '"a"'), WaitRow("z", '["id"]', "1")
        new = Creation(row=three, flow=FLOW, records=(), waits=(keyed, other))
        store.write([add(one.id, 0, (), waits=(any_, keyed)), add(two.id, 0, (), waits=(keyed,))], [new])

        def waiting(wait: WaitRow, **options: Any) -> list[RunId]:
            return [row.id for row in store.waiting(wait, **options)]

        assert waiting(keyed) == [one.id, two.id, three.id]
        assert waiting(keyed, after=one.id, limit=1) == [two.id]
        assert (waiting(any_), waiting(other), waiting(WaitRow("z"))) == ([one.id], [three.id], [])
        assert waiting(WaitRow("x/y"), is_any=True) == [one.id, two.id, three.id]
        assert store.awaited() == {("", "x/y"): frozenset({"", '["id"]'}), ("", "z"): frozenset({'["id"]'})}
        store.write([add(one.id, 0, (), waits=(other,)), add(two.id, 0, ()), add(three.id, 0, (), waits=())])
        assert (waiting(keyed), waiting(any_), waiting(other)) == ([two.id], [], [one.id])

    def test_events_by_name(self, store: Store) -> None:
        store.send([sent(1), sent(2, name="z"), sent(3), sent(4, name="a")])
        assert [event.number for event in store.events(after=0, names={"x/y", "a"})] == [1, 3, 4]
        assert [event.number for event in store.events(after=1, names=["z", "x/y"], limit=1)] == [2]
        assert store.events(after=0, names=()) == []

    def test_a_start_is_found_by_its_name_while_its_run_is_there(self, store: Store) -> None:
        one, two = run_row(1), run_row(2)
        store.write((), [Creation(row=one, flow=FLOW, records=facts(1), name=StartName("order 7", b"hash"))])
        assert store.named("", "order 7") == (one.id, b"hash")
        assert store.named("", "order 8") is None
        with pytest.raises(StoreError):
            store.write((), [Creation(row=two, flow=FLOW, records=facts(1), name=StartName("order 7", b"other"))])
        assert (store.run(two.id), store.named("", "order 7")) == (None, (one.id, b"hash"))
        store.write([add(one.id, 1, (), status=RunStatus.FAILED, ended_at=3)])
        remove(store, 4)
        assert store.named("", "order 7") is None
        store.write((), [Creation(row=two, flow=FLOW, records=facts(1), name=StartName("order 7", b"other"))])
        assert store.named("", "order 7") == (two.id, b"other")
        assert store.problems() == []

    def test_a_run_that_has_ended_is_removed(self, store: Store) -> None:
        whole, other = run_row(1), run_row(2)
        part = attrs.evolve(run_row(3), id=RunId(f"{whole.id}/a[0]"), parent=whole.id)
        for row in (whole, part, other):
            store.write((), [Creation(row=row, flow=FLOW, records=facts(1))])
        assert not store.remove(whole.id), "it has not ended"
        for row in (part, whole):
            store.write([add(row.id, 1, facts(1), status=RunStatus.FAILED, ended_at=3)])
        assert not store.remove(part.id), "it is part of another one"
        assert store.remove(whole.id)
        assert not store.remove(whole.id)
        assert (store.run(whole.id), store.run(part.id), store.history(whole.id)) == (None, None, [])
        remove(store, 0)
        assert [row.id for row in store.runs()] == [other.id]
        assert store.problems() == []

    def test_how_far_events_were_handed_out(self, store: Store) -> None:
        assert store.delivered_up_to() == 0
        store.note_handed_out(7)
        store.note_handed_out(9)
        assert store.delivered_up_to() == 9


def remove(store: Store, before: int) -> None:
    """Prune until there is nothing more to remove."""
    while store.prune(before):
        pass
