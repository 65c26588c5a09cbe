"""Lowering of `for`: one node in the flow around it, and a body that is a flow of its own.

The body sees the names of the surrounding flow as they are at the loop: facts there hold for every item. The loop's node comes
after all nodes that the body reads. Names defined inside are unknown outside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.expr.tree import Expr
from dagflow.expr.unify import Bindings
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.presence import Condition, Known
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.lowering.gates import Tails, why
from dagflow.lang.syntax import tree as s
from dagflow.model.action import Effect
from dagflow.model.flow import Expression, Flow, Loop, Node, NodeKind
from dagflow.model.types import (
    BOOL,
    INT,
    JSON,
    NULL,
    STRING,
    UNKNOWN,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    Type,
)

#: How a failure reads: in `on error as e`, and in what `collect errors` lists.
FAILURE: Final = RecordType(
    "Failure", (Field("step", STRING), Field("code", STRING), Field("message", STRING), Field("attempt", INT))
)
#: How many items are worked on at a time, at most.
MOST_WIDTH: Final = 100
#: Loops one inside the other.
MOST_LOOPS: Final = 4

#: Lowers the statements of a body.
LowerBody: TypeAlias = Callable[[FlowBuilder, tuple[s.Statement, ...], Place], Tails]


@attrs.frozen
class _Options:
    most: int
    width: int = 1
    key: Expr | None = None
    collects: bool = False


def lower_for(builder: FlowBuilder, loop: s.For, node_id: str, place: Place, before: Tails, lower: LowerBody) -> Tails:
    """Lower `rows = for row, i in xs max 5 parallel 2 key row.id collect errors { … }`."""
    _check_depth(builder, loop)
    items = builder.checker.expression(loop.items, builder.view(place))
    element = UNKNOWN if items is None else _element(builder, loop, items)
    options = _options(builder, loop)
    symbols = dict(builder.names.symbols)
    body = builder.new_body(node_id)
    fields = _define_item(body, loop, element)
    builder.names.around = (*builder.names.around, loop)
    # Facts at the loop hold for all of the body, whatever its steps are `after`.
    known = place.known
    inner = Place(
        condition=place.condition | known.literals, narrowed=place.narrowed | known.present, known=Known(ended=known.ended),
        granted=Known(ended=known.ended),
    )  # fmt: skip
    key = None if options.key is None else _key(body, options.key, inner)
    lower(body, loop.block.statements, inner)
    value = _value(body)
    _check_index(body, loop)
    builder.names.symbols, builder.names.around = symbols, builder.names.around[:-1]
    type_ = _type(value, INT if key is None else key.type, options)
    flow = Flow(
        name=body.name, input=RecordType("", fields), result=NULL if value is None else value, timeout_ns=builder.timeout_ns, nodes=(), edges=(), scopes=(),
        source=builder.source.text, filename=builder.source.filename,
    )  # fmt: skip
    node = Node(
        id=node_id, kind=NodeKind.FOR, span=loop.span, doc=loop.doc, effect=Effect.TRANSACTIONAL, gate=place.gate, scope=place.scope,
        expression=items, type=type_,
        loop=Loop(
            item=loop.variable.text, index="" if loop.index is None else loop.index.text, most=options.most, width=options.width,
            key=key, collects=options.collects, body=flow,
        ),
    )  # fmt: skip
    builder.add(node, before, place.condition, [e for e in (items, key) if e], also=body.outer_reads)
    if loop.name is not None:
        builder.define_step(
            node_id, loop.name.span, type_, place.condition, node_id, why(builder, place), has_value=type_ is not NULL
        )
    return (node_id,)


def _type(value: Type | None, key: Type, options: _Options) -> Type:
    """The type of the loop's value."""
    if not options.collects:
        return NULL if value is None else ListType(value)
    failed = Field("failed", ListType(RecordType("", (Field("key", key), Field("error", FAILURE)))))
    return RecordType("", (failed,) if value is None else (Field("ok", ListType(value)), failed))


def _check_depth(builder: FlowBuilder, loop: s.For) -> None:
    depth, around = 1, builder.outer
    while around is not None:
        depth, around = depth + 1, around.outer
    if depth == MOST_LOOPS + 1:
        builder.report(
            "E115", "these loops are nested too deeply", loop.word, f"the {depth}th loop inside another; {MOST_LOOPS} are the most there can be",
            "move the inner loop to another flow, and call it",
        )  # fmt: skip


