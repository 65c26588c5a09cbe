"""Facts at a place of a flow, and the verdicts on conditions there."""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from dagflow.expr import tree
from dagflow.lang.lint.value_sets import Values
from dagflow.model.types import Type

#: A path or an expression, so that two that are the same have the same one.
Key: TypeAlias = tuple[object, ...]

#: A condition that people can read has not nearly as many parts.
_MOST_PARTS: Final = 100
#: More facts than this are forgotten, the oldest first.
_MOST_FACTS: Final = 128


@attrs.frozen
class Fact:
    """The possible values of a key, and the line of the condition that restricts them."""

    values: Values
    line: int


@attrs.frozen
class Facts:
    """The facts at a place. `is_impossible`: no run gets there."""

    known: dict[Key, Fact] = attrs.field(factory=dict[Key, Fact])
    is_impossible: bool = False

    def having(self, key: Key, values: Values, line: int) -> Facts:
        """With one more fact, which replaces the earlier one of the key."""
        before = self.known.get(key)
        if before is not None and before.values == values:
            return self  # it adds nothing
        known = {**self.known, key: Fact(values, line)}
        if len(known) > _MOST_FACTS:
            del known[next(iter(known))]
        return Facts(known, self.is_impossible or values.is_empty)

    def joined(self, other: Facts) -> Facts:
        """The facts after one of two ways, whichever it was."""
        if self.is_impossible or other.is_impossible:
            return other if self.is_impossible else self
        return Facts(
            {
                key: Fact(fact.values.joined(theirs.values), max(fact.line, theirs.line))
                for key, fact in self.known.items()
                if (theirs := other.known.get(key)) is not None
            }
        )


@attrs.frozen
class TruthSet:
    """Which outcomes an expression can have."""

    can_be_true: bool = True
    can_be_false: bool = True
    can_fail: bool = True

    def or_else(self, other: TruthSet) -> TruthSet:
        """The outcomes of either."""
        return TruthSet(
            self.can_be_true or other.can_be_true, self.can_be_false or other.can_be_false, self.can_fail or other.can_fail
        )

    @property
    def certain(self) -> bool | None:
        """The only outcome there is, if there is but one."""
        if self.can_fail or self.can_be_true == self.can_be_false:
            return None
        return self.can_be_true


@attrs.frozen
class Binding:
    """The meaning of a name. `number` distinguishes two of the same name; `meaning`: the condition it stands for."""

    number: int
    type: Type | None
    meaning: tree.Expr | None = None


@attrs.define(eq=False)
class Budget:
    """The parts that the analysis may still visit, in a flow and in one condition; after that it finds nothing more."""

    left: int
    _in_condition: int = 0

    def begin(self) -> None:
        """Another condition."""
        self._in_condition = _MOST_PARTS

    def is_spent(self) -> bool:
        """Take one."""
        self.left -= 1
        self._in_condition -= 1
        return self.left < 0 or self._in_condition < 0
