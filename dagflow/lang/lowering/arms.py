"""The facts behind a statement that goes on in one of several arms."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.lang.check.presence import Condition, Known
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s


@attrs.frozen
class Arm:
    """A lowered arm: its statements, its path condition, and what its condition says is present."""

    statements: tuple[s.Statement, ...]
    condition: Condition
    present: frozenset[str] = frozenset()


def behind_arms(builder: FlowBuilder, arms: Sequence[Arm]) -> Known:
    """The ways that ended in any arm, and the names present in every arm that goes on."""
    ended: dict[Condition, None] = {}
    going_on: list[frozenset[str]] = []
    for arm in arms:
        known = builder.behind(arm.statements, arm.condition) if arm.statements else Known()
        ended.update(dict.fromkeys(known.ended))
        if known.ended != (arm.condition,):
            going_on.append(arm.present | known.present)
    shared = (name for name in going_on[0] if all(name in each for each in going_on)) if going_on else ()
    return Known(ended=tuple(ended), present=frozenset(shared))
