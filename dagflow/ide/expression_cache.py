"""Expression cache: reuse the results of the checker for expressions whose text and surroundings did not change.

Theory. The checker's result depends on an expression's text, its expected type, and the meaning of its names at that place:
their types, whether and why they may be absent, and which are known to be present. A cached result is returned only if all of
these are equal. A result with a diagnostic is not cached, since its message may depend on more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.checker.checker import Checked, Environment, check
from dagflow.expr.checker.environment import Absence
from dagflow.expr.tree import Broken, Call, Expr, Name
from dagflow.lang.check.symbols import Symbol, View
from dagflow.lang.syntax.walk import children
from dagflow.model.types import Type

#: Answers kept for one text; an expression stands in a text in a few surroundings at most.
_MOST_ANSWERS: Final = 4
#: Sets of declared types with a number of their own; while an author types a type, each letter makes another one.
_MOST_TYPES: Final = 50


@attrs.frozen
class Seen:
    """An expression that was checked, and its surroundings as they were then.

    Attributes:
        symbols: those of `environment.variables`, which go on changing, as they were then; None where there are none.
    """

    expr: Expr
    environment: Environment
    checked: Checked
    symbols: Mapping[str, Symbol] | None

    def surroundings(self) -> Environment:
        """The surroundings as they were then."""
        view = self.environment.variables
        if self.symbols is None or not isinstance(view, View):
            return self.environment
        view = attrs.evolve(view, names=view.names.with_symbols(self.symbols))
        return attrs.evolve(self.environment, variables=view, absences={}, covers=view.covers)


@attrs.frozen
class _Answer:
    """A result, and the circumstances under which it still holds."""

    expected: Type | None
    names: tuple[str, ...]
    types: tuple[Type | None, ...]
    absences: tuple[Absence | None, ...]
    narrowed: frozenset[str]
    covers: tuple[tuple[frozenset[str], bool], ...]
    known: int
    checked: Checked

    def holds(self, environment: Environment, known: int) -> bool:
        """Whether the surroundings are the same in everything that matters."""
        return (
            self.known == known
            and self.expected == environment.expected
            and self.types == tuple(environment.variables.get(name) for name in self.names)
            and self.absences == tuple(environment.absences.get(name) for name in self.names)
            and self.narrowed == _narrowed(environment, self.names)
            and all(environment.covers(names) is answer for names, answer in self.covers)
        )


class Memory:
    """Checks expressions. After `begin` it keeps the results of earlier texts, until `done` discards the unused ones."""

    def __init__(self) -> None:
        self._answers: dict[str, list[_Answer]] = {}
        self._before: dict[str, list[_Answer]] = {}
        #: Everything that was checked since `begin`.
        self.seen: list[Seen] = []
        #: The declared types there have been, by number, and the numbers of those of this compilation by identity.
        self._types: list[Mapping[str, Type]] = []
        self._numbers: dict[int, tuple[Mapping[str, Type], int]] = {}

    def begin(self) -> None:
        """A text is about to be compiled."""
        if len(self._types) > _MOST_TYPES:
            self._types, self._before, self._answers = [], {}, {}
        self._before, self._answers = {**self._before, **self._answers}, {}
        self.seen = []
        self._numbers = {}

    def done(self) -> None:
        """It was compiled."""
        self._before = {}

    def check(self, expr: Expr, environment: Environment) -> Checked:
        """Return the result of `infer.check`."""
        text = environment.source[expr.span.start : expr.span.end]
        checked = self._remembered(text, environment)
        if checked is None:
            checked = self._fresh(text, expr, environment)
        view = environment.variables
        symbols = dict(view.names.symbols) if isinstance(view, View) else None
        self.seen.append(Seen(expr, environment, checked, symbols))
        return checked

    def _remembered(self, text: str, environment: Environment) -> Checked | None:
        known = self._number(environment.types)
        for answers in (self._answers, self._before):
            for answer in answers.get(text, ()):
                if answer.holds(environment, known):
                    if answers is self._before:
                        self._keep(text, answer)
                    return answer.checked
        return None

    def _fresh(self, text: str, expr: Expr, environment: Environment) -> Checked:
        names = _names(expr)
        if names is None:
            return check(expr, environment)
        covers: list[tuple[frozenset[str], bool]] = []

        def asked(of: frozenset[str]) -> bool:
            answer = environment.covers(of)
            covers.append((of, answer))
            return answer

        checked = check(expr, attrs.evolve(environment, covers=asked))
        if checked.diagnostics:
            return checked  # a message may name what was meant, which depends on every name in reach
        answer = _Answer(
            environment.expected, names,
            tuple(environment.variables.get(name) for name in names),
            tuple(environment.absences.get(name) for name in names),
            _narrowed(environment, names), tuple(covers), self._number(environment.types), checked,
        )  # fmt: skip
        self._keep(text, answer)
        return checked

    def _number(self, types: Mapping[str, Type]) -> int:
        """The same for types that are the same, since comparing them for each expression is dear."""
        known = self._numbers.get(id(types))
        if known is not None:
            return known[1]
        number = next((i for i, each in enumerate(self._types) if each == types), len(self._types))
        if number == len(self._types):
            self._types.append(dict(types))
        # The mapping stays alive with its number, so that no other one can get its identity.
        self._numbers[id(types)] = (types, number)
        return number

    def _keep(self, text: str, answer: _Answer) -> None:
        answers = self._answers.setdefault(text, [])
        answers.append(answer)
        del answers[:-_MOST_ANSWERS]


def _narrowed(environment: Environment, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(path for path in environment.narrowed if path.partition(".")[0] in names)


def _names(expr: Expr) -> tuple[str, ...] | None:
    """The names an expression may read, those of its functions too; None where a part of it could not be read."""
    found: dict[str, None] = {}
    for part in walk(expr):
        if isinstance(part, Broken):
            return None
        if isinstance(part, Name):
            found[part.name] = None
        elif isinstance(part, Call):
            found[part.function] = None
    return tuple(found)


def is_several(part: object) -> bool:
    """Whether it is not a part of a tree itself but some of them."""
    return isinstance(part, tuple)


def walk(value: object, leave: Callable[[object], bool] = lambda _: False) -> Iterator[object]:
    """A part of a tree and its descendants, except for the descendants of parts to `leave`."""
    if isinstance(value, Span) or leave(value):
        return
    if not is_several(value):
        yield value
    for child in children(value):
        if child is not None and not isinstance(child, str | int | float | bool):
            yield from walk(child, leave)
