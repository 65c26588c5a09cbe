"""Which values may be absent where: path conditions (LANGUAGE 4.3).

Theory. A *literal* is a gate with an outcome. The path condition of a step is the set of literals it stands under: those of the gates
around it, those of the steps its `after` needs, and one of its own where its join or its block's `on error` can leave it out. A step
is certain to have a value where its condition is a subset of the reader's. No solver: set inclusion, and for `a ?? b` a case
distinction over the few gates involved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final, TypeAlias

#: A gate's id and one of its outcomes.
Literal: TypeAlias = tuple[str, int]
Condition: TypeAlias = frozenset[Literal]

ALWAYS: Final[Condition] = frozenset()

#: More gates than this in one `??` chain are not distinguished: the chain then counts as not covering.
_MOST_GATES: Final = 12


def is_certain(value: Condition, reader: Condition) -> bool:
    """Whether a step under `value` has run wherever one under `reader` is ready."""
    return value <= reader


def contradiction(condition: Condition) -> tuple[Literal, Literal] | None:
    """Two literals that cannot both hold, if there are any."""
    if len({gate for gate, _ in condition}) == len(condition):
        return None
    return next((one, other) for one, other in pairwise(sorted(condition)) if one[0] == other[0])


def covers(values: Iterable[Condition], reader: Condition, n_outcomes: Mapping[str, int], order: Mapping[str, int]) -> bool:
    """Whether, under `reader`, one of the `values` always holds.

    Args:
        n_outcomes: of each gate.
        order: declared order of gates; a gate stands behind those around it.
    """
    rest = [value - reader for value in values if contradiction(value | reader) is None]
    gates = {gate for value in rest for gate, _ in value}
    if len(gates) > _MOST_GATES:
        return False
    return _covers(rest, n_outcomes, order)


def _covers(values: list[Condition], n_outcomes: Mapping[str, int], order: Mapping[str, int]) -> bool:
    if any(not value for value in values):
        return True
    if not values:
        return False
    gate = min((gate for value in values for gate, _ in value), key=lambda gate: order.get(gate, -1))
    return all(
        _covers([value - {(gate, outcome)} for value in values if _allows(value, gate, outcome)], n_outcomes, order)
        for outcome in range(n_outcomes.get(gate, 2))
    )


def _allows(value: Condition, gate: str, outcome: int) -> bool:
    return all(other != gate or wanted == outcome for other, wanted in value)
