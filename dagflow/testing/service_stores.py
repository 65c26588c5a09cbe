"""The tests of a store's part for a service; `StoreConformance` has them."""

from __future__ import annotations

import attrs
import pytest

from dagflow.errors import WriteRefused
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store import (
    Append,
    ListenerRow,
    Looked,
    ScheduleRow,
    SentEvent,
    Store,
)
from dagflow.testing.store_rows import DIGEST, asked, begun, ids, version


class ServiceStoreConformance:
    """Tests of a store that serves flows."""

    def test_versions_of_flows(self, store: Store) -> None:
        assert store.published("") == []
        first, second, other = version(1, author="ann", comment="x"), version(2, state="paused"), version(1, "order")
        for row in (first, other, second):
            store.publish(row, b"flow")
        assert store.published("") == [attrs.evolve(second, text=""), attrs.evolve(other, text="")]
        assert store.versions("", "lead") == [second, first]
        assert store.versions("", "nothing") == []
        assert (store.newest("", "lead"), store.newest("", "nothing")) == (attrs.evolve(second, text=""), None)
        store.note_state("", "lead", "retired")
        assert [row.state for row in store.versions("", "lead")] == ["retired", "active"]
        with pytest.raises(WriteRefused):
            store.publish(version(2), b"flow")
        assert store.flow(DIGEST) == b"flow"
        while store.prune(99):
            pass
        assert store.flow(DIGEST) == b"flow"
        assert store.problems() == []

    def test_requests_are_replaced_and_listed(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        rows = [asked("a", 3), asked("b", 1, stage="debounced", since=1), asked("c", 2, stage="dropped", reason="rate")]
        store.note_requests(rows)
        assert store.request("", "lead", "b") == rows[1]
        assert store.request("", "order", "b") is None
        assert ids(store.requests("", "lead")) == ["a", "c", "b"]
        assert ids(store.requests("", "lead", limit=1, before=(3, 0, "a"))) == ["c"]
        assert ids(store.requests("", "lead", stages=["waiting", "dropped"])) == ["a", "c"]
        assert ids(store.unsettled_requests()) == ["b", "a"]
        store.note_requests([attrs.evolve(rows[1], stage="superseded", since=0, reason="a")])
        assert ids(store.unsettled_requests()) == ["a"]
        assert store.requests("", "order") == []

    def test_requests_of_one_instant_are_in_the_order_of_their_events(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        rows = [asked(f"event:{number}", 1, event=number) for number in (10, 9, 11)]
        store.note_requests(rows)
        assert ids(store.requests("", "lead")) == ["event:11", "event:10", "event:9"]
        assert ids(store.requests("", "lead", before=(1, 10, "event:10"))) == ["event:9"]
        assert ids(store.unsettled_requests()) == ["event:9", "event:10", "event:11"]

    def test_what_a_rate_accepted(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        dropped = asked("b", 3, stage="dropped", accepted_at=7)
        store.note_requests(
            [asked("c", 4, accepted_at=6), dropped, asked("a", 2, stage="superseded", accepted_at=5), asked("d", 8)]
        )
        assert ids(store.accepted_since("", "lead", 5)) == ["c", "b"]
        assert ids(store.accepted_since("", "lead", -1)) == ["a", "c", "b"]
        assert store.accepted_since("", "order", 0) == []
        assert store.request("", "lead", "b") == dropped
        while store.prune(6):
            pass
        assert ids(store.accepted_since("", "lead", 0)) == ["c", "b"]
        assert store.problems() == []

    def test_a_request_ends_with_its_run(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        store.note_requests([asked("a", 1)])
        one, two = begun(asked("a", 1), 5), begun(asked("b", 2), 6, RunStatus.FAILED, 7)
        store.write((), [one, two])
        assert (ids(store.unsettled_requests()), ids(store.begun_since("", "lead", 4))) == (["a"], ["a", "b"])
        assert ids(store.begun_since("", "lead", 5)) == ["b"]
        store.write([Append(run=one.row.id, first=0, records=(), status=RunStatus.SUCCEEDED, ended_at=9)])
        rows = store.requests("", "lead")
        assert [(row.id, row.stage, row.run, row.since) for row in rows] == [
            ("b", "ended", two.row.id, 6),
            ("a", "ended", one.row.id, 5),
        ]
        assert store.unsettled_requests() == []
        assert store.problems() == []

    def test_what_is_refused_leaves_no_request(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        with pytest.raises(WriteRefused):
            store.write(
                [Append(run=RunId("0"), first=0, records=(), status=RunStatus.RUNNING)], [begun(asked("a"), 5)], [asked("b")]
            )
        assert store.requests("", "lead") == []

    def test_claims_last_until_they_end(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        store.note_requests([asked("a", claim=("x", 10)), asked("b", claim=("y", None)), asked("c", claim=("x", 20))])
        assert store.claims("", "lead", 10) == [("x", 20), ("y", None)]
        assert store.claims("", "lead", 20) == [("y", None)]
        while store.prune(30):
            pass
        assert store.claims("", "lead", 0) == [("y", None)]

    def test_how_far_triggers_were_looked_at(self, store: Store) -> None:
        assert store.looked() is None
        store.publish(version(1), b"flow")
        store.note_requests([asked("event:3", event=3)], Looked(event=3))
        store.write((), (), [asked("event:4", event=4)], Looked(event=4))
        assert store.looked() == Looked(event=4)
        assert ids(store.requested_after(3)) == ["event:4"]

    def test_what_is_settled_and_old_is_removed(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        store.write(
            (), [begun(asked("run", 1), 2, RunStatus.SUCCEEDED, 3)], [asked("open", 1), asked("no", 1, stage="dropped")]
        )
        store.send([SentEvent(number=n, id=f"e{n}", name="x", at=1, payload=b"{}", hops=n) for n in (1, 2, 3)])
        store.note_requests((), Looked(event=1))
        while store.prune(50):
            pass
        assert ids(store.requests("", "lead")) == ["open"]
        assert [(event.number, event.hops) for event in store.events(after=0)] == [(2, 2), (3, 3)]

    def test_what_listens_is_of_the_newest_version(self, store: Store) -> None:
        first, second = version(1), version(2)
        anything, keyed, other = ListenerRow("x", "lead"), ListenerRow("x", "lead", '["id"]', '"a"'), ListenerRow("z", "lead")
        store.publish(first, b"flow", [anything, other])
        store.publish(version(1, "order"), b"flow", [ListenerRow("x", "order")])
        assert set(store.listeners("", "x")) == {anything, ListenerRow("x", "order")}
        store.publish(second, b"flow", [keyed])
        assert set(store.listeners("", "x")) == {keyed, ListenerRow("x", "order")}
        assert store.listeners("", "z") == store.listeners("", "y") == []
        assert store.problems() == []

    def test_schedules_in_the_order_of_when_they_are_due(self, store: Store) -> None:
        for flow, tenant, due in (("lead", "b", 7), ("lead", "a", 7), ("order", "a", 5), ("never", "a", None)):
            store.publish(version(1, flow, tenant=tenant), b"flow", due_at=due)
        order = [ScheduleRow("order", 5, "a"), ScheduleRow("lead", 7, "a"), ScheduleRow("lead", 7, "b")]
        assert store.schedules(after=(-1, "", "")) == order
        assert store.schedules(after=(7, "a", "lead")) == store.schedules(after=(7, "a", "x"), limit=1) == order[2:]
        store.note_requests((), Looked(event=0, schedules=(ScheduleRow("order", 9, "a"), ScheduleRow("lead", None, "b"))))
        assert store.schedules(after=(-1, "", "")) == [order[1], ScheduleRow("order", 9, "a")]
        store.publish(version(2, tenant="a"), b"flow")
        assert store.schedules(after=(-1, "", "")) == [ScheduleRow("order", 9, "a")]
        assert store.looked() == Looked(event=0)
        assert store.problems() == []
