"""What comes from outside may carry more than is declared, unless the host is strict; and what a host keeps to itself."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import dagflow
from dagflow import Catalog, Interpreter, RunStatus, UsageError
from dagflow.model.types import INT, STRING, Field, ListType, MapType, OptionalType, RecordType
from dagflow.model.wire import codec as wire
from tests.app.test_poison import until_over

PERSON = RecordType("Person", (Field("name", STRING), Field("age", OptionalType(INT))))
TEAM = RecordType("Team", (Field("lead", PERSON), Field("all", ListType(PERSON)), Field("by", MapType(STRING, PERSON))))
ADA = {"name": "Ada", "age": 36}


def test_fields_that_are_not_declared_are_left_out_at_any_depth():
    more = ADA | {"id": 7, "tags": [{"deep": object()}]}
    given = {"lead": more, "all": [more, more], "by": {"x": more}, "sent_at": "now"}
    kept = {"lead": ADA, "all": [ADA, ADA], "by": {"x": ADA}}
    codec = wire.codec(TEAM)
    assert codec.open.decode(given) == codec.open.encode(given) == kept
    with pytest.raises(wire.WireError, match=r"/lead/id: there is no such field"):
        codec.decode(given)
    # What is declared has to be there and to fit, all the same.
    with pytest.raises(wire.WireError, match=r"/lead: the field `name` \(string\) is missing"):
        codec.open.decode(given | {"lead": {"nam": "Ada"}})


@attrs.frozen
class Paid:
    order: str


@attrs.frozen
class PaidWithNote:
    order: str
    note: str | None = None


FLOW = """
flow f(order: string) -> string {
  on manual
  on event "shop/paid" as e when e.order != "" with (order: e.order)
  paid = wait event "shop/paid" as e when e.order == order within 1d else { fail "never paid" }
  return paid.order
}
"""


def catalog_of(payload: type, **changes: Any) -> Catalog:
    catalog = Catalog(**changes)
    catalog.event("shop/paid", payload)
    return catalog


async def test_an_event_that_gained_a_field_reaches_runs_that_were_suspended_before(tmp_path):
    old, new = catalog_of(Paid), catalog_of(PaidWithNote)
    path = tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=old) as interpreter:
        runs = [await interpreter.start(dagflow.compile(FLOW, catalog=old).unwrap(), {"order": str(n)}) for n in range(2)]
        for run in runs:
            async for standing in run.watch():
                if standing.status is RunStatus.SLEEPING:
                    break
    async with Interpreter.open(path, catalog=new) as interpreter:
        again = [await interpreter.get_run(run.id) for run in runs]
        assert await interpreter.send("shop/paid", {"order": "0", "note": "in cash"}) == 1
        assert await interpreter.send("shop/paid", {"order": "1", "note": None, "by": {"a": 1}}) == 1
        assert [(await run.wait()).output for run in again] == ["0", "1"]


async def test_a_trigger_and_an_input_take_what_they_declare():
    catalog = catalog_of(Paid)
    flow = dagflow.compile(FLOW, catalog=catalog).unwrap()
    team = "type P { name: string, age: int? }\nflow g(p: P) -> P {\n  on manual\n  return p\n}\n"
    async with Interpreter.open(":memory:", catalog=catalog) as interpreter:
        run = await interpreter.trigger(flow, "shop/paid", {"order": "7", "more": {"a": [1]}})
        assert run is not None
        await interpreter.send("shop/paid", {"order": "7", "even": "more"})
        assert (await run.wait()).output == "7"
        named = dagflow.compile(team, catalog=catalog).unwrap()
        assert (await (await interpreter.start(named, {"p": ADA | {"id": 7}})).wait()).output == ADA
        # A parameter is the caller's own word, and one that does not exist is a slip.
        with pytest.raises(wire.WireError, match="there is no such field"):
            await interpreter.start(named, {"p": ADA, "pp": 1})


@pytest.mark.parametrize("is_by_event", [True, False])
async def test_a_strict_host_refuses_fields_it_does_not_declare(is_by_event):
    catalog = Catalog(strict=not is_by_event)
    catalog.event("shop/paid", Paid, strict=True if is_by_event else None)
    flow = dagflow.compile(FLOW, catalog=catalog).unwrap()
    async with Interpreter.open(":memory:", catalog=catalog) as interpreter:
        for send in (
            interpreter.send("shop/paid", {"order": "7", "b": 1}),
            interpreter.trigger(flow, "shop/paid", {"order": "7", "b": 1}),
        ):
            with pytest.raises(wire.WireError, match="/b: there is no such field"):
                await send
        assert await interpreter.send("shop/paid", {"order": "7"}) == 0


@pytest.mark.parametrize("is_strict", [True, False])
async def test_a_result_that_is_json_may_have_more_than_is_declared(is_strict):
    catalog = Catalog(strict=is_strict)

    @catalog.action("fetch")
    async def fetch() -> PaidWithNote:
        return {"order": "7", "extra": 1}  # type: ignore[return-value]  # as it came from a server

    text = "flow f -> string {\n  on manual\n  a = fetch()\n  return a.order\n}\n"
    async with Interpreter.open(":memory:", catalog=catalog) as interpreter:
        result = await (await interpreter.start(dagflow.compile(text, catalog=catalog).unwrap())).wait()
    assert (result.status, result.output) == ((RunStatus.FAILED, None) if is_strict else (RunStatus.SUCCEEDED, "7"))


JSON_FLOW = """
type Order { id: int, by: {name: string} }
flow f(body: json) -> string {
  on manual
  let order: Order = body
  return order.by.name
}
"""


async def test_json_that_is_read_as_a_type_may_have_more_than_is_declared():
    catalog = Catalog()
    compilation = dagflow.compile(JSON_FLOW, catalog=catalog)
    async with Interpreter.open(":memory:", catalog=catalog) as interpreter:
        body = {"id": 7, "by": {"name": "Ada", "x": [1]}, "y": None}
        result = await (await interpreter.start(compilation.unwrap(), {"body": body})).wait()
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "Ada")


EMITTING = """
event "pay/approved" { order: string }
flow f {
  on manual
  g()
}
flow g {
  for n in [1, 2] max 2 { emit "pay/approved" (order: "1") }
}
"""


async def test_an_event_that_the_host_keeps_to_itself_is_emitted_by_no_flow():
    free, bound = Catalog(), Catalog(emits=["order/*", "log"])
    compilation = dagflow.compile(EMITTING, catalog=bound)
    assert [each.code for each in compilation.diagnostics if each.code[0] == "E"] == ["E603"]
    flow = dagflow.compile(EMITTING, catalog=free).unwrap("f")
    async with Interpreter.open(":memory:", catalog=bound) as interpreter:
        with pytest.raises(UsageError, match='emits "pay/approved", which the catalog does not allow'):
            await interpreter.start(flow)
    allowed = EMITTING.replace("pay/approved", "order/checked")
    async with Interpreter.open(":memory:", catalog=bound) as interpreter:
        run = await interpreter.start(dagflow.compile(allowed, catalog=bound).unwrap("f"))
        assert (await run.wait()).status is RunStatus.SUCCEEDED


async def test_a_run_that_began_when_the_event_was_allowed_waits_for_the_host(tmp_path):
    text = 'event "pay/approved" { order: string }\nflow f {\n  on manual\n  wait 1h\n  emit "pay/approved" (order: "1")\n}\n'
    path = tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=Catalog()) as interpreter:
        run = await interpreter.start(dagflow.compile(text, catalog=Catalog()).unwrap())
    clock = dagflow.VirtualClock(dagflow.SystemClock().now() + 7_200_000_000_000)
    async with Interpreter.open(path, catalog=Catalog(emits=[]), clock=clock) as interpreter:
        while run.id not in interpreter.blocked:
            await interpreter.runs()
        assert "emits" in str(interpreter.blocked[dagflow.ids.RunId(run.id)])
    async with Interpreter.open(path, catalog=Catalog(), clock=clock) as interpreter:
        assert (await until_over(interpreter, run.id)).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("emits", ["order/*", ["a b"], [""]])
def test_patterns_of_events_are_checked(emits):
    with pytest.raises(UsageError, match="emits"):
        Catalog(emits=emits)
