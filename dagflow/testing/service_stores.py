"""The tests of a store's part for a service; `StoreConformance` has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import pytest

from dagflow.errors import WriteRefused
from dagflow.ids import FlowDigest, RunId, new_run_id
from dagflow.model.status import RunStatus
from dagflow.store import Append, Creation, Looked, PublishedRow, RequestRow, RunRow, SentEvent, Store

_DIGEST = FlowDigest("d" * 64)


def version(number: int, flow: str = "lead", **changes: Any) -> PublishedRow:
    """A version of a flow."""
    values: dict[str, Any] = {"digest": _DIGEST, "state": "active", "at": number, "manifest": b"{}", "text": f"text {number}"}
    return PublishedRow(flow=flow, number=number, **(values | changes))


def asked(request_id: str, at: int = 1, **changes: Any) -> RequestRow:
    """A request of a flow."""
    values: dict[str, Any] = {"flow": "lead", "digest": _DIGEST, "stage": "waiting", "keys": b'["","","",""]', "input": b"{}"}
    return RequestRow(id=request_id, at=at, **(values | changes))


def begun(request: RequestRow, at: int, status: RunStatus = RunStatus.RUNNING, ended_at: int | None = None) -> Creation:
    """The run of a request."""
    row = RunRow(id=new_run_id(at), flow="lead", digest=_DIGEST, status=status, created_at=at, ended_at=ended_at)
    got = attrs.evolve(request, stage="running", run=row.id, since=at, input=b"")
    return Creation(row=row, flow=b"{}", records=(), request=got)


def ids(rows: Iterable[RequestRow]) -> list[str]:
    """The ids of requests, in order."""
    return [row.id for row in rows]


class ServiceStoreConformance:
    """Tests of a store that serves flows."""

    def test_versions_of_flows(self, store: Store) -> None:
        assert store.published() == []
        first, second, other = version(1, author="ann", comment="x"), version(2, state="paused"), version(1, "order")
        for row in (first, other, second):
            store.publish(row, b"flow")
        assert store.published() == [attrs.evolve(second, text=""), attrs.evolve(other, text="")]
        assert store.versions("lead") == [second, first]
        assert store.versions("nothing") == []
        store.note_state("lead", "retired")
        assert [row.state for row in store.versions("lead")] == ["retired", "active"]
        with pytest.raises(WriteRefused):
            store.publish(version(2), b"flow")
        assert store.flow(_DIGEST) == b"flow"
        while store.prune(99):
            pass
        assert store.flow(_DIGEST) == b"flow"
        assert store.problems() == []

    def test_requests_are_replaced_and_listed(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        rows = [asked("a", 3), asked("b", 1, stage="debounced", since=1), asked("c", 2, stage="dropped", reason="rate")]
        store.note_requests(rows)
        assert store.request("lead", "b") == rows[1]
        assert store.request("order", "b") is None
        assert ids(store.requests("lead")) == ["a", "c", "b"]
        assert ids(store.requests("lead", limit=1, before=(3, "a"))) == ["c"]
        assert ids(store.requests("lead", stages=["waiting", "dropped"])) == ["a", "c"]
        assert ids(store.unsettled_requests()) == ["b", "a"]
        store.note_requests([attrs.evolve(rows[1], stage="superseded", since=0, reason="a")])
        assert ids(store.unsettled_requests()) == ["a"]
        assert store.requests("order") == []

    def test_a_request_ends_with_its_run(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        store.note_requests([asked("a", 1)])
        one, two = begun(asked("a", 1), 5), begun(asked("b", 2), 6, RunStatus.FAILED, 7)
        store.write((), [one, two])
        assert (ids(store.unsettled_requests()), ids(store.begun_since("lead", 4))) == (["a"], ["a", "b"])
        assert ids(store.begun_since("lead", 5)) == ["b"]
        store.write([Append(run=one.row.id, first=0, records=(), status=RunStatus.SUCCEEDED, ended_at=9)])
        rows = store.requests("lead")
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
        assert store.requests("lead") == []

    def test_claims_last_until_they_end(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        store.note_requests([asked("a", claim=("x", 10)), asked("b", claim=("y", None)), asked("c", claim=("x", 20))])
        assert store.claims(10) == [("lead", "x", 20), ("lead", "y", None)]
        assert store.claims(20) == [("lead", "y", None)]
        while store.prune(30):
            pass
        assert store.claims(0) == [("lead", "y", None)]

    def test_how_far_triggers_were_looked_at(self, store: Store) -> None:
        assert store.looked() is None
        store.publish(version(1), b"flow")
        store.note_requests([asked("event:3", event=3)], Looked(event=3, at=7))
        store.write((), (), [asked("event:4", event=4)], Looked(event=4, at=8))
        assert store.looked() == Looked(event=4, at=8)
        assert ids(store.requested_after(3)) == ["event:4"]

    def test_what_is_settled_and_old_is_removed(self, store: Store) -> None:
        store.publish(version(1), b"flow")
        store.write(
            (), [begun(asked("run", 1), 2, RunStatus.SUCCEEDED, 3)], [asked("open", 1), asked("no", 1, stage="dropped")]
        )
        store.send([SentEvent(number=n, id=f"e{n}", name="x", at=1, payload=b"{}", hops=n) for n in (1, 2, 3)])
        store.note_requests((), Looked(event=1, at=1))
        while store.prune(50):
            pass
        assert ids(store.requests("lead")) == ["open"]
        assert [(event.number, event.hops) for event in store.events(after=0)] == [(2, 2), (3, 3)]
