"""The values that a test's expectations read, from a simulated run. The names and types are those of `lang.testing_names`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import attrs
import orjson

from dagflow.app.simulation.run_tree import Member, family_of, items_of
from dagflow.drivers.simulated.simulator import Simulation
from dagflow.execution.evaluate import Unevaluable, arguments_of
from dagflow.execution.instance import RunInstance
from dagflow.execution.results import NodeResult, RunResult, result_of
from dagflow.ids import RunId
from dagflow.model.action import EventSpec
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.flow_test import MockedAction
from dagflow.model.status import NodeStatus
from dagflow.model.types import NULL
from dagflow.model.values import Duration
from dagflow.model.wire import codec as wire

_CALLING: Final = frozenset({NodeKind.ACTION, NodeKind.CALL, NodeKind.START, NodeKind.EMIT, NodeKind.UNDO})
_WORDS: Final = {
    "ran": NodeStatus.SUCCEEDED,
    "pruned": NodeStatus.PRUNED,
    "failed": NodeStatus.FAILED,
    "cancelled": NodeStatus.CANCELLED,
}


def bindings_of(
    simulation: Simulation, names: Collection[str], events: Mapping[str, EventSpec], actions: Iterable[MockedAction], now: int
) -> dict[str, object]:
    """The values of the names, in stored form.

    Args:
        simulation: how the run went, or stands.
        names: the names to read.
        events: the payloads of emitted events, by name.
        actions: the called actions; omitted arguments have their defaults.
        now: the instant, while the run has not ended.
    """
    view = _View(simulation, now, {action.name: defaults_of(action) for action in actions})
    found: dict[str, object] = {}
    for name in names:
        if name == "run":
            found[name] = view.run()
        elif name.startswith('calls("'):
            found[name] = view.calls(name[len('calls("') : -2])
        elif name.startswith('emitted("'):
            found[name] = view.emitted(events[name[len('emitted("') : -2]])
        else:
            found[name] = view.step(name)
    return found


def defaults_of(action: MockedAction) -> dict[str, object]:
    """Return the defaults of an action's arguments, in stored form; optional ones without a default are absent."""
    return {param.name: wire.decode(param.default, param.type) for param in action.params if param.has_default}


@attrs.define(eq=False)
class _View:
    simulation: Simulation
    now: int
    defaults: Mapping[str, Mapping[str, object]]
    _members: dict[RunId, Member] | None = None
    _results: dict[RunId, Mapping[str, NodeResult]] = attrs.field(factory=dict)

    @property
    def start(self) -> int:
        return self.simulation.result.started_at

    def run(self) -> dict[str, object]:
        result = self.simulation.result
        ended_at = self.now if result.ended_at is None else result.ended_at
        view: dict[str, object] = {
            "id": str(result.run),
            "status": result.status.value,
            "elapsed": Duration(ended_at - self.start),
            "reason": result.reason,
            "returned": result.output is not None,
        }
        if result.status.is_terminal and result.failures:
            cause = result.failures[0]
            view["failure"] = {"step": cause.node, "code": cause.code, "message": cause.message}
        if result.output is not None:
            view["output"] = result.output
        return view

    def calls(self, action: str) -> list[object]:
        """Return the completed calls; a call that a crash lost was repeated."""
        return [
            {"at": Duration(call.at - self.start), **self.defaults.get(action, {}), **call.invocation.arguments}
            for call in self.simulation.calls
            if call.invocation.action == action and not call.is_lost
        ]

    def emitted(self, event: EventSpec) -> list[object]:
        sent = [each for each in self.simulation.emitted if each.name == event.name]
        return [wire.decode(orjson.loads(each.payload), event.payload) for each in sent]

    def step(self, name: str) -> object:
        root = Member(self.simulation.result.run, "", self.simulation.progress)
        return self._step(root, self.simulation.progress.program.flow, name)

    def _step(self, member: Member, flow: Flow, name: str) -> object:
        for node in flow.nodes:
            if node.id == name:
                return self._record(member, node)
            if node.loop is not None and _has(node.loop.body, name):
                if self._members is None:
                    self._members = family_of(self.simulation)
                body = node.loop.body
                return [self._step(item, body, name) for item in items_of(self._members, member, node.id)]
        return None  # pragma: no cover - the compiler has found it

    def _record(self, member: Member, node: Node) -> dict[str, object]:
        if member.run not in self._results:
            is_root = member.run == self.simulation.result.run
            whole = self.simulation.result if is_root else result_of(member.progress)
            self._results[member.run] = {str(each.id): each for each in whole.nodes}
        result = self._results[member.run][node.id]
        view: dict[str, object] = {word: result.status is status for word, status in _WORDS.items()}
        view["attempts"] = result.attempts
        if result.started_at is not None:
            view["at"] = Duration(result.started_at - self.start)
            given = input_of(member.progress, node)
            view |= {} if given is None else {"input": given}
        if result.failure is not None:
            view["failure"] = {"code": result.failure.code, "message": result.failure.message}
        if result.status is NodeStatus.SUCCEEDED and node.type is not NULL and result.output is not None:
            view["output"] = result.output
        return view


def input_of(progress: RunInstance, node: Node) -> dict[str, object] | None:
    """Evaluate the arguments of a begun step again: they read nothing that has changed since. None if it has none."""
    if not node.arguments or node.kind not in _CALLING:
        return None
    number = progress.program.plan.numbers[node.id]
    try:
        return arguments_of(progress.program.codes[number], progress.values.of(number))
    except Unevaluable:
        return None  # which is why it failed


def _has(flow: Flow, name: str) -> bool:
    return any(node.id == name or (node.loop is not None and _has(node.loop.body, name)) for node in flow.nodes)


def why_unreadable(result: RunResult, names: Collection[str]) -> str:
    """Return why an expectation reads absent values: the steps it reads that did not run, or the status of the run."""
    by_id = {str(node.id): node for node in result.nodes}
    said = [f"`{name}` is {by_id[name].status.value}" for name in names if name in by_id and not _is_done(by_id[name])]
    if not said and "run" in names:
        said = [f"the run is {result.status.value}"]
    return "; ".join(said)


def _is_done(node: NodeResult) -> bool:
    return node.status is NodeStatus.SUCCEEDED
