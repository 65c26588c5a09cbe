"""Abstract evaluation: the possible outcomes of a condition, under the conditions around it.

Theory. Values in a flow never change once they are read, so a fact from a gate holds for all nodes behind it. `Facts` are the
sets of values that paths (`lead.score`) and sizes can still have, and the conditions that have already been decided. `judged`
returns the possible outcomes, `assumed` the facts under one of them. An expression that the analysis does not understand counts
as unknown, errors included, so a verdict is never wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs

from dagflow.expr import tree
from dagflow.lang.check.value_numbering import ValueNumbering, parts_of
from dagflow.lang.lint.facts import Binding, Budget, Facts, Key, TruthSet
from dagflow.lang.lint.value_sets import FLIPPED, Constant, Values, constant_of, size_values, values_of_type
from dagflow.model.types import ListType, MapType, OptionalType, Primitive, RecordType, ScalarType, SecretType, Type

#: Names that stand for conditions which are names that stand for conditions.
_MOST_DEPTH: Final = 4
_UNKNOWN: Final = TruthSet()
_NOTHING: Final = TruthSet(can_be_true=False, can_be_false=False, can_fail=False)
_FLAGS: Final = frozenset({("bool", True), ("bool", False)})


@attrs.frozen
class _Operand:
    """A part of a comparison: which key it is, what values it can have, and whether reading it may fail."""

    key: Key | None
    values: Values
    can_fail: bool = False


@attrs.frozen
class Conditions:
    """Reads conditions at one place.

    Attributes:
        lookup: the meaning of a name there, None if it changes or is unknown.
        is_outside: whether a name, with its number, holds text from outside; None where nothing does.
    """

    lookup: Callable[[str], Binding | None]
    line: Callable[[tree.Expr], int]
    fuel: Budget
    numbers: ValueNumbering
    is_outside: Callable[[str, int], bool] | None

    def judged(self, expr: tree.Expr, facts: Facts, depth: int = 0) -> TruthSet:
        """The outcomes an expression can have where the facts hold."""
        if facts.is_impossible:
            return _NOTHING
        if self.fuel.is_spent():
            return _UNKNOWN
        decided = self._decided(expr, facts)
        if decided is not None:
            return decided
        match expr:
            case tree.Literal(value=bool(value)):
                return TruthSet(value, not value, can_fail=False)
            case tree.Unary(operator="!", operand=operand):
                inner = self.judged(operand, facts, depth)
                return TruthSet(inner.can_be_false, inner.can_be_true, inner.can_fail)
            case tree.Binary(operator=("&&" | "||") as operator):
                return self._joint(_chain(expr, operator), facts, depth, is_and=operator == "&&")
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                return self._branched(condition, then, otherwise, facts, depth)
            case _:
                return self._atom(expr, facts, depth)

    def _decided(self, expr: tree.Expr, facts: Facts) -> TruthSet | None:
        """The outcome of an equal condition that has been decided; it did not fail then, and would not now."""
        negated, key = self.asked(expr)
        fact = None if key is None else facts.known.get(key)
        if fact is None or fact.values.members == _FLAGS:
            return None
        is_true = fact.values.holds(("bool", True)) is not negated
        return TruthSet(is_true, not is_true, can_fail=False)

    def _joint(self, parts: list[tree.Expr], facts: Facts, depth: int, *, is_and: bool) -> TruthSet:
        """A chain of `&&`, and of `||` as its mirror: one part decides alone, whether others fail or not."""
        goes_on, can_stop, can_fail = True, False, False
        running = facts
        for part in parts:
            found = self.judged(part, running, depth)
            if can_fail:
                found = found.or_else(self.judged(part, facts, depth))
            through, stops = (found.can_be_true, found.can_be_false) if is_and else (found.can_be_false, found.can_be_true)
            can_stop = can_stop or ((goes_on or can_fail) and stops)
            can_fail = (can_fail and (found.can_fail or through)) or (goes_on and found.can_fail)
            goes_on = goes_on and through
            running = self.assumed(part, running, truth=is_and)
        return TruthSet(goes_on, can_stop, can_fail) if is_and else TruthSet(can_stop, goes_on, can_fail)

    def _branched(self, condition: tree.Expr, then: tree.Expr, otherwise: tree.Expr, facts: Facts, depth: int) -> TruthSet:
        chosen = self.judged(condition, facts, depth)
        a = self.judged(then, self.assumed(condition, facts, truth=True), depth) if chosen.can_be_true else _NOTHING
        b = self.judged(otherwise, self.assumed(condition, facts, truth=False), depth) if chosen.can_be_false else _NOTHING
        return a.or_else(b).or_else(TruthSet(can_be_true=False, can_be_false=False, can_fail=chosen.can_fail))

    def _atom(self, expr: tree.Expr, facts: Facts, depth: int) -> TruthSet:
        meaning = self._meaning(expr)
        if meaning is not None and depth < _MOST_DEPTH:
            return self.judged(meaning, facts, depth + 1)
        comparison = self._comparison(expr, facts)
        if comparison is None:
            return _UNKNOWN
        operand, narrowed = comparison
        return TruthSet(not narrowed(True).is_empty, not narrowed(False).is_empty, operand.can_fail)

    def assumed(self, expr: tree.Expr, facts: Facts, *, truth: bool, depth: int = 0) -> Facts:
        """The facts where an expression came to `truth`."""
        if self.fuel.is_spent():
            return facts
        match expr:
            case tree.Unary(operator="!", operand=operand):
                return self.assumed(operand, facts, truth=not truth, depth=depth)
            case tree.Binary(operator=("&&" | "||") as operator, left=left, right=right):
                if (operator == "&&") is truth:
                    return self.assumed(right, self.assumed(left, facts, truth=truth, depth=depth), truth=truth, depth=depth)
                either = self.assumed(left, facts, truth=truth, depth=depth).joined(
                    self.assumed(right, facts, truth=truth, depth=depth)
                )
                return self._asked(expr, either, truth=truth)
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                first = self.assumed(then, self.assumed(condition, facts, truth=True, depth=depth), truth=truth, depth=depth)
                second = self.assumed(
                    otherwise, self.assumed(condition, facts, truth=False, depth=depth), truth=truth, depth=depth
                )
                return self._asked(expr, first.joined(second), truth=truth)
            case tree.Literal(value=bool(value)):
                return facts if value is truth else attrs.evolve(facts, is_impossible=True)
            case _:
                return self._atom_assumed(expr, facts, truth=truth, depth=depth)

    def _atom_assumed(self, expr: tree.Expr, facts: Facts, *, truth: bool, depth: int) -> Facts:
        facts = self._asked(expr, facts, truth=truth)
        if truth and self.is_outside is not None:
            facts = self._vetted(expr, facts, self.is_outside)
        meaning = self._meaning(expr)
        if meaning is not None and depth < _MOST_DEPTH:
            return self.assumed(meaning, facts, truth=truth, depth=depth + 1)
        comparison = self._comparison(expr, facts)
        if comparison is None or comparison[0].key is None:
            return facts
        operand, narrowed = comparison
        assert operand.key is not None  # noqa: S101 - looked at above
        return facts.having(operand.key, narrowed(truth), self.line(expr))

    def _asked(self, expr: tree.Expr, facts: Facts, *, truth: bool) -> Facts:
        negated, key = self.asked(expr)
        if key is None:
            return facts
        before = facts.known.get(key)
        values = Values(members=_FLAGS) if before is None else before.values
        answer = values.among(frozenset({("bool", truth is not negated)}), truth=True)
        return facts.having(key, answer, self.line(expr))

    def _meaning(self, expr: tree.Expr) -> tree.Expr | None:
        if not isinstance(expr, tree.Name) or expr.is_root:
            return None
        named = self.lookup(expr.name)
        return None if named is None else named.meaning

    def _comparison(self, expr: tree.Expr, facts: Facts) -> tuple[_Operand, Callable[[bool], Values]] | None:
        """The compared operand, and its values for which the comparison is true, or false; None for any other expression."""
        match expr:
            case tree.Binary(operator=("==" | "<" | "<=" | ">" | ">=") as operator, left=left, right=right):
                return self._relation(operator, left, right, facts)
            case tree.Binary(operator="!=", left=left, right=right):
                found = self._relation("==", left, right, facts)
                if found is None:
                    return None
                operand, equal = found
                return operand, lambda truth: equal(not truth)
            case tree.Binary(operator="in", left=left, right=tree.ListLiteral(elements=elements)):
                constants = [None if each.is_optional else constant_of(each.value) for each in elements]
                known = frozenset(each for each in constants if each is not None)
                if len(known) < len(set(constants)):
                    return None
                operand = self.operand(left, facts)
                return operand, lambda truth: operand.values.among(known, truth=truth)
            case tree.Name() | tree.Select():
                operand = self.operand(expr, facts)
                if operand.values.members is None or not operand.values.members <= _FLAGS:
                    return None
                return operand, lambda truth: operand.values.among(frozenset({("bool", True)}), truth=truth)
            case _:
                return None

    def _relation(
        self, operator: str, left: tree.Expr, right: tree.Expr, facts: Facts
    ) -> tuple[_Operand, Callable[[bool], Values]] | None:
        constant = constant_of(right)
        if constant is None:
            constant = constant_of(left)
            left, operator = right, FLIPPED[operator]
        if constant is None:
            return None
        operand, compared = self.operand(left, facts), constant
        if operator == "==":
            return operand, lambda truth: operand.values.among(frozenset({compared}), truth=truth)
        if not _is_on_line(constant):
            return None
        return operand, lambda truth: operand.values.compared(operator, compared, truth=truth)

    def operand(self, expr: tree.Expr, facts: Facts) -> _Operand:
        """A path, a size or a constant, and its possible values."""
        constant = constant_of(expr)
        if constant is not None:
            return _Operand(None, Values(members=frozenset({constant})))
        sized = _sized(expr)
        found = self._path(expr if sized is None else sized)
        if found is None:
            return _Operand(None, Values(), can_fail=True)
        key, type_ = found
        is_known = type_ is not None
        values = Values() if type_ is None else values_of_type(type_)
        if sized is not None:
            key = ("size", *key)
            values = size_values()
            is_known = isinstance(type_, ListType | MapType | ScalarType) or type_ in {Primitive.STRING, Primitive.BYTES}
        fact = facts.known.get(key)
        return _Operand(key, values if fact is None else fact.values, can_fail=not is_known)

    def _path(self, expr: tree.Expr) -> tuple[Key, Type | None] | None:
        """The key of a path, and its type if reading it certainly returns a value of that type."""
        fields: list[str] = []
        while isinstance(expr, tree.Select) and not expr.is_optional:
            fields.append(expr.field)
            expr = expr.operand
        if not isinstance(expr, tree.Name) or expr.is_root:
            return None
        named = self.lookup(expr.name)
        if named is None:
            return None
        type_ = _plain(named.type)
        for field in reversed(fields):
            of = type_.field(field) if isinstance(type_, RecordType) else None
            type_ = None if of is None else _plain(of.type)
        return (expr.name, named.number, *reversed(fields)), type_

    def type_of(self, path: tree.Expr) -> Type | None:
        """The type of a path, if reading it certainly returns a value of that type."""
        found = self._path(path)
        return None if found is None else found[1]

    def is_vetted(self, expr: tree.Expr, facts: Facts) -> bool:
        """Whether a value has been compared with a constant or a list, or how it begins or ends."""
        found = self._path(expr)
        if found is not None and ("vetted", *found[0]) in facts.known:
            return True
        fact = None if found is None else facts.known.get(found[0])
        if fact is not None and fact.values.members is not None:
            return True
        number = self.numbers.of(expr, self._identity)
        return number is not None and ("vetted", number) in facts.known

    def _vetted(self, expr: tree.Expr, facts: Facts, is_outside: Callable[[str, int], bool]) -> Facts:
        """The facts with the operands that a true comparison has vetted, by a value of trusted origin."""
        match expr:
            case tree.Call(function=function, target=target, args=[tree.Literal(value=str(text))]) if target is not None:
                return self._with_vetted(target, facts) if _says_whose(function, text) else facts
            case tree.Binary(operator=("in" | "==") as operator, left=left, right=right):
                if self._is_trusted(right, is_outside):
                    facts = self._with_vetted(left, facts)
                return self._with_vetted(right, facts) if operator == "==" and self._is_trusted(left, is_outside) else facts
            case _:
                return facts

    def _with_vetted(self, expr: tree.Expr, facts: Facts) -> Facts:
        found = self._path(expr)
        number = self.numbers.of(expr, self._identity)
        if found is not None:
            return facts.having(("vetted", *found[0]), Values(), self.line(expr))
        return facts if number is None else facts.having(("vetted", number), Values(), self.line(expr))

    def _is_trusted(self, expr: tree.Expr, is_outside: Callable[[str, int], bool]) -> bool:
        """Whether no part of a value came from outside."""
        names = {part.name for part in parts_of(expr) if isinstance(part, tree.Name)}
        found = [(name, named) for name in names if (named := self.lookup(name)) is not None]
        return not any(is_outside(name, named.number) for name, named in found)

    def asked(self, expr: tree.Expr) -> tuple[bool, Key | None]:
        """Whether a condition is a negation, and the key of its operand; None for a condition that may change."""
        is_negated, number = self.numbers.of_condition(expr, self._identity)
        return is_negated, None if number is None else ("asked", number)

    def _identity(self, name: str) -> int | None:
        named = self.lookup(name)
        return None if named is None else named.number


def _plain(type_: Type | None) -> Type | None:
    """A type whose every value is there and known; None for others."""
    if type_ is None or isinstance(type_, OptionalType | SecretType):
        return None
    return None if type_ in {Primitive.JSON, Primitive.UNKNOWN} else type_


def _chain(expr: tree.Expr, operator: str) -> list[tree.Expr]:
    """`a && b && c` in one row."""
    parts: list[tree.Expr] = []
    while isinstance(expr, tree.Binary) and expr.operator == operator:
        parts.append(expr.right)
        expr = expr.left
    return [expr, *reversed(parts)]


def _says_whose(function: str, text: str) -> bool:
    """Whether beginning or ending like this leaves no choice of the machine or domain an address is of."""
    match function:
        case "startsWith":
            return re.match(r"[a-z]+://[^/@?#]+/", text) is not None
        case "endsWith":
            return "@" in text
        case _:
            return function == "matches" and text.startswith("^") and text.endswith("$")


def _is_on_line(constant: Constant) -> bool:
    return constant[0] in {"number", "duration"}


def _sized(expr: tree.Expr) -> tree.Expr | None:
    """What `size(x)` and `x.size()` are about."""
    match expr:
        case tree.Call(function="size", target=None, args=[inner]):
            return inner
        case tree.Call(function="size", target=tree.Name() | tree.Select() as inner, args=()):
            return inner
        case _:
            return None
