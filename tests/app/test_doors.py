"""Whatever is handed to a public door, nothing but a documented exception comes back, and a good run beside it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow import Interpreter, RunStatus

catalog = dagflow.Catalog.builtin()
FLOW: Final = dagflow.compile(
    'event "e" { n: int }\n'
    "flow f(a: json, n: int = 1, d: duration = 1s, t: timestamp? = null) -> json {\n"
    '  on event "e" as e with (a: e.n)\n  on manual\n'
    '  went = wait event "e" as e when e.n == n within 1s\n'
    "  return [a, a]\n}",
    catalog=catalog,
).unwrap()
GOOD: Final = dagflow.compile("flow good() -> int { on manual\n wait 1h\n return 7 }", catalog=catalog).unwrap()

texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["", "e", "\ud800", "\x00", "x" * 201, "../x", "last", "a/b[0]", "\U0001f600" * 100]
)
numbers = st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.booleans()
scalars = st.none() | numbers | texts | st.binary(max_size=4) | st.just(object()) | st.just({1, 2}) | st.just(int)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | st.integers(), inner, max_size=4),
    max_leaves=12,
)
inputs = st.fixed_dictionaries({"a": values}, optional={"n": values, "d": values, "t": values, "z": values}) | values


def shared(depth: int) -> object:
    value: object = [1]
    for _ in range(depth):
        value = [value, value]
    return value


def endless() -> object:
    value: list[object] = []
    value.append(value)
    return value


DOORS: Final[dict[str, Callable[[Interpreter, Any, Any], Any]]] = {
    "start": lambda it, a, _: it.start(FLOW, a),
    "start with id": lambda it, a, b: it.start(FLOW, {"a": 1}, id=b if b is not None else a),
    "trigger": lambda it, a, b: it.trigger(FLOW, a, b),
    "trigger with id": lambda it, a, b: it.trigger(FLOW, "e", a, id=b),
    "send": lambda it, a, b: it.send(a, b),
    "send with id": lambda it, a, b: it.send("e", {"n": 1}, id=b if b is not None else a),
    "send payload": lambda it, a, _: it.send("e", a),
    "cancel": lambda it, a, _: it.cancel(a),
    "result": lambda it, a, _: it.result(a),
    "history": lambda it, a, _: it.history(a),
    "runs": lambda it, a, b: it.runs(limit=a, before=b),
    "runs of": lambda it, a, _: it.runs(parent=a),
    "unfinished": lambda it, a, _: it.unfinished(limit=a),
    "prune": lambda it, a, _: it.prune(a),
}


async def knock(calls: list[tuple[str, Any, Any]], path: str) -> None:
    async with Interpreter.open(path, catalog=catalog, clock=dagflow.VirtualClock(1_767_225_600_000_000_000)) as interpreter:
        good = await interpreter.start(GOOD)
        for door, a, b in calls:
            try:
                await DOORS[door](interpreter, a, b)
            except (dagflow.UsageError, dagflow.EvaluationError) as error:
                assert len(str(error)) < 5_000  # noqa: PT017 - any of them may raise, and need not
        for word in [call[1] for call in calls]:
            with pytest.raises(dagflow.UsageError):
                await interpreter.get_run(word)
        with trio.fail_after(20):
            assert (await good.wait()).status is RunStatus.SUCCEEDED
        assert interpreter.blocked == {}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(DOORS)), inputs, values), max_size=12))
def test_no_input_through_a_public_door_harms_anybody(calls: list[tuple[str, Any, Any]]) -> None:
    trio.run(knock, calls, ":memory:")


@pytest.mark.parametrize(
    "value", [shared(40), endless(), {"n": shared(30)}, {"a": endless()}], ids=["shared", "endless", "in", "around"]
)
@pytest.mark.parametrize("door", ["start", "send payload", "trigger"])
async def test_values_without_end_are_refused(door: str, value: object) -> None:
    with trio.fail_after(5):
        await knock([(door, value, value), (door, "e", value)], ":memory:")


@pytest.mark.parametrize("kind", ["\ud800", "x" * 17 * 1024 * 1024, "", 5])
async def test_names_and_ids_are_checked(kind: Any, tmp_path: Any) -> None:
    async with Interpreter.open(tmp_path / "runs.db", catalog=catalog) as interpreter:
        with pytest.raises(dagflow.UsageError, match="the name of an event must"):
            await interpreter.send(kind, {})
        with pytest.raises(dagflow.UsageError, match="the id of an event must"):
            await interpreter.send("e", {}, id=kind)
        with pytest.raises(dagflow.UsageError, match="the name of an event must"):
            await interpreter.trigger(FLOW, kind, {})
        run = await interpreter.start(dagflow.compile("flow x() -> int { on manual\n return 1 }", catalog=catalog).unwrap())
        assert (await run.wait()).output == 1
