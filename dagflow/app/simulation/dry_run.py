"""Dry runs: simulate a run in virtual time, with passed or placeholder results and without effects."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from dagflow.actions.failures import Invocation
from dagflow.app.simulation.run_tree import family_of
from dagflow.app.simulation.sample_values import sample_value
from dagflow.app.simulation.test_values import input_of
from dagflow.app.why import Reason, reason_for
from dagflow.drivers.simulated.simulator import Script, Simulation, simulate
from dagflow.errors import UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.program import prepare
from dagflow.execution.results import NodeResult, result_of
from dagflow.execution.triggers import input_for
from dagflow.lang.lowering.tests import actions_met
from dagflow.model.action import Interface
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.flow_test import MockedAction
from dagflow.model.plan import HANDLER_SCOPE
from dagflow.model.status import NodeStatus
from dagflow.model.types import NULL
from dagflow.model.wire import codec as wire


@attrs.frozen(kw_only=True)
class DryRunStep:
    """A step that would run.

    Attributes:
        part: "" for the run itself, else which of its parts: `rows[0]`.
        at_ns: when, from the beginning of the run.
        given: its arguments, in stored form; None where it has none.
        is_made_up: its result is a placeholder.
    """

    part: str
    node: Node
    result: NodeResult
    at_ns: int
    given: Mapping[str, object] | None
    is_made_up: bool


@attrs.frozen(kw_only=True)
class DryRun:
    """A dry run: the steps that would run, in their order, and why each of the others would not."""

    simulation: Simulation
    steps: tuple[DryRunStep, ...]
    pruned: tuple[Reason, ...]


def dry_run(
    flow: Flow,
    interface: Interface,
    value: object,
    *,
    event: str | None = None,
    results: Mapping[str, object] | None = None,
    start: int,
) -> DryRun | None:
    """Rehearse a run.

    Args:
        flow: the flow.
        interface: what its file and host declare.
        value: its input, or the event's payload, as JSON values.
        event: the event that starts it.
        results: of actions, by the name of the action or of a step, as JSON values; others are placeholders.
        start: when it begins.

    Returns:
        The dry run; None if the flow does not want the event.

    Raises:
        WireError: the input, the event or a result is not of its type.
        UsageError: there is no such event or action.
    """
    program = prepare(flow)
    met = actions_met(flow, {spec.name: spec for spec in interface.actions.values()})
    known = _results(flow, met, results or {})
    origin = Origin()
    if event is not None:
        wanted = input_for(program, event, value, start)
        if wanted is None:
            return None
        value, origin = program.input_codec.encode(wanted), Origin(kind="event", name=event)
    stand_ins = {name: Script(result=sample_value(action.result, name)) for name, action in met.items()}

    def choose(invocation: Invocation) -> Script:
        return known.get(invocation.node) or known.get(invocation.action) or stand_ins[invocation.action]

    script = Script(choose=choose)
    simulation = simulate(program, value, actions=dict.fromkeys(met, script), trigger=origin, start=start, seed=None)
    return DryRun(simulation=simulation, steps=_steps(simulation, known), pruned=_pruned(simulation))


def _results(flow: Flow, met: Mapping[str, MockedAction], given: Mapping[str, object]) -> dict[str, Script]:
    """Return scripts for the passed results, by action or step."""
    steps = {node.id: node.action for node in _own(flow) if node.action}
    found: dict[str, Script] = {}
    for name, value in given.items():
        action = met.get(name) or met.get(steps.get(name, ""))
        if action is None:
            raise UsageError(f"the flow {flow.name} calls no `{name}`; it calls: {', '.join(met) or 'nothing'}")
        if action.result is NULL:
            raise UsageError(f"`{name}` has no result to override")
        found[name] = Script(result=wire.decode(value, action.result, path=name))
    return found


def _own(flow: Flow) -> list[Node]:
    return [each for node in flow.nodes for each in (node, *(_own(node.loop.body) if node.loop is not None else ()))]


def _steps(simulation: Simulation, known: Mapping[str, Script]) -> tuple[DryRunStep, ...]:
    root, start = simulation.result.run, simulation.result.started_at
    numbers = simulation.progress.program.plan.numbers
    found: list[DryRunStep] = []
    for member in family_of(simulation).values():
        progress = member.progress
        for node, result in zip(progress.program.flow.nodes, result_of(progress).nodes, strict=True):
            if result.started_at is None or result.status is NodeStatus.PRUNED:
                continue
            is_made_up = bool(node.action) and node.type is not NULL and not (node.id in known or node.action in known)
            found.append(
                DryRunStep(
                    part=member.run.removeprefix(root).removeprefix("/"), node=node, result=result, at_ns=result.started_at - start,
                    given=input_of(progress, node), is_made_up=is_made_up,
                )
            )  # fmt: skip

    def order(each: DryRunStep) -> tuple[int, int, int]:
        """What happens in a part stands behind the step it is a part of; the flow's handler runs when all is undone."""
        step = re.split(r"[\[/]", each.part, maxsplit=1)[0] or each.node.id
        is_last = not each.part and each.node.scope == HANDLER_SCOPE
        phase = 2 if is_last else 1 if each.node.kind is NodeKind.UNDO else 0
        return each.at_ns, phase, numbers.get(step, len(numbers))

    return tuple(sorted(found, key=order))


def _pruned(simulation: Simulation) -> tuple[Reason, ...]:
    progress = simulation.progress
    return tuple(reason_for(progress, node.id) for node in simulation.result.nodes if node.status is NodeStatus.PRUNED)