def _element(builder: FlowBuilder, loop: s.For, items: Expression) -> Type:
    """The type of an item."""
    text = items.text
    match items.type:
        case ListType(element):
            return element
        case type_ if type_ is JSON or type_ is UNKNOWN:
            return type_
        case OptionalType(ListType(element)):
            end = Span(loop.items.span.end, loop.items.span.end)
            fix = Fix(f"`{text} ?? []`", is_safe=False, edits=(Edit(end, " ?? []"),))
            label = f"{readable(items.type)}, but `for` needs a list"
            builder.report(
                "E312", "this value may be absent", loop.items.span, label, "add a default with `??`, or check first", fix
            )
            return element
        case type_:
            help_ = "give a list"
            if isinstance(type_, MapType):
                help_ = f"to iterate over its keys, write `{text}.map(key, key)`"
            builder.report("E307", f"`for` requires a list; got {readable(type_)}", loop.items.span, readable(type_), help_)
            return UNKNOWN


def _options(builder: FlowBuilder, loop: s.For) -> _Options:
    found: dict[str, s.ForOption] = {}
    for option in loop.options:
        head = Span(option.span.start, option.span.start + len(option.word))
        if option.word in found:
            builder.report("E317", f"`{option.word}` is given twice", head, "the loop has one already", "remove one of them")
        found.setdefault(option.word, option)
    width, key = found.get("parallel"), found.get("key")
    return _Options(
        most=_most(builder, loop, found.get("max")), width=1 if width is None else _width(builder, width),
        key=None if key is None else key.value, collects="collect" in found,
    )  # fmt: skip


def _most(builder: FlowBuilder, loop: s.For, option: s.ForOption | None) -> int:
    """How many items there may be."""
    limit = builder.limits.items
    if option is None or option.count is None:
        end = Span(loop.items.span.end, loop.items.span.end)
        builder.report(
            "E504", "this loop has no maximum", Span(loop.word.start, loop.items.span.end), "no `max`",
            "add `max N`; the loop fails before it starts if the list has more items",
            Fix("append `max 100`", is_safe=False, edits=(Edit(end, " max 100"),)),
        )  # fmt: skip
        return 1
    if option.count < 1:
        builder.report(
            "E316", "the maximum of a loop must be at least 1", option.span, "the loop would never run", "write `max 1` or more"
        )
        return 1
    if option.count > limit:
        fix = Fix(f"`max {limit}`", is_safe=False, edits=(Edit(option.span, f"max {limit}"),))
        shown = option.count if option.count < 10**9 else "a thousand million"
        builder.report(
            "E503", f"this loop may have {shown} items, the limit is {limit}", option.span, "too large to run",
            "lower the maximum, or split the list into parts", fix,
        )  # fmt: skip
    return min(option.count, limit)


def _width(builder: FlowBuilder, option: s.ForOption) -> int:
    count = option.count or 0
    if not 1 <= count <= MOST_WIDTH:
        builder.report(
            "E316", f"`parallel` must be 1 to {MOST_WIDTH}", option.span, "out of this range",
            f"write `parallel {MOST_WIDTH}` at most",
        )  # fmt: skip
    return min(max(count, 1), MOST_WIDTH)


def _define_item(body: FlowBuilder, loop: s.For, element: Type) -> tuple[Field, ...]:
    """Make the item and its number readable; what each item runs with."""
    fields: dict[str, Field] = {}
    for name, type_ in ((loop.variable, element), (loop.index, INT)):
        if name is None:
            continue
        _check_free(body, name, is_twice=name.text in fields)
        body.names.define(Symbol(name.text, SymbolKind.CONSTANT, type_, name.span, body.line(name.span)))
        fields.setdefault(name.text, Field(name.text, type_))
    return tuple(fields.values())


def _check_index(body: FlowBuilder, loop: s.For) -> None:
    """W901 for an unused index of an item, which is optional."""
    if loop.index is None or loop.index.text in body.checker.read:
        return
    fix = Fix("delete", is_safe=False, edits=(Edit(Span(loop.variable.span.end, loop.index.span.end), ""),))
    body.report(
        "W901", f"`{loop.index.text}` is never used", loop.index.span, "the index of the item, never read", "remove it", fix
    )


def _check_free(body: FlowBuilder, name: s.Ident, *, is_twice: bool) -> None:
    """E204 where the name of an item is that of something else: one of the two could not be read in the loop."""
    taken = body.names.symbols.get(name.text)
    line = taken.line if taken is not None else body.names.lines.get(name.text)
    if line is None or name.text in body.broken:
        return
    label = "both would be the same" if is_twice else f"defined on line {line}"
    body.report("E204", f"the name `{name.text}` is taken", name.span, label, "choose another name for the item")


