"""The record of a run's start in the history."""

from __future__ import annotations

from typing import Any, Final, cast

import attrs
import orjson

from dagflow.engine.events import Kept
from dagflow.errors import StoreError
from dagflow.execution.evaluate import gate_value
from dagflow.execution.run_state import Keeping, RunState
from dagflow.ids import RunId
from dagflow.model.flow import NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus
from dagflow.model.wire.codec import WireError

_DEFAULTS: Final = {"outcome": NO_NODE, "reason": None, "code": "", "message": "", "attempt": 0, "is_default": False}


def started_json(progress: RunState, due: int | None) -> bytes:
    """Return the origin of the run, the events that came before it, and its input.

    `due`: when its lifetime is over, if the flow's own lifetime does not apply. The parent stores the input of a loop's item.
    """
    origin, lineage = progress.origin, progress.lineage
    trigger: dict[str, object] = {"kind": origin.kind, "name": origin.name}
    if origin.hops:
        trigger["hops"] = origin.hops
    value: dict[str, object] = {"trigger": trigger}
    if progress.n_events:
        value["events"] = progress.n_events
    if due is not None:
        value["due"] = due
    keeping = progress.keeping
    if keeping is not None:
        value["kept"] = {"run": keeping.run, "steps": [_kept_step(progress, each, keeping) for each in keeping.steps]}
    if lineage is None or not lineage.is_item:
        # Last, so that a large one is the same bytes for all runs that have it: see `store.packs`.
        program = progress.program
        # It was checked when it became the input.
        value["input"] = progress.input if program.is_input_plain else program.input_codec.encode(progress.input)
    return orjson.dumps(value)


def begin_with_kept(progress: RunState) -> tuple[Kept, ...]:
    """Set the values that a new run has from an earlier one; return how their steps are settled."""
    if progress.keeping is None:
        return ()
    for node, value in progress.keeping.values.items():
        progress.values.set(node, value)
    return progress.keeping.steps


def _kept_step(progress: RunState, kept: Kept, keeping: Keeping) -> dict[str, object]:
    fields = attrs.asdict(kept, filter=lambda field, value: field.name != "node" and value != _DEFAULTS.get(field.name, Kept))
    step: dict[str, object] = {"step": progress.program.plan.ids[kept.node], **fields}
    code = progress.program.codes[kept.node]
    value = keeping.values.get(kept.node)
    if code.node.kind is NodeKind.GATE or value is None:
        return step
    step["value"] = value if code.node.kind is NodeKind.START else orjson.Fragment(code.codec.dumps(value))
    return step


def recall_kept(progress: RunState, value: object) -> None:
    """Restore the values that a run has from an earlier one, out of the record of its start. Raises StoreError if they are damaged."""
    plan, codes = progress.program.plan, progress.program.codes
    try:
        fields = cast("dict[str, Any]", value)
        progress.keeping = Keeping(RunId(str(fields["run"])), (), {})
        for step in fields["steps"]:
            node = plan.numbers[step["step"]]
            code = codes[node]
            if code.node.kind is NodeKind.GATE and "outcome" in step:
                progress.values.set(node, gate_value(code, int(step["outcome"])))
            elif code.node.kind is NodeKind.START and "value" in step:
                progress.values.set(node, step["value"])
            elif step["status"] == NodeStatus.SUCCEEDED:
                progress.values.set(node, code.codec.decode(step["value"]) if "value" in step else None)
    except (KeyError, TypeError, ValueError, WireError) as error:
        raise StoreError("a history has a damaged event of the kind 'run_started'") from error
