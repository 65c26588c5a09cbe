"""The record of a run's start in the history."""

from __future__ import annotations

import orjson

from dagflow.execution.run_state import RunState


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
    if lineage is None or not lineage.is_item:
        # Last, so that a large one is the same bytes for all runs that have it: see `store.packs`.
        program = progress.program
        # It was checked when it became the input.
        value["input"] = progress.input if program.is_input_plain else program.input_codec.encode(progress.input)
    return orjson.dumps(value)