def _key(body: FlowBuilder, key: Expr, place: Place) -> Expression | None:
    expression = body.checker.expression(key, body.view(place))
    if expression is None:
        return None
    type_ = expression.type
    if type_ in {STRING, INT, BOOL, UNKNOWN} or isinstance(type_, EnumType | ScalarType):
        return expression
    if isinstance(type_, OptionalType):
        help_ = "give a default with `??`"
        body.report("E312", "this value may be absent", key.span, f"{readable(type_)}, but every item needs a key", help_)
        return None
    text = body.text(key.span)
    edits = (Edit(Span(key.span.start, key.span.start), "string("), Edit(Span(key.span.end, key.span.end), ")"))
    fix = None if isinstance(type_, RecordType | ListType | MapType) else Fix(f"`string({text})`", is_safe=False, edits=edits)
    body.report(
        "E307", f"`key` must be a string, an int or a bool; got {readable(type_)}", key.span, readable(type_),
        "convert it" if fix else "name one field of it", fix,
    )  # fmt: skip
    return None


# ---- yield


def lower_yield(builder: FlowBuilder, statement: s.Yield, place: Place, before: Tails) -> Tails:
    """Lower `yield`, which sets the value of an item."""
    expression = builder.checker.expression(statement.value, builder.view(place))
    if builder.outer is None:
        if builder.broken:
            return before  # perhaps its loop is the part that did not parse
        head = Span(statement.span.start, statement.span.start + len("yield"))
        fix = Fix("`return`", is_safe=False, edits=(Edit(head, "return"),))
        builder.report(
            "E319",
            "`yield` is outside of a loop",
            head,
            "there is no item here",
            "to end a flow with a value, write `return`",
            fix,
        )
        return before
    node = Node(
        id=builder.generated_id("yield", builder.text(statement.span)), kind=NodeKind.YIELD, span=statement.span, doc=statement.doc,
        gate=place.gate, scope=place.scope, expression=expression, type=UNKNOWN if expression is None else expression.type,
    )  # fmt: skip
    builder.add(node, before, place.condition, [expression] if expression else [])
    builder.yields.append(node.id)
    return (node.id,)


def _value(body: FlowBuilder) -> Type | None:
    """The common type of every `yield` of a body; None if it has none."""
    yields = [body.nodes[node] for node in body.yields]
    if not yields:
        return None
    _check_exclusive(body)
    common: Type = yields[0].node.type
    for each in yields[1:]:
        wider = _common((common, each.node.type))
        if wider is None:
            label = f"{readable(each.node.type)}; the one on line {body.line(yields[0].node.span)} gives {readable(common)}"
            body.report(
                "E320",
                "these yields have different types",
                each.node.span,
                label,
                "use the same type in every `yield` of a loop",
            )
            return UNKNOWN
        common = wider
    for each in yields:
        each.node = attrs.evolve(each.node, type=common)
    return common


def _common(types: tuple[Type, ...]) -> Type | None:
    inner = [type_.value if isinstance(type_, OptionalType) else type_ for type_ in types]
    bindings = Bindings()
    joined = bindings.join(inner)
    if joined is None:
        return None
    found = bindings.finish(joined)
    is_optional = any(isinstance(type_, OptionalType) for type_ in types)
    return OptionalType(found) if is_optional and not isinstance(found, OptionalType) else found


def _check_exclusive(body: FlowBuilder) -> None:
    """E407 for two yields that one item may both reach."""
    conditions = {node: _decided(body, body.nodes[node].condition) for node in body.yields}
    both = _compatible(body.yields, {node: dict(condition) for node, condition in conditions.items()})
    if both is None:
        return
    earlier, later = (body.nodes[node].node.span for node in both)
    body.report(
        "E407", "an item may yield twice", Span(later.start, later.start + len("yield")),
        f"the `yield` on line {body.line(earlier)} may have been reached too",
        "put each into its own arm of an `if` or `switch`, or yield once at the end",
    )  # fmt: skip


def _compatible(nodes: Sequence[str], outcomes: Mapping[str, Mapping[str, int]]) -> tuple[str, str] | None:
    """Two nodes with conditions that may hold together.

    A gate that all of them stand under tells those apart that want another outcome, so that a `switch` of many arms costs no more than its size.
    """
    groups: list[Sequence[str]] = [nodes]
    while groups:
        group = groups.pop()
        shared = set(outcomes[group[0]])
        for node in group:
            shared &= outcomes[node].keys()
        gate = next((gate for gate in sorted(shared) if len({outcomes[node][gate] for node in group}) > 1), None)
        if gate is None:
            for one, other in itertools.combinations(group, 2):
                if all(outcomes[other].get(decider, outcome) == outcome for decider, outcome in outcomes[one].items()):
                    return one, other
            continue
        arms: dict[int, list[str]] = {}
        for node in group:
            arms.setdefault(outcomes[node][gate], []).append(node)
        groups += arms.values()
    return None


def _decided(body: FlowBuilder, condition: Condition) -> Condition:
    """Without what failures decide: something may fail behind a `yield`, and the handler yield again."""
    return frozenset(
        literal for literal in condition if (gate := body.nodes.get(literal[0])) is None or gate.node.kind is not NodeKind.CATCH
    )
