"""The state of one check: variables in scope, variables read, diagnostics. The passes of the checker share it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

import attrs

from dagflow.diagnostic import Diagnostic, Fix, Span
from dagflow.expr.checker.environment import Environment
from dagflow.expr.library.overloads import Table, make_table
from dagflow.expr.tree import Expr
from dagflow.expr.unify import Bindings
from dagflow.model.types import UNKNOWN, OptionalType, Type


@attrs.frozen
class Typed:
    """A checked part of an expression.

    Attributes:
        core: its checked form.
        is_stored: for an optional, whether `core` returns it in stored form (None is none), not as an `Optional`.
        step: the name, if it is the name of a step that may not have run.
        steps: such steps on which it depends whether there is a value.
    """

    type: Type
    core: object
    span: Span
    is_stored: bool = False
    step: str = ""
    steps: frozenset[str] = frozenset()

    @property
    def as_value(self) -> object:
        """The core as expressions compute with it: an optional is an `Optional`."""
        return ("wrap", self.core) if self.is_stored else self.core

    @property
    def as_stored(self) -> object:
        """The core in stored form."""
        return self.core if self.is_stored or not isinstance(self.type, OptionalType) else ("store", self.core)


class Visit(Protocol):
    """The checker's entry for a part of a tree; `expected` is how a literal is to be read."""

    def __call__(self, context: Context, tree: Expr, expected: Type | None, /) -> Typed: ...


@attrs.frozen
class Local:
    """A variable of a macro."""

    index: int
    type: Type


@attrs.define(eq=False)
class Context:
    """One check."""

    environment: Environment
    table: Table
    _visit: Visit
    bindings: Bindings = attrs.field(factory=Bindings)
    diagnostics: list[Diagnostic] = attrs.field(factory=list)
    locals: dict[str, Local] = attrs.field(factory=dict)
    narrowed: frozenset[str] = frozenset()
    makes_maps: bool = False
    _reads: dict[str, None] = attrs.field(factory=dict)
    _n_locals: int = 0
    _dotted: bool = False

    @classmethod
    def start(cls, environment: Environment, table: Table, visit: Visit) -> Context:
        """The state at the beginning."""
        if environment.functions:
            table = make_table([*table.by_id.values(), *environment.functions])
        context = cls(environment, table, visit, narrowed=environment.narrowed)
        context._dotted = bool(environment.container) or (
            not environment.is_flow and any("." in name for name in environment.variables)
        )
        return context

    def visit(self, tree: Expr, expected: Type | None = None) -> Typed:
        """The checked part of a tree; `expected` is how a literal is to be read."""
        return self._visit(self, tree, expected)

    @property
    def has_dotted_names(self) -> bool:
        """Whether `a.b` may be one name."""
        return self._dotted

    @property
    def reads(self) -> tuple[str, ...]:
        """The variables read so far."""
        return tuple(self._reads)

    def read(self, name: str) -> object:
        """The core that reads a variable."""
        self._reads.setdefault(name)
        return ("var", name)

    def resolve(self, type_: Type) -> Type:
        """The type as far as it is known now."""
        return self.bindings.resolve(type_)

    def report(self, code: str, title: str, span: Span, label: str, help_: str = "", fix: Fix | None = None) -> None:
        """Report a mistake."""
        self.diagnostics.append(Diagnostic(code=code, title=title, span=span, label=label, help=help_, fix=fix))

    def mistake(self, code: str, title: str, span: Span, label: str, help_: str = "", fix: Fix | None = None) -> Typed:
        """Report a mistake and go on with a type that agrees with everything."""
        self.report(code, title, span, label, help_, fix)
        return self.unknown(span)

    def unknown(self, span: Span) -> Typed:
        """The stand-in for a part that did not check."""
        return Typed(UNKNOWN, ("fail", "type_mismatch", "this part did not check"), span)

    def new_local(self, type_: Type) -> Local:
        """A macro variable with a number of its own."""
        self._n_locals += 1
        return Local(self._n_locals - 1, type_)

    @contextmanager
    def scope(self, added: Mapping[str, Local]) -> Generator[None, None, None]:
        """Inside, the names are macro variables."""
        before, narrowed = self.locals, self.narrowed
        self.locals = {**before, **added}
        self.narrowed = frozenset(path for path in narrowed if path.split(".", 1)[0] not in added)
        try:
            yield
        finally:
            self.locals, self.narrowed = before, narrowed

    @contextmanager
    def knowing(self, paths: frozenset[str]) -> Generator[None, None, None]:
        """Inside, the paths have a value."""
        before = self.narrowed
        self.narrowed = before | paths
        try:
            yield
        finally:
            self.narrowed = before

    def quote(self, span: Span) -> str:
        """The source text of a span, or empty without a source."""
        return self.environment.source[span.start : span.end]
