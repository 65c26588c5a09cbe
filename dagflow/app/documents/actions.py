"""Actions as documents."""

from __future__ import annotations

from dagflow.app.documents.types import ActionDocument
from dagflow.model.action import ActionSpec


def action_data(spec: ActionSpec) -> ActionDocument:
    """Return an action as a document."""
    return {
        "name": spec.name,
        "params": [{"name": p.name, "type": str(p.type), "required": p.is_required} for p in spec.params],
        "result": str(spec.result),
        "effect": spec.effect.value,
        "doc": spec.doc,
    }
