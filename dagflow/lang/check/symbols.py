"""The names of a flow, and what each is where it is read."""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable, Iterator, Mapping

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.check.presence import Condition, covers, is_certain
from dagflow.lang.syntax import tree as s
from dagflow.model.types import OptionalType, Type


class SymbolKind(enum.Enum):
    """The kinds of names."""

    #: The input, `now`, `run`, `trigger`, `secrets`, a handler's failure: there whenever it is in scope.
    CONSTANT = "constant"
    #: A step or `let`: a node of the graph.
    STEP = "step"
    #: A step that has no value to read: `wait`, a group, a switch.
    VALUELESS = "valueless"


@attrs.frozen
class Symbol:
    """A name of the flow.

    Attributes:
        node: the node behind it, or "" for a constant.
        line: where it is defined, for messages.
        why: words for when it runs, for messages.
    """

    name: str
    kind: SymbolKind
    type: Type
    span: Span
    line: int
    condition: Condition = frozenset()
    node: str = ""
    why: str = ""


class Names:
    """The symbols defined so far, and those that come later."""

    def __init__(self) -> None:
        self.symbols: dict[str, Symbol] = {}
        #: Names of steps anywhere in the flow, with their lines; filled before lowering.
        self.lines: dict[str, int] = {}
        #: For each name that is defined inside of loops, those loops, the outermost first; filled before lowering.
        self.loops: dict[str, tuple[s.For, ...]] = {}
        #: The loops around the statement being lowered.
        self.around: tuple[s.For, ...] = ()
        self.n_outcomes: dict[str, int] = {}
        self.gate_order: dict[str, int] = {}

    def with_symbols(self, symbols: Mapping[str, Symbol]) -> Names:
        """The same names with other symbols that are defined so far."""
        other = copy.copy(self)
        other.symbols = dict(symbols)
        return other

    def define(self, symbol: Symbol) -> None:
        """Make a name readable from here on."""
        self.symbols[symbol.name] = symbol

    def define_gate(self, gate: str, n_outcomes: int) -> None:
        """Make a gate known to the case distinctions of `covers`."""
        self.n_outcomes[gate] = n_outcomes
        self.gate_order[gate] = len(self.gate_order)

    def hidden(self, name: str) -> s.For | None:
        """The outermost loop that contains the name and not the statement being lowered."""
        loops = self.loops.get(name, ())
        return next((loop for loop in loops if all(loop is not known for known in self.around)), None)

    def later(self, name: str) -> int | None:
        """The line on which a name is defined that is not readable yet."""
        return None if name in self.symbols else self.lines.get(name)


@attrs.frozen
class View(Mapping[str, Type]):
    """The names as one statement sees them: of a step that may not have run, the type is optional.

    A mapping, so that a thousand steps do not cost a thousand dictionaries.
    """

    names: Names
    condition: Condition
    narrowed: frozenset[str]
    #: Nodes this step does not wait for although it names them: the others of an `after any(…)`.
    unawaited: frozenset[str] = frozenset()
    #: The ways that have ended where the statement runs.
    ended: tuple[Condition, ...] = ()

    def is_present(self, symbol: Symbol) -> bool:
        """Whether a symbol certainly has a value here."""
        if symbol.name in self.narrowed:
            return True
        names = self.names
        return symbol.node not in self.unawaited and is_certain(
            symbol.condition, self.condition, names.n_outcomes, names.gate_order, self.ended
        )

    def covers(self, names: frozenset[str]) -> bool:
        """Whether one of the steps of these names has certainly run."""
        symbols = [self.names.symbols.get(name) for name in names]
        conditions = [each.condition for each in symbols if each is not None and each.node not in self.unawaited]
        return covers(conditions, self.condition, self.names.n_outcomes, self.names.gate_order, self.ended)

    def __getitem__(self, name: str) -> Type:
        symbol = self.names.symbols[name]
        if symbol.kind is SymbolKind.VALUELESS:
            raise KeyError(name)
        if self.is_present(symbol):
            return symbol.type
        return symbol.type if isinstance(symbol.type, OptionalType) else OptionalType(symbol.type)

    def __iter__(self) -> Iterator[str]:
        return (name for name, symbol in self.names.symbols.items() if symbol.kind is not SymbolKind.VALUELESS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@attrs.frozen
class Absences(Mapping[str, "object"]):
    """For each name of a view that may be absent, what to say about it; made when asked for."""

    view: View
    describe: Callable[[Symbol], object]

    def __getitem__(self, name: str) -> object:
        symbol = self.view.names.symbols[name]
        if symbol.kind is not SymbolKind.STEP or self.view.is_present(symbol):
            raise KeyError(name)
        return self.describe(symbol)

    def __iter__(self) -> Iterator[str]:
        return (name for name, symbol in self.view.names.symbols.items() if self._is_absent(symbol))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _is_absent(self, symbol: Symbol) -> bool:
        return symbol.kind is SymbolKind.STEP and not self.view.is_present(symbol)
