"""`cancel on`: which events cancel a run, and which requests that have no run yet.

A run hears such events as it hears those it waits for: by the same index, once, and after a crash again from where it stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import orjson

from dagflow.errors import EvaluationError
from dagflow.execution.program import CancelCode, Program
from dagflow.model.correlation_key import key_of
from dagflow.model.values import Timestamp
from dagflow.model.wire.codec import WireError
from dagflow.store.api import SentEvent, WaitRow

if TYPE_CHECKING:
    from dagflow.execution.run_state import RunState


def cancel_rows(progress: RunState, event: str) -> list[WaitRow]:
    """Return what events of that name must carry to cancel the run; a child run ends with its parent."""
    if progress.lineage is not None:
        return []
    return [_row(progress, event, code) for code in progress.program.cancels.get(event, ())]


def is_cancelled_by(progress: RunState, event: SentEvent) -> bool:
    """Whether the event cancels the run. A condition that has no value, or a payload of another type, cancels nothing."""
    codes, state = progress.program.cancels.get(event.name), progress.machine.state
    if codes is None or progress.lineage is not None or state.ending is not None or state.is_end_commanded:
        return False
    return _is_any_for(codes, progress.values.shared, event)


def is_withdrawn_by(program: Program, value: Mapping[str, object], event: SentEvent) -> bool:
    """Whether the event cancels a request with that input, in stored form; one that asks about the run does not."""
    flow = program.flow
    bindings = {flow.binding: value} if flow.binding else {**program.names, **value}
    return _is_any_for(program.cancels.get(event.name, ()), bindings, event)


def _is_any_for(codes: tuple[CancelCode, ...], bindings: Mapping[str, object], event: SentEvent) -> bool:
    payload = cast("object", orjson.loads(event.payload))
    return any(_is_for(code, bindings, payload, event.at) for code in codes)


def _is_for(code: CancelCode, bindings: Mapping[str, object], payload: object, at: int) -> bool:
    try:
        value = payload if code.codec is None else code.codec.open.decode(payload)
        named = {code.binding: value} if code.binding else {}
        return code.when is None or code.when.holds({**bindings, "now": Timestamp(at), **named})
    except (EvaluationError, WireError):
        return False


def _row(progress: RunState, event: str, code: CancelCode) -> WaitRow:
    correlation, anything = code.correlation, WaitRow(event, tenant=progress.tenant)
    if correlation is None or "now" in correlation.reads:
        return anything
    try:
        key = key_of(correlation.evaluate(progress.values.shared))
    except EvaluationError:
        key = None
    return anything if key is None else WaitRow(event, correlation.path, key, progress.tenant)
