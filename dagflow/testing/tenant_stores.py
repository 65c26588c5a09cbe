"""The tests of what keeps tenants apart in a store; `StoreConformance` has them."""

from __future__ import annotations

import attrs
import pytest

from dagflow.errors import WriteRefused
from dagflow.ids import RunId
from dagflow.store import Creation, ListenerRow, StartName, Store, WaitRow
from dagflow.testing.store_rows import FLOW, asked, begun, create, facts, ids, run_row, sent, version


class TenantStoreConformance:
    """Tests of a store that has several tenants."""

    def test_ids_of_events_are_those_of_a_tenant(self, store: Store) -> None:
        a, b = sent(1, id="e", tenant="a"), sent(2, id="e", tenant="b")
        store.send([a, b])
        assert store.events(after=0) == [a, b]
        assert store.events(after=0, names=["x/y"], tenant="b") == [b]
        assert store.events(after=0, names=["x/y"]) == []
        assert [store.has_event(tenant, "e") for tenant in ("a", "b", "")] == [True, True, False]
        with pytest.raises(WriteRefused):
            store.send([sent(3, id="e", tenant="a")])

    def test_runs_waits_and_starts_are_those_of_a_tenant(self, store: Store) -> None:
        rows = [run_row(at, tenant=tenant) for at, tenant in ((1_000_000, "a"), (2_000_000, "b"), (3_000_000, "a"))]
        part = run_row(4_000_000, id=RunId(f"{rows[0].id}/x[1]"), parent=rows[0].id, tenant="a")
        name = StartName("order 7", b"hash")
        for row in rows[:2]:
            new = Creation(row=row, flow=FLOW, records=facts(1), name=name, waits=(WaitRow("x/y", tenant=row.tenant),))
            store.write((), [new])
        for row in (rows[2], part):
            create(store, row, FLOW, facts(1))
        assert [store.run(row.id) for row in (*rows, part)] == [*rows, part]
        assert store.runs(tenant="a") == store.runs(tenant="a", unfinished=True) == [rows[2], rows[0]]
        assert store.runs(tenant="a", before=rows[2].id) == [rows[0]]
        assert (store.runs(tenant="b"), store.runs(tenant="")) == ([rows[1]], [])
        assert store.runs() == rows[::-1]
        assert [store.named(tenant, "order 7") for tenant in ("a", "b", "")] == [
            (rows[0].id, b"hash"),
            (rows[1].id, b"hash"),
            None,
        ]
        assert store.waiting(WaitRow("x/y", tenant="a")) == store.waiting(WaitRow("x/y", tenant="a"), is_any=True) == [rows[0]]
        assert store.waiting(WaitRow("x/y")) == []
        assert store.awaited() == {("a", "x/y"): frozenset({""}), ("b", "x/y"): frozenset({""})}
        assert store.problems() == []

    def test_what_one_tenant_has_another_has_not(self, store: Store) -> None:
        a, b = version(1, tenant="a", text="of a"), version(1, tenant="b", text="of b")
        for row in (a, b):
            store.publish(row, b"flow", [ListenerRow("x", "lead", tenant=row.tenant)])
        assert [store.versions(tenant, "lead") for tenant in ("a", "b", "")] == [[a], [b], []]
        assert [store.published(tenant) for tenant in ("b", "")] == [[attrs.evolve(b, text="")], []]
        assert [store.listeners(tenant, "x") for tenant in ("a", "")] == [[ListenerRow("x", "lead", tenant="a")], []]
        store.note_state("a", "lead", "paused")
        assert [row.state for tenant in ("a", "b") for row in store.versions(tenant, "lead")] == ["paused", "active"]
        mine, yours = (
            asked("one", tenant="a", claim=("k", None), accepted_at=4),
            asked("one", 2, tenant="b", stage="dropped", reason="rate"),
        )
        store.note_requests([mine, yours])
        assert [store.request(tenant, "lead", "one") for tenant in ("a", "b", "")] == [mine, yours, None]
        assert (store.requests("a", "lead"), store.requests("b", "lead"), store.requests("", "lead")) == ([mine], [yours], [])
        assert [store.claims(tenant, "lead", 0) for tenant in ("a", "b", "")] == [[("k", None)], [], []]
        assert store.unsettled_requests() == [mine]
        run = attrs.evolve(begun(mine, 5), row=attrs.evolve(begun(mine, 5).row, tenant="a"))
        store.write((), [attrs.evolve(run, request=attrs.evolve(mine, stage="running", since=5, run=run.row.id))])
        assert [ids(store.begun_since(tenant, "lead", 4)) for tenant in ("a", "b")] == [["one"], []]
        assert [ids(store.accepted_since(tenant, "lead", 3)) for tenant in ("a", "b")] == [["one"], []]
        assert store.problems() == []
