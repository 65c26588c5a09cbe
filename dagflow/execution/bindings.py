"""The names and values that a run's expressions can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from dagflow.engine.machine import Machine
from dagflow.execution.program import Program
from dagflow.ids import RunId
from dagflow.model.plan import NO_NODE
from dagflow.model.values import Timestamp


@attrs.frozen(kw_only=True)
class Origin:
    """What started a run: the word for its kind, and the name of the event if it was one.

    `hops`: how many flows started one another by events before this run.
    """

    kind: str = "manual"
    name: str = ""
    hops: int = 0


#: Of most runs.
MANUAL: Final = Origin()


@attrs.define(eq=False)
class Bindings:
    """The names and values of one run. A step that has not succeeded reads as absent: None.

    Attributes:
        outputs: values in stored form, by node id.
        shared: the names for every node that has no names of its own, and does not read `now`.
        tracebacks: of the last attempt of a node that raised an unexpected exception, by node; None if there is none.
    """

    _program: Program
    _machine: Machine
    outputs: dict[str, object] = attrs.field(factory=dict)
    shared: dict[str, object] = attrs.field(factory=dict)
    tracebacks: dict[int, str] | None = None

    def start(self, run: RunId, input_value: Mapping[str, object], origin: Origin, started_at: int) -> None:
        """Fill in what does not change."""
        flow = self._program.flow
        self.shared = {
            **self._program.names,
            **({flow.binding: input_value} if flow.binding else input_value),
            "run": {"id": run, "started_at": Timestamp(started_at), "flow": flow.name},
            "trigger": {"kind": origin.kind, "name": origin.name},
            "secrets": self._program.secrets,
        }

    def start_item(self, around: Mapping[str, object], item: Mapping[str, object]) -> None:
        """Fill in what does not change, for the run of a loop's item: all that is read around the loop, and the item."""
        self.shared = {**around, **dict.fromkeys(self._program.plan.ids), **item}

    def set(self, node: int, value: object) -> None:
        """A node has succeeded with this value."""
        node_id = self._program.plan.ids[node]
        self.outputs[node_id] = self.shared[node_id] = value

    def forget(self, node: int) -> None:
        """A node that had succeeded runs again."""
        node_id = self._program.plan.ids[node]
        if self.outputs.pop(node_id, self) is not self:
            self.shared[node_id] = None

    def keep_traceback(self, node: int, traceback: str) -> bytes | None:
        """Keep the traceback of the node's failed attempt; return its bytes for the history."""
        if self.tracebacks is not None:
            self.tracebacks.pop(node, None)
        if not traceback:
            return None
        self.tracebacks = (self.tracebacks or {}) | {node: traceback}
        return traceback.encode()

    def of(self, node: int) -> Mapping[str, object]:
        """Return the names and values that the node's expressions read; valid until the next call."""
        state = self._machine.state
        shared = self.shared
        code = self._program.codes[node]
        if code.reads_now:
            shared["now"] = Timestamp(state.ready_at[node])
        catches = code.catches
        unseen = state.unseen.get(node)
        if not catches and not unseen:
            return shared
        seen = dict(shared)
        for name, catch in catches:
            seen[name] = self._failure(catch)
        for source in unseen or ():
            seen[self._program.plan.ids[source]] = None
        return seen

    def _failure(self, catch: int) -> dict[str, object]:
        state, plan = self._machine.state, self._program.plan
        failure = state.failures[state.scope_causes[plan.catches[catch]]]
        return {
            "step": "" if failure.node == NO_NODE else plan.ids[failure.node],
            "code": failure.code,
            "message": failure.message,
            "attempt": failure.attempt,
        }
