"""Test coverage of flows: steps that ran, outcomes of conditions, handled errors, used defaults, timed-out waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from dagflow.app.simulation.run_tree import Member, family_of
from dagflow.drivers.simulated.simulator import Simulation
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.label import label_of
from dagflow.model.status import NodeStatus

#: Nodes that no author writes, or that are covered by their parts.
_UNSEEN = frozenset({NodeKind.GROUP, NodeKind.RACE, NodeKind.UNWIND})
_DECIDING = frozenset({NodeKind.GATE, NodeKind.CATCH, NodeKind.WAIT_EVENT})
#: A `fail` that was reached has failed.
_BEGUN = frozenset({NodeStatus.SUCCEEDED, NodeStatus.FAILED})
_RAN, _DEFAULT = "ran", "default"


@attrs.frozen
class Goal:
    """An item of coverage.

    Attributes:
        flow: the name of the flow. node: the id of the node in it, or in a loop of it. label: its name for people.
        kind: `step`, `gate`, `error`, `timeout` or `default`.
        aspect: `ran`, `default`, or the word of an outcome.
        line: of the step, from 1.
    """

    flow: str
    node: str
    label: str
    kind: str
    aspect: str
    line: int


@attrs.define(eq=False)
class Coverage:
    """The goals of some flows, and the goals that were reached."""

    goals: tuple[Goal, ...]
    _seen: set[tuple[str, str, str]] = attrs.field(factory=set)

    @classmethod
    def of(cls, flows: Iterable[Flow]) -> Coverage:
        """Nothing of these flows has been seen yet."""
        return cls(tuple(goal for flow in flows for goal in _goals(flow, flow)))

    def note(self, simulation: Simulation) -> None:
        """Take in a run, with all its parts."""
        for member in family_of(simulation).values():
            for node_id, aspect in _seen_in(member):
                self._seen.add((member.key, node_id, aspect))
            for record in simulation.histories[member.run]:
                if record.kind == "default_used":
                    self._seen.add((member.key, record.node, _DEFAULT))

    def is_reached(self, goal: Goal) -> bool:
        """Whether a test has seen it."""
        return (goal.flow, goal.node, goal.aspect) in self._seen

    @property
    def missing(self) -> tuple[Goal, ...]:
        """What no test has seen, in the order of the flows."""
        return tuple(goal for goal in self.goals if not self.is_reached(goal))


def _goals(flow: Flow, of: Flow) -> Iterator[Goal]:
    """The goals of a flow or of the body of a loop `of` it."""
    for node in of.nodes:
        if node.kind not in _UNSEEN:
            line = flow.source.count("\n", 0, node.span.start) + 1
            yield from (Goal(flow.name, node.id, label_of(node), kind, aspect, line) for kind, aspect in _aspects(node))
        if node.loop is not None:
            yield from _goals(flow, node.loop.body)


def _aspects(node: Node) -> Iterator[tuple[str, str]]:
    match node.kind:
        case NodeKind.GATE:
            yield from (("gate", outcome) for outcome in node.outcomes)
        case NodeKind.CATCH:
            yield "error", node.outcomes[1]
        case NodeKind.WAIT_EVENT:
            yield "step", node.outcomes[1]
            yield "timeout", node.outcomes[0]
        case _:
            yield "step", _RAN
            if node.default is not None:
                yield "default", _DEFAULT


def _seen_in(member: Member) -> Iterator[tuple[str, str]]:
    state = member.progress.machine.state
    for number, node in enumerate(member.progress.program.flow.nodes):
        outcome = state.outcomes[number]
        if node.kind in _DECIDING:
            if 0 <= outcome < len(node.outcomes):
                yield node.id, node.outcomes[outcome]
        elif state.status[number] in _BEGUN or state.attempts[number]:
            yield node.id, _RAN
