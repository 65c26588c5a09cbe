"""A flow while it is being lowered: nodes, the predecessors of each, and the place of the next statement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.check.declarations import Declarations
from dagflow.lang.check.presence import ALWAYS, NOTHING, Condition, Known, has_ended
from dagflow.lang.check.signatures import Signature
from dagflow.lang.check.symbols import Names, Symbol, SymbolKind, View
from dagflow.lang.check.type_checker import Checker
from dagflow.lang.diagnostics import Source
from dagflow.lang.limits import Limits
from dagflow.lang.lowering.by_identity import ByIdentity
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.token_patterns import FLOW_TEXT
from dagflow.model.flow import Expression, GateRef, Join, JoinKind, Node, NodeKind, Race, RetryPolicy, Scope
from dagflow.model.types import UNKNOWN, Type


@attrs.frozen
class Place:
    """What surrounds a statement.

    Attributes:
        gate: the innermost gate. scope: the innermost block with an `on error`.
        condition: the path condition. narrowed: names and paths known to be present.
        unawaited: for one step alone, the nodes its join may leave behind.
    """

    gate: GateRef | None = None
    scope: str = ""
    condition: Condition = ALWAYS
    narrowed: frozenset[str] = frozenset()
    unawaited: frozenset[str] = frozenset()
    #: The `parallel first` around it, for messages, and the innermost gate around that.
    race: tuple[Span, GateRef | None] | None = None
    #: Facts that hold here although no gate establishes them: the ways above that end the run have not been taken.
    known: Known = NOTHING
    #: The part of them that holds whatever a step here is `after`: the facts at the loop around.
    granted: Known = NOTHING

    def behind_gate(self, gate: str, outcome: int, narrowed: frozenset[str] = frozenset()) -> Place:
        """The place behind a gate with an outcome."""
        return attrs.evolve(
            self, gate=GateRef(gate, outcome), condition=self.condition | {(gate, outcome)}, narrowed=self.narrowed | narrowed
        )

    def with_condition(self, condition: Condition) -> Place:
        """The place of a step that also needs other steps."""
        return self if condition <= self.condition else attrs.evolve(self, condition=self.condition | condition)

    def after_steps(self) -> Place:
        """The place of a step with an `after`: it does not wait for the statements above, so the outcomes they rule out are possible."""
        return self if self.known is self.granted else attrs.evolve(self, known=self.granted)

    def with_join(self, join: Join | None) -> Place:
        """The place of a step that may start before all steps of its join have settled."""
        if join is None or join.kind not in {JoinKind.ANY, JoinKind.N_OF}:
            return self
        return attrs.evolve(self, unawaited=frozenset(join.sources))


@attrs.frozen
class Length:
    """A duration in the text of a step. `words`: its purpose."""

    span: Span
    nanos: int
    words: str


@attrs.define(eq=False)
class NodeBuilder:
    """A node and what orders it.

    Attributes:
        before: tails of the statement before it (`seq` edges).
        reads: nodes whose values it reads (`data` edges).
        join_span: the place of its `after`, for messages.
    """

    node: Node
    before: tuple[str, ...]
    reads: tuple[str, ...]
    condition: Condition
    join_span: Span | None = None


@attrs.define(eq=False)
class FlowBuilder:
    """Everything lowering knows of one flow."""

    source: Source
    declarations: Declarations
    checker: Checker
    diagnostics: list[Diagnostic]
    name: str = ""
    limits: Limits = attrs.field(factory=Limits)
    #: The flows it may call, by the names it calls them.
    signatures: Mapping[str, Signature] = attrs.field(factory=dict[str, Signature])
    #: For the body of a loop, the builder around it, and the outer nodes that it reads.
    outer: FlowBuilder | None = None
    outer_reads: dict[str, None] = attrs.field(factory=dict)
    #: The bodies of its loops, by the ids of their nodes.
    bodies: dict[str, FlowBuilder] = attrs.field(factory=dict)
    #: Ids of the `yield` nodes.
    yields: list[str] = attrs.field(factory=list)
    #: The nodes that take steps back, by the steps.
    undos: dict[str, NodeBuilder] = attrs.field(factory=dict)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    timeout_ns: int = 0
    result: Type | None = None
    names: Names = attrs.field(factory=Names)
    nodes: dict[str, NodeBuilder] = attrs.field(factory=dict)
    scopes: list[Scope] = attrs.field(factory=list)
    #: Names used in an `after` anywhere: groups among them need a node.
    awaited: frozenset[str] = frozenset()
    #: Names of statements that did not parse: their uses are not reported.
    broken: frozenset[str] = frozenset()
    #: Each `switch` whose cases cover every value without an `else`.
    complete: ByIdentity[s.Switch, None] = attrs.field(factory=ByIdentity[s.Switch, None])
    #: The facts behind a statement or block.
    known: ByIdentity[object, Known] = attrs.field(factory=ByIdentity[object, Known])
    #: Where a block ends: behind its last statement, under its last `filter`.
    ends: ByIdentity[Sequence[s.Statement], Place] = attrs.field(factory=ByIdentity[Sequence[s.Statement], Place])
    races: list[Race] = attrs.field(factory=list)
    #: For a group: the marker to put behind it, and the end of a race.
    finishes: ByIdentity[s.Group, str] = attrs.field(factory=ByIdentity[s.Group, str])
    race_ends: ByIdentity[s.Group, str] = attrs.field(factory=ByIdentity[s.Group, str])
    n_generated: dict[str, int] = attrs.field(factory=dict)
    #: `let` names by the place of their definition.
    lets: dict[str, Span] = attrs.field(factory=dict)
    secrets: dict[str, None] = attrs.field(factory=dict)
    #: By the ids of nodes, how long they wait or may take, as far as it is written there.
    lengths: dict[str, list[Length]] = attrs.field(factory=dict)

    def view(self, place: Place) -> View:
        """The names as a statement at that place sees them."""
        known = place.known
        return View(self.names, place.condition | known.literals, place.narrowed | known.present, place.unawaited, known.ended)

    def learn(self, place: Place, known: Known) -> Place:
        """The place behind something that makes more certain."""
        if known is NOTHING:
            return place
        return attrs.evolve(place, known=place.known.then(known).settled(place.condition, self.names.n_outcomes))

    def behind(self, statements: object, start: Condition) -> Known:
        """The facts behind a block that began under a condition; if the place after it is unreachable, that way has ended."""
        known = self.known.get(statements, NOTHING)
        if has_ended(known.ended, start, self.names.n_outcomes, self.names.gate_order):
            return Known(ended=(start,))
        return known

    def line(self, span: Span) -> int:
        """The line a span begins on."""
        return self.source.line_of(span.start)

    def new_body(self, loop: str) -> FlowBuilder:
        """The builder of a loop's body: nodes of its own, names shared with this one."""
        body = attrs.evolve(
            self, name=f"{self.name}.{loop}", outer=self, outer_reads={}, bodies={}, yields=[], undos={}, result=None, nodes={},
            scopes=[Scope("", None, None)], races=[], lets={},
        )  # fmt: skip
        self.bodies[loop] = body
        return body

    def add(
        self,
        node: Node,
        before: tuple[str, ...],
        condition: Condition,
        expressions: Iterable[Expression],
        join_span: Span | None = None,
        also: Iterable[str] = (),
    ) -> None:
        """Add a node in declared order; it reads what its expressions read, and the nodes in `also`."""
        self.nodes[node.id] = NodeBuilder(node, before, self.nodes_read(expressions, also), condition, join_span)

    def nodes_read(self, expressions: Iterable[Expression], also: Iterable[str] = ()) -> tuple[str, ...]:
        """The nodes of this builder that expressions read; those around it are noted down."""
        reads = dict.fromkeys(also)
        for expression in expressions:
            for name in expression.reads:
                symbol = self.names.symbols.get(name)
                if symbol is not None and symbol.node:
                    reads[symbol.node] = None
        if self.outer is None:
            return tuple(reads)
        self.outer_reads.update(dict.fromkeys(node for node in reads if node not in self.nodes))
        return tuple(node for node in reads if node in self.nodes)

    def find(self, node_id: str) -> NodeBuilder | None:
        """A node of this builder or of a body in it."""
        return next((found for builder in self.all_bodies() if (found := builder.nodes.get(node_id)) is not None), None)

    def all_bodies(self) -> Iterator[FlowBuilder]:
        """Itself and every body in it."""
        yield self
        for body in self.bodies.values():
            yield from body.all_bodies()

    def generated_id(self, word: str, text: str) -> str:
        """An id for a node without a name: it depends on the node's work, not on its place, its layout or its comments."""
        words = (found[found.lastgroup or 0] for found in FLOW_TEXT.finditer(text) if found.lastgroup != "comment")
        digest = hashlib.sha256(" ".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:6]
        base = f"{word}.{digest}"
        self.n_generated[base] = self.n_generated.get(base, 0) + 1
        count = self.n_generated[base]
        return base if count == 1 else f"{base}.{count}"

    def define_step(
        self, name: str, span: Span, type_: Type, condition: Condition, node: str, why: str, *, has_value: bool = True
    ) -> None:
        """Make a step's name readable from the next statement on; a duplicate, already reported, keeps its first meaning."""
        known = self.names.symbols.get(name)
        if known is not None and known.kind is SymbolKind.CONSTANT and known.type is not UNKNOWN:
            return
        kind = SymbolKind.STEP if has_value else SymbolKind.VALUELESS
        self.names.define(Symbol(name, kind, type_, span, self.line(span), condition, node, why))

    def report(self, code: str, title: str, span: Span, label: str, help_: str, fix: Fix | None = None) -> None:
        """Add a diagnostic."""
        self.diagnostics.append(Diagnostic(code=code, title=title, span=span, label=label, help=help_, fix=fix))

    def text(self, span: Span) -> str:
        """The source of a span."""
        return self.source.text[span.start : span.end]


def deletion(builder: FlowBuilder, span: Span) -> Fix:
    """A fix that removes whole lines."""
    text = builder.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    all_bodies = Span(start, len(text) if end < 0 else end + 1)
    is_alone = not text[start : span.start].strip() and not text[span.end : all_bodies.end].strip()
    return Fix("delete", is_safe=False, edits=(Edit(all_bodies if is_alone else span, ""),))


def join_condition(builder: FlowBuilder, join: Join | None, node: str) -> Condition:
    """The literals that an `after` adds to a step's path condition."""
    if join is None or join.kind is JoinKind.SETTLED:
        return ALWAYS
    if join.kind is JoinKind.ALL:
        found = [builder.nodes[source] for source in join.sources if source in builder.nodes]
        # Being after a `wait event` needs the event to have come.
        came = frozenset((each.node.id, 1) for each in found if each.node.kind is NodeKind.WAIT_EVENT)
        return came.union(*(each.condition for each in found))
    # Any of the steps may have run: the step's own presence is a literal that no other step has.
    return frozenset({(f"{node}.after", 1)})
