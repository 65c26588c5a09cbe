"""A machine to be played with, fact by fact; each state it comes to is checked."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.engine import events as e
from dagflow.engine import invariants
from dagflow.engine.commands import Command, SetTimer
from dagflow.engine.machine import Machine
from dagflow.model.flow import Flow, Node, Scope
from dagflow.model.plan import NO_NODE, build_plan
from dagflow.model.status import NodeStatus, PruneReason
from tests.engine.flows import HOUR, flow_of

LIFETIME = SetTimer(NO_NODE, 24 * HOUR + 1)


@attrs.define(eq=False)
class Play:
    """A machine whose every state is checked, and whose nodes have names."""

    machine: Machine
    now: int = 1
    history: list[e.Event] = attrs.field(factory=list)

    @classmethod
    def of(cls, flow: Flow) -> Play:
        return cls(Machine(build_plan(flow)))

    def take(self, event_class: type[e.Event], name: str = "", *rest: object, at: int = 0, **more: object) -> list[Command]:
        self.now = at or self.now
        where = [self.machine.state.plan.numbers[name]] if name else []
        event = event_class(self.now, *where, *rest, **more)  # type: ignore[arg-type]
        commands = self.machine.handle(event)
        self.history.append(event)
        invariants.check(self.machine.state)
        assert Machine.restore(self.machine.state.plan, self.history).state == self.machine.state
        return commands

    def start(self) -> list[Command]:
        commands = self.take(e.RunStarted)
        assert commands[0] == SetTimer(NO_NODE, 1 + self.machine.state.plan.lifetime_ns)
        return commands[1:]

    def succeed(self, name: str) -> list[Command]:
        attempt = self.machine.state.attempts[self.machine.state.plan.numbers[name]] + 1
        assert self.take(e.AttemptStarted, name, attempt) == []
        return self.take(e.AttemptSucceeded, name, attempt)

    def fail(self, name: str, code: str = "oops", **more: object) -> list[Command]:
        attempt = self.machine.state.attempts[self.machine.state.plan.numbers[name]] + 1
        assert self.take(e.AttemptStarted, name, attempt) == []
        return self.take(e.AttemptFailed, name, attempt, code, **more)

    def status(self, name: str) -> NodeStatus:
        return self.machine.state.status[self.machine.state.plan.numbers[name]]

    def reason(self, name: str) -> PruneReason | None:
        return self.machine.state.reasons[self.machine.state.plan.numbers[name]]


def play(*nodes: Node, edges: Sequence[tuple[str, str]] = (), scopes: Sequence[Scope] = (), **more: object) -> Play:
    return Play.of(flow_of(*nodes, edges=edges, scopes=scopes, **more))  # type: ignore[arg-type]
