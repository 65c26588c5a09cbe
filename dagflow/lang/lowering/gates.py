"""Lowering of what decides: `filter`, `if`, `switch`, `when`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.expr import tree
from dagflow.expr.checker.checker import narrowed_by
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.type_checker import Wanted, not_in_enum
from dagflow.lang.lowering.arms import Arm, behind_arms
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Expression, Node, NodeKind
from dagflow.model.types import BOOL, NULL, UNKNOWN, EnumType, Primitive, SecretType, Type

#: Node ids the next statement comes after.
Tails: TypeAlias = tuple[str, ...]
#: Lowers the statements of a block at a place, behind some nodes; returns its tails.
LowerBlock: TypeAlias = Callable[[tuple[s.Statement, ...], Place, Tails], Tails]

YES_NO = ("no", "yes")


@attrs.frozen
class Gate:
    """A lowered condition: its node, and the paths that are present for each outcome."""

    id: str
    if_true: frozenset[str]
    if_false: frozenset[str]


def condition_gate(builder: FlowBuilder, statement: s.Filter | s.If, place: Place, before: Tails, word: str) -> Gate:
    """Add the gate node of a `filter` or `if`."""
    condition = statement.condition
    name = statement.name
    node_id = name.text if name is not None else builder.generated_id(word, builder.text(condition.span))
    expression = builder.checker.expression(condition, builder.view(place), Wanted(BOOL, f"`{word}` takes"))
    node = Node(
        id=node_id, kind=NodeKind.GATE, span=statement.span, doc=statement.doc, gate=place.gate, scope=place.scope,
        expression=expression, outcomes=YES_NO, type=BOOL, is_filter=isinstance(statement, s.Filter),
    )  # fmt: skip
    builder.names.define_gate(node_id, 2)
    builder.add(node, before, place.condition, [expression] if expression else [])
    if name is not None:
        builder.define_step(name.text, name.span, BOOL, place.condition, node_id, _why(builder, place))
    negated = tree.Unary(condition.span, "!", condition)
    return Gate(node_id, narrowed_by(condition), narrowed_by(negated))


def lower_filter(
    builder: FlowBuilder, statement: s.Filter, place: Place, before: Tails, lower: LowerBlock
) -> tuple[Place, Tails, Tails]:
    """Lower a `filter`.

    Returns:
        The place of the rest of the block, its predecessors, and the tails of the `else` block.
    """
    gate = condition_gate(builder, statement, place, before, "filter")
    others: Tails = ()
    if statement.otherwise is not None:
        other = place.behind_gate(gate.id, 0, gate.if_false)
        others = lower(statement.otherwise.statements, other, (gate.id,))
        builder.known[statement] = builder.behind(statement.otherwise.statements, other.condition)
    return place.behind_gate(gate.id, 1, gate.if_true), (gate.id,), others


def lower_if(builder: FlowBuilder, statement: s.If, place: Place, before: Tails, lower: LowerBlock) -> Tails:
    """Lower an `if` with all its arms; its tails are those of every arm."""
    gate = condition_gate(builder, statement, place, before, "if")
    then, other = place.behind_gate(gate.id, 1, gate.if_true), place.behind_gate(gate.id, 0, gate.if_false)
    tails = list(lower(statement.then.statements, then, (gate.id,)))
    match statement.otherwise:
        case None:
            otherwise: tuple[s.Statement, ...] = ()
        case s.If() as nested:
            otherwise = (nested,)
        case s.Block() as block:  # pragma: no branch - there are no others
            otherwise = block.statements
    if otherwise:
        tails += lower(otherwise, other, (gate.id,))
    arms = [
        Arm(statement.then.statements, then.condition, gate.if_true), Arm(otherwise, other.condition, gate.if_false)
    ]  # fmt: skip
    builder.known[statement] = behind_arms(builder, arms)
    return tuple(dict.fromkeys(tails))


def lower_switch(builder: FlowBuilder, statement: s.Switch, place: Place, before: Tails, lower: LowerBlock) -> Tails:
    """Lower a `switch`: one gate whose outcome is the number of the arm, the `else` arm last."""
    subject = statement.subject
    checked = builder.checker.expression(subject, builder.view(place))
    name = statement.name
    node_id = name.text if name is not None else builder.generated_id("switch", builder.text(subject.span))
    if checked is not None and isinstance(checked.type, SecretType):
        builder.report(
            "E601", "a secret would leave the system", subject.span, "`switch` compares it", "secrets may only be given to arguments of type Secret"
        )  # fmt: skip
    cases = _cases(builder, statement, place, checked.type if checked else UNKNOWN)
    is_complete = _check_coverage(builder, statement, checked.type if checked else UNKNOWN)
    labels = [", ".join(builder.text(value.span) for value in case.values) for case in statement.cases]
    has_else = statement.otherwise is not None or not is_complete
    if is_complete:
        builder.complete[statement] = None
    n_outcomes = len(statement.cases) + has_else
    node = Node(
        id=node_id, kind=NodeKind.GATE, span=statement.span, doc=statement.doc, gate=place.gate, scope=place.scope,
        expression=checked, cases=cases, outcomes=(*labels, *(["else"] if has_else else [])), type=NULL,
    )  # fmt: skip
    builder.names.define_gate(node_id, max(n_outcomes, 1))
    builder.add(node, before, place.condition, [e for e in (checked, *(e for case in cases for e in case)) if e])
    if name is not None:
        builder.define_step(name.text, name.span, NULL, place.condition, node_id, "", has_value=False)
    blocks = [case.block for case in statement.cases]
    if statement.otherwise is not None:
        blocks.append(statement.otherwise)
    tails: list[str] = []
    arms: list[Arm] = []
    for outcome, block in enumerate(blocks):
        tails += lower(block.statements, place.behind_gate(node_id, outcome), (node_id,))
        arms.append(Arm(block.statements, place.condition | {(node_id, outcome)}))
    if n_outcomes > len(blocks):
        arms.append(Arm((), place.condition | {(node_id, n_outcomes - 1)}))
    builder.known[statement] = behind_arms(builder, arms)
    return tuple(dict.fromkeys(tails or [node_id]))


def _cases(builder: FlowBuilder, statement: s.Switch, place: Place, subject: Type) -> tuple[tuple[Expression, ...], ...]:
    seen: dict[object, Span] = {}
    arms: list[tuple[Expression, ...]] = []
    for case in statement.cases:
        values: list[Expression] = []
        for value in case.values:
            expression = builder.checker.expression(value, builder.view(place))
            if expression is None:
                continue
            values.append(expression)
            _check_case(builder, value, expression, subject, seen)
        arms.append(tuple(values))
    return tuple(arms)


def _check_case(
    builder: FlowBuilder, value: tree.Expr, expression: Expression, subject: Type, seen: dict[object, Span]
) -> None:
    """Check that a case is possible, and that no arm above has it."""
    literal: object = value.value if isinstance(value, tree.Literal) else None
    if isinstance(subject, EnumType) and isinstance(literal, str):
        if literal not in subject.values:
            builder.diagnostics.append(not_in_enum(value.span, literal, subject, "this case can never match"))
    elif not is_assignable(expression.type, subject) and not is_assignable(subject, expression.type):
        builder.report(
            "E303", f"cannot compare {readable(subject)} with {readable(expression.type)}", value.span,
            f"the subject is {readable(subject)}", f"write a case of type {readable(subject)}",
        )  # fmt: skip
    if isinstance(value, tree.Literal):
        literal = (isinstance(literal, bool), literal)  # to Python, true is 1
        if literal in seen:
            line = builder.line(seen[literal])
            builder.report("W303", "duplicate case", value.span, f"line {line} takes it already", "remove it")
        seen.setdefault(literal, value.span)


def _check_coverage(builder: FlowBuilder, statement: s.Switch, subject: Type) -> bool:
    """Whether every value has an arm; E311 where the values are known and one has none."""
    known = subject.values if isinstance(subject, EnumType) else (True, False) if subject is Primitive.BOOL else None
    taken = {value.value for case in statement.cases for value in case.values if isinstance(value, tree.Literal)}
    if known is None or statement.otherwise is not None:
        if known is not None and all(value in taken for value in known):
            brace = statement.otherwise.span if statement.otherwise is not None else statement.close
            builder.report(
                "W303",
                "this `else` can never run",
                Span(brace.start, brace.start + 1),
                "the cases cover every value",
                "remove it",
            )
        return False
    missing = [value for value in known if value not in taken]
    if any(value not in known for value in taken):
        # A misspelt case has been reported, and most likely is the one that is missing.
        return True
    if not missing:
        return True
    shown = [_literal(value) for value in missing]
    fix = Fix(
        f"insert `{' '.join(f'case {value} {{ }}' for value in shown)}`",
        is_safe=True,
        edits=(_cases_inserted(builder, statement, shown),),
    )
    builder.report(
        "E311", f"`switch` does not cover {', '.join(shown)}", statement.subject.span, f"one of {readable(subject)}",
        "add the case, or an `else`", fix,
    )  # fmt: skip
    return True


def _literal(value: str | bool) -> str:
    """A case as it is written."""
    if isinstance(value, bool):
        return str(value).lower()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
    return f'"{escaped}"'


def _cases_inserted(builder: FlowBuilder, statement: s.Switch, values: list[str]) -> Edit:
    """Empty arms before the closing brace, each on a line of its own where the brace has one."""
    place = statement.close.start
    begin = builder.source.text.rfind("\n", 0, place) + 1
    indent = builder.source.text[begin:place]
    if indent.strip() or not begin:
        return Edit(Span(place, place), "".join(f"case {value} {{ }} " for value in values))
    return Edit(Span(begin, begin), "".join(f"{indent}  case {value} {{ }}\n" for value in values))


def when_gate(builder: FlowBuilder, name: str, condition: tree.Expr, place: Place, before: Tails) -> tuple[str, frozenset[str]]:
    """The gate of a step's `when`: only this step hangs on it."""
    expression = builder.checker.expression(condition, builder.view(place), Wanted(BOOL, "`when` takes"))
    node_id = f"{name}.when"
    node = Node(
        id=node_id, kind=NodeKind.GATE, span=condition.span, gate=place.gate, scope=place.scope, expression=expression,
        outcomes=YES_NO, type=BOOL,
    )  # fmt: skip
    builder.names.define_gate(node_id, 2)
    builder.add(node, before, place.condition, [expression] if expression else [])
    return node_id, narrowed_by(condition)


def _why(builder: FlowBuilder, place: Place) -> str:
    return why(builder, place)


def why(builder: FlowBuilder, place: Place) -> str:
    """Words for when a step at a place runs."""
    if place.unawaited:
        return "may run before the other steps of its `after`"
    if place.race is not None and place.race[1] == place.gate:
        return f"is pruned if other branches of its `parallel first` (line {builder.line(place.race[0])}) finish first"
    if place.gate is None:
        return "has no value if its `on error` ran" if place.scope else ""
    gate = builder.nodes[place.gate.gate]
    line = builder.line(gate.node.span)
    if gate.node.kind is NodeKind.WAIT_EVENT:
        verb = "comes" if place.gate.outcome else "does not come"
        return f'runs only when "{gate.node.event}" {verb} in time (line {line})'
    if gate.node.expression is None:
        return f"runs only under the condition on line {line}"
    text = gate.node.expression.text
    if gate.node.cases:
        return f"runs only when {text} is {gate.node.outcomes[place.gate.outcome]} (line {line})"
    verb = "is true" if place.gate.outcome else "is false"
    shown = text if len(text) <= 40 else text[:37] + "…"
    return f"runs only when `{shown}` {verb} (line {line})"
