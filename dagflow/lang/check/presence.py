"""Presence: the values that may be absent at a place, by path conditions (LANGUAGE 4.3).

Theory. A *literal* is a gate with an outcome. The path condition of a step is the set of literals it stands under: those of the gates
around it, those of the steps its `after` needs, and one of its own where its join or its block's `on error` can leave it out. A way
that has *ended* is the path condition of a `return`, `stop` or `fail` which the reader comes after: it cannot hold where the reader
runs. A step is certain to have a value where its condition holds in every case that the reader's condition allows and in which no
way has ended. No solver: set inclusion first, and a case distinction over the few gates involved where that is not enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import attrs

#: A gate's id and one of its outcomes.
Literal: TypeAlias = tuple[str, int]
Condition: TypeAlias = frozenset[Literal]

ALWAYS: Final[Condition] = frozenset()

#: More gates than this are not distinguished: what hangs on them counts as uncertain.
_MOST_GATES: Final = 12


@attrs.frozen
class Known:
    """Facts that are certain at a place although no gate around it establishes them.

    Attributes:
        literals: outcomes that are the only ones left after the ended ways.
        ended: the ways that have ended, in their order.
        present: names and paths that were checked, where their absence has ended.
    """

    literals: Condition = ALWAYS
    ended: tuple[Condition, ...] = ()
    present: frozenset[str] = frozenset()

    def then(self, other: Known) -> Known:
        """Both, for a place after both."""
        if other is NOTHING or self is NOTHING:
            return self if other is NOTHING else other
        ended = tuple(dict.fromkeys((*self.ended, *other.ended)))
        return Known(self.literals | other.literals, ended, self.present | other.present)

    def settled(self, condition: Condition, n_outcomes: Mapping[str, int]) -> Known:
        """The same at a place: if one literal of a way is left, its gate has the other outcome."""
        literals, open_ways = self.literals, list[Condition]()
        for way in self.ended:
            rest = way - condition - literals
            gate, outcome = next(iter(rest), ("", 0))
            if len(rest) == 1 and n_outcomes.get(gate) == 2:
                literals |= {(gate, 1 - outcome)}
            else:
                open_ways.append(way)
        return Known(literals, tuple(open_ways), self.present)


NOTHING: Final = Known()


def contradiction(condition: Condition) -> tuple[Literal, Literal] | None:
    """Two literals that cannot both hold, if there are any."""
    if len({gate for gate, _ in condition}) == len(condition):
        return None
    return next((one, other) for one, other in pairwise(sorted(condition)) if one[0] == other[0])


def is_certain(
    value: Condition,
    reader: Condition,
    n_outcomes: Mapping[str, int],
    order: Mapping[str, int],
    ended: Sequence[Condition] = (),
) -> bool:
    """Whether a step under `value` has run wherever one under `reader` is ready."""
    return value <= reader or (bool(ended) and covers([value], reader, n_outcomes, order, ended))


def covers(
    values: Iterable[Condition],
    reader: Condition,
    n_outcomes: Mapping[str, int],
    order: Mapping[str, int],
    ended: Iterable[Condition] = (),
) -> bool:
    """Whether, under `reader`, one of the `values` always holds or one of the ways that have `ended`.

    Args:
        n_outcomes: of each gate.
        order: declared order of gates; a gate stands behind those around it.
    """
    if contradiction(reader) is not None:
        return False
    decided = dict(reader)
    rest = _possible(values, decided)
    gates = {gate for value in rest for gate, _ in value}
    if len(gates) > _MOST_GATES:
        return False
    return _covers([*rest, *_concerning(gates, _possible(ended, decided))], n_outcomes, order)


def has_ended(ended: Sequence[Condition], reader: Condition, n_outcomes: Mapping[str, int], order: Mapping[str, int]) -> bool:
    """Whether each way under `reader` has ended."""
    if reader in ended:
        return True
    decided = dict(reader)
    ways = _possible(ended, decided)
    gates = {gate for way in ways for gate, _ in way}
    return bool(ways) and len(gates) <= _MOST_GATES and _covers(ways, n_outcomes, order)


def _possible(conditions: Iterable[Condition], decided: Mapping[str, int]) -> list[Condition]:
    """The rest of each condition that the decided outcomes do not rule out."""
    return [
        frozenset(literal for literal in condition if literal[0] not in decided)
        for condition in conditions
        if all(decided.get(gate, outcome) == outcome for gate, outcome in condition)
    ]


def _concerning(gates: set[str], ways: list[Condition]) -> list[Condition]:
    """The ways that decide about these gates, by others too, as long as those are few."""
    found: list[Condition] = []
    is_growing = True
    while is_growing:
        is_growing, rest = False, list[Condition]()
        for way in ways:
            own = {gate for gate, _ in way}
            if not gates.isdisjoint(own) and len(gates | own) <= _MOST_GATES:
                is_growing = is_growing or not own <= gates
                gates = gates | own
                found.append(way)
            else:
                rest.append(way)
        ways = rest
    return found


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
