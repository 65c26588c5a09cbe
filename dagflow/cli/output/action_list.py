"""Actions as text and as documents."""

from __future__ import annotations

import json

from dagflow.model.action import ActionSpec
from dagflow.model.types import Field


def signature(spec: ActionSpec) -> str:
    """Return an action as a `.flow` file would declare it, without its effect."""
    result = "" if str(spec.result) == "null" else f" -> {spec.result}"
    return f"{spec.name}({', '.join(_param(param) for param in spec.params)}){result}"


def _param(param: Field) -> str:
    default = f" = {json.dumps(param.default, ensure_ascii=False)}" if param.has_default else ""
    return f"{param.name}: {param.type}{default}"
