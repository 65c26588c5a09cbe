"""Runs that have runs of their own: whatever fails or crashes, the whole ends as it should, and what is undone is undone once."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping

import attrs
import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dagflow.actions.failures import Invocation
from dagflow.drivers.simulated.simulator import Script, Send, Simulation, simulate
from dagflow.engine import invariants
from dagflow.engine.machine import Machine
from dagflow.execution.program import Program, prepare
from dagflow.ids import RunId
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.flow import NodeKind
from dagflow.store.api import Record
from dagflow.store.codec.events import from_record
from dagflow.store.codec.flow import decode_flow, encode_flow
from tests.app.familytext import family_texts
from tests.drivers.harness import failing, run_local
from tests.drivers.test_crash import essence
from tests.drivers.test_equal import said
from tests.engine.flows import SECOND
from tests.engine.test_reference import sends

INPUT = {"a": 2, "xs": [10, 11, 12]}


def program_of(text: str) -> Program:
    compilation = compile_text(text, Interface())
    assert not compilation.has_errors, compilation.render()
    # As a resumed run has it: the flow from the store.
    return prepare(decode_flow(encode_flow(compilation.unwrap("f"))))


def value_of(invocation: Invocation) -> int:
    """A value no other step of any run gives."""
    return zlib.crc32(f"{invocation.run}/{invocation.node}".encode()) % 1_000_003


def scripts(fails: int, undo_fails: int = 0, takes_ns: int = SECOND) -> dict[str, Script]:
    """Actions of which about one in `fails` fails for good, always the same ones; 0 for none. So do those that undo, of `undo_fails`."""

    def act(invocation: Invocation) -> int:
        value = value_of(invocation)
        if fails and value % fails == 0:
            raise failing(fatal=True)
        return value

    def back(invocation: Invocation) -> int:
        if undo_fails and value_of(invocation) % undo_fails == 0:
            raise failing("stays", fatal=True)
        return 0

    return {
        "act": Script(result=act, takes_ns=takes_ns),
        "back": Script(result=back, takes_ns=takes_ns),
        "look": Script(result=1),
    }


def check(simulation: Simulation, program: Program) -> None:
    """What holds of every family, however it ended and however often it crashed."""
    undone = Counter(call.invocation.arguments["v"] for call in _kept(simulation, "back"))
    owed: list[object] = []
    assert max(Counter(taken(simulation)).values(), default=1) == 1, "an event goes to one wait of all"
    for run, history in simulation.histories.items():
        flow = _program(program, run)
        machine = Machine.restore(flow.plan, [from_record(record, flow.plan).event for record in history])
        assert machine.state.ended is not None, f"{run} was left behind"
        invariants.check(machine.state)
        kinds = Counter((record.kind, record.node) for record in history)
        assert all(n == 1 for (kind, _), n in kinds.items() if kind in {"attempt_succeeded", "items_listed", "run_requested"})
        if machine.state.ended != "succeeded":
            owed += _undoable(flow, history)
    assert sorted(undone) == sorted(set(owed)), "what a run that did not succeed had done is undone, and nothing else"
    assert all(n == 1 for n in undone.values())


def taken(simulation: Simulation) -> list[int]:
    """The numbers of the events that waits took, of the run and of all its parts."""
    found: list[int] = []
    for history in simulation.histories.values():
        payloads = [(record.kind, orjson.loads(record.payload or b"null")) for record in history]
        arrived = [payload["number"] for kind, payload in payloads if kind == "event_arrived"]
        found += [arrived[payload["number"]] for kind, payload in payloads if kind == "event_taken"]
    return found


def _kept(simulation: Simulation, action: str) -> list[object]:
    """Calls whose success is in a history; others a crash may have made twice."""
    kept = {(run, record.node) for run, history in simulation.histories.items() for record in history if _succeeded(record)}
    seen: dict[object, object] = {}
    for call in simulation.calls:
        if call.invocation.action == action and (call.invocation.run, call.invocation.node) in kept:
            seen[call.invocation.run, call.invocation.node] = call
    return list(seen.values())


def _succeeded(record: Record) -> bool:
    return record.kind == "attempt_succeeded"


def _undoable(program: Program, history: tuple[Record, ...]) -> list[object]:
    steps = {node.undoes for node in program.flow.nodes if node.kind is NodeKind.UNDO and node.action}
    return [orjson.loads(record.payload or b"") for record in history if _succeeded(record) and record.node in steps]


def _program(program: Program, run: RunId) -> Program:
    """Of a run, by the path in its id."""
    for part in run.split("/")[1:]:
        node = program.plan.numbers[part.partition("[")[0].partition("#")[0]]
        program = program.bodies[node] if "[" in part else program.callees[program.flow.nodes[node].flow]
    return program


def _essence(simulation: Simulation) -> str:
    """Without numbers of attempts, which a crash may change: the failures of items carry theirs."""
    return re.sub("'attempt': [0-9]+", "", repr(essence(simulation.result)))


def watch(progress: object) -> None:
    invariants.check(progress.machine.state)  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_was_done_is_undone_if_the_whole_fails(data: st.DataObject) -> None:
    program = program_of(data.draw(family_texts()))
    simulation = simulate(
        program,
        INPUT,
        actions=scripts(data.draw(st.sampled_from([0, 2, 5, 11]))),
        seed=data.draw(st.integers(0, 9)),
        observe=watch,
    )
    check(simulation, program)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_crash_anywhere_changes_nothing_where_nothing_is_at_once(data: st.DataObject) -> None:
    # Of what cannot be repeated nobody knows whether it had its effect before the crash; that is a change, and told.
    program = program_of(data.draw(family_texts(is_forked=False)).replace(" effectful", " idempotent"))
    # Nothing takes time: a call made again would take it again, and the id of a run that is started holds when.
    made = scripts(data.draw(st.sampled_from([0, 3, 11])), takes_ns=0)
    calm = simulate(program, INPUT, actions=made, jitter=lambda: 0.5)
    assume(calm.n_points < 120)
    for point in range(calm.n_points):
        crashed = simulate(program, INPUT, actions=made, crash_at={point}, jitter=lambda: 0.5)
        assert _essence(crashed) == _essence(calm)
        assert crashed.started == calm.started
        assert crashed.histories.keys() == calm.histories.keys()
        check(crashed, program)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_family_crashed_anywhere_keeps_its_promises(data: st.DataObject) -> None:
    program = program_of(data.draw(family_texts(waits=True)))
    crash_at = data.draw(st.sets(st.integers(0, 120), max_size=5))
    cancel_at = data.draw(st.none() | st.integers(0, 9).map(lambda n: 1_767_225_600_000_000_000 + n * SECOND + 5))
    sent = [attrs.evolve(send, event="asked", payload={"n": len(send.id)}) for send in data.draw(sends())]
    simulation = simulate(
        program,
        INPUT,
        actions=scripts(data.draw(st.sampled_from([0, 3, 11]))),
        crash_at=crash_at,
        cancel_at=cancel_at,
        seed=data.draw(st.integers(0, 9)),
        sends=sent,
        observe=watch,
    )
    check(simulation, program)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_cannot_be_undone_is_told(data: st.DataObject) -> None:
    program = program_of(data.draw(family_texts()))
    simulation = simulate(program, INPUT, actions=scripts(data.draw(st.sampled_from([3, 5])), undo_fails=3), observe=watch)
    dirty = {
        call.invocation.run
        for call in simulation.calls
        if call.invocation.action == "back" and value_of(call.invocation) % 3 == 0
    }
    for run, history in simulation.histories.items():
        ended = [from_record(record, _program(program, run).plan).event for record in history if record.kind == "run_ended"][-1]
        if run in dirty:
            assert ended.status == "failed_dirty"  # type: ignore[union-attr]
    if dirty and simulation.result.status != "succeeded":
        assert _has_dirty_history(simulation)


def _has_dirty_history(simulation: Simulation) -> bool:
    return any(b"failed_dirty" in (record.payload or b"") for history in simulation.histories.values() for record in history)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_local_driver_ends_a_family_as_the_simulator_does(data: st.DataObject) -> None:
    program = program_of(data.draw(family_texts(is_forked=False, waits=True)))
    made = _by_node(program, scripts(data.draw(st.sampled_from([0, 3, 11]))))
    sent = [attrs.evolve(send, event="asked", payload={"n": len(send.id)}) for send in data.draw(sends())]
    simulated = simulate(program, INPUT, actions=made, jitter=lambda: 0.5, sends=sent)
    result, _, store = run_local(
        program, made, input_value=INPUT, sends=sent, is_held=data.draw(st.booleans()), is_quick=data.draw(st.booleans())
    )
    assert said(result) == said(simulated.result)
    for run, history in simulated.histories.items():
        assert [(record.kind, record.node, record.payload) for record in store.history(run)[1:]] == [
            (record.kind, record.node, record.payload) for record in history[1:]
        ], run
    # What is started starts others in its turn, here but not there.
    assert {row.id for row in store.runs()} >= {each.run for each in simulated.started}


def _by_node(program: Program, made: Mapping[str, Script]) -> dict[str, Script]:
    """The scripts under the names of the nodes too, which is how the harness looks for them."""
    found = dict(made)
    waiting = [program, *program.callees.values()]
    while waiting:
        one = waiting.pop()
        waiting += one.bodies.values()
        for node in one.flow.nodes:
            if node.action:
                found[node.id] = made[node.action]
    return found


@pytest.mark.parametrize("point", range(30))
def test_a_run_that_is_started_starts_once(point: int) -> None:
    program = program_of(
        "action look(n: int) -> int pure\nflow g(a: int) { look(n: a) }\nflow f(a: int, xs: list<int>) -> {run_id: string} "
        "{\n one = look(n: a)\n started = start g(a: one)\n two = look(n: 2)\n return started\n}"
    )
    simulation = simulate(program, INPUT, actions=scripts(0), crash_at={point})
    (started,) = simulation.started
    assert simulation.result.output == {"run_id": started.run}
    assert (started.input, started.key) == ({"a": 1}, "g")


def test_events_reach_the_items_of_a_loop() -> None:
    program = program_of(
        'event "asked" { n: int }\nflow f(a: int, xs: list<int>) -> int {\n'
        ' got = for x in xs max 5 parallel 2 {\n  e = wait event "asked" as e when e.n == x within 1h\n  yield e.?n ?? 0\n }\n'
        " return got.all(g, g > 0) ? size(got) : 0\n}"
    )
    start = 1_767_225_600_000_000_000
    # The last item's event comes before the item is begun.
    sent = [Send(at=start + n * SECOND, event="asked", payload={"n": x}) for n, x in enumerate([12, 10, 11])]
    calm = simulate(program, INPUT, sends=sent)
    assert calm.result.output == 3
    for point in range(calm.n_points):
        assert simulate(program, INPUT, sends=sent, crash_at={point}).result.output == 3
    assert run_local(program, {}, input_value=INPUT, sends=sent)[0].output == 3
