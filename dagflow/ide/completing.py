"""Completion: the names that fit at a place, with their types, the best first.

Theory. The tokens before the place decide the kind of completion (`completion_context`). For an expression, a type or the name
of a step, a placeholder word is inserted at the place and the text is analysed with it. The completions follow from the place
of the word in the tree, with the names and the expected type there.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.expr.library.namespace import TABLE
from dagflow.ide import describing, snippets
from dagflow.ide.analysis import Analysis, Analyst
from dagflow.ide.completion_context import Context, Cursor, cursor_at
from dagflow.ide.tree_positions import MACROS, Spot, path_at, spot_at
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.keywords import RESERVED
from dagflow.model.action import ActionSpec
from dagflow.model.types import (
    BOOL,
    JSON,
    STRING,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    Type,
    field_text,
)

#: The word that is inserted at the cursor.
_HERE: Final = "dagflow_here_"


class CompletionKind(enum.StrEnum):
    """The kinds of completions."""

    ACTION = "action"
    FLOW = "flow"
    KEYWORD = "keyword"
    SNIPPET = "snippet"
    ARGUMENT = "argument"
    NAME = "name"
    FIELD = "field"
    FUNCTION = "function"
    TYPE = "type"
    EVENT = "event"
    VALUE = "value"


@attrs.frozen
class Completion:
    """A completion.

    Attributes:
        insert: the text that replaces `span`; with `is_snippet`, `$1`, `${2:x}` and `$0` are places for the cursor.
        rank: 0 for the likeliest.
    """

    label: str
    kind: CompletionKind
    span: Span
    insert: str
    detail: str = ""
    doc: str = ""
    rank: int = 1
    is_snippet: bool = False


def complete(analyst: Analyst, analysis: Analysis, offset: int) -> list[Completion]:
    """The completions at a place, the likeliest first."""
    cursor = cursor_at(analysis.text, offset)
    found = {(each.label, each.kind): each for each in _proposals(analyst, analysis, cursor)}
    return sorted(found.values(), key=lambda each: (each.rank, each.label))


def _proposals(analyst: Analyst, analysis: Analysis, cursor: Cursor) -> Iterable[Completion]:
    match cursor.context:
        case Context.NOTHING:
            return []
        case Context.ITEM:
            return _snippets(cursor, snippets.ITEMS)
        case Context.STATEMENT:
            return [*_calls(analysis, cursor), *(() if cursor.prefix else _statement_words(analysis, cursor))]
        case Context.CALL:
            return [*_calls(analysis, cursor), *(() if cursor.prefix else _snippets(cursor, snippets.CALLS))]
        case Context.ACTION:
            return _actions(analysis, cursor)
        case Context.FLOW:
            return _flows(analysis, cursor)
        case Context.MODIFIER:
            return _snippets(cursor, snippets.MODIFIERS)
        case Context.TEST_ITEM:
            return _snippets(cursor, snippets.TEST_ITEMS)
        case Context.EVENT:
            return _events(analysis, cursor)
        case Context.ARGUMENT:
            params = _params(analysis, cursor)
            return _by_tree(analyst, analysis, cursor) if params is None else _arguments(cursor, params)
        case Context.TYPE:
            return _types(analysis, cursor)
        case Context.TEXT:
            return _texts(analysis, cursor)
        case Context.OTHER:
            return _by_tree(analyst, analysis, cursor)


# ---- by the tokens


def _snippets(cursor: Cursor, given: dict[str, str]) -> Iterator[Completion]:
    for word, snippet in given.items():
        yield Completion(word, CompletionKind.KEYWORD, cursor.span, snippet, rank=2, is_snippet=True)


def _statement_words(analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    yield from _snippets(cursor, snippets.STATEMENTS)
    yield from (attrs.evolve(each, rank=3) for each in _snippets(cursor, snippets.MODIFIERS))
    facts = analysis.flow_at(cursor.span.start)
    if facts is None or all(each.span.start >= cursor.span.start for each in facts.decl.body.statements):
        yield from _snippets(cursor, snippets.SETTINGS)


def _calls(analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    yield from _actions(analysis, cursor)
    yield from _flows(analysis, cursor)


def _actions(analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    for name, spec in analysis.interface.actions.items():
        if not name.startswith(cursor.prefix):
            continue
        if cursor.item == "test":
            label = name.removeprefix(cursor.prefix)
            yield Completion(label, CompletionKind.ACTION, cursor.span, label, str(spec.result), describing.action(spec))
        else:
            yield _call(cursor, name, spec.params, CompletionKind.ACTION, str(spec.result), describing.action(spec))


def _flows(analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    around = analysis.flow_at(cursor.span.start)
    for name, facts in analysis.flows.items():
        if facts is around or cursor.prefix:
            continue
        params = _flow_params(analysis, name) or ()
        if cursor.item == "test" or (cursor.context is Context.FLOW and not cursor.item):
            yield Completion(name, CompletionKind.FLOW, cursor.span, name)
        else:
            yield _call(cursor, name, params, CompletionKind.FLOW, "flow", facts.decl.doc)


def _call(cursor: Cursor, name: str, params: Iterable[Field], kind: CompletionKind, result: str, doc: str) -> Completion:
    required = [param for param in params if param.is_required]
    args = ", ".join(f"{field_text(param.name)}: ${{{i}:{_sample(param.type)}}}" for i, param in enumerate(required, 1))
    label = name.removeprefix(cursor.prefix)
    return Completion(label, kind, cursor.span, f"{label}({args})$0", result, doc, rank=1, is_snippet=True)


def _sample(type_: Type) -> str:
    inner = type_.value if isinstance(type_, OptionalType) else type_
    return (
        '""'
        if inner is STRING
        else "true"
        if inner is BOOL
        else ""
        if not isinstance(inner, EnumType)
        else f'"{inner.values[0]}"'
        if inner.values
        else ""
    )


def _events(analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    for name, event in analysis.interface.events.items():
        yield Completion(name, CompletionKind.EVENT, cursor.span, name, str(event.payload), event.doc)


def _params(analysis: Analysis, cursor: Cursor) -> tuple[Field, ...] | None:
    """The parameters of the called action, event or flow; None for a function."""
    callee = cursor.callee
    if callee[:1] in {'"', "'"}:
        event = analysis.interface.events.get(callee[1:-1])
        return () if event is None else event.payload.fields
    if callee in {"given", "with"}:
        facts = analysis.flow_at(cursor.span.start)
        test = next((each for each in path_at(analysis.file, cursor.span.start) if isinstance(each, s.TestDecl)), None)
        name = test.flow.text if test is not None else "" if facts is None else facts.decl.name.text
        return _flow_params(analysis, name) or ()
    spec: ActionSpec | None = analysis.interface.actions.get(callee)
    return spec.params if spec is not None else _flow_params(analysis, callee)


def _flow_params(analysis: Analysis, name: str) -> tuple[Field, ...] | None:
    facts = analysis.flows.get(name)
    if facts is None:
        return None
    names = [param.name.text for param in facts.decl.params or ()]
    return tuple(Field(each, facts.symbols[each].type) for each in names if each in facts.symbols)


def _arguments(cursor: Cursor, params: Iterable[Field]) -> Iterator[Completion]:
    for param in params:
        if param.name not in cursor.given:
            rank = 0 if param.is_required else 1
            yield Completion(
                param.name,
                CompletionKind.ARGUMENT,
                cursor.span,
                f"{field_text(param.name)}: ",
                str(param.type),
                param.doc,
                rank,
            )


# ---- by the tree


def _texts(analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    """The values that a text can have at its place."""
    spot = spot_at(analysis, cursor.span.start)
    outer = None if spot is None else _outer(spot, cursor.span.start)
    if isinstance(outer, tree.Call) and outer.function in {"calls", "emitted"}:
        known: Iterable[str] = analysis.interface.actions if outer.function == "calls" else analysis.interface.events
        yield from (Completion(name, CompletionKind.VALUE, cursor.span, name, rank=0) for name in known)
        return
    wanted = _wanted(analysis, spot, cursor.span.start)
    yield from (attrs.evolve(each, insert=each.insert[1:-1]) for each in _values(cursor, wanted) if each.insert[:1] == '"')


def _outer(spot: Spot, offset: int) -> object:
    """The expression around an expression, if there is one."""
    path = [each for each in path_at(spot.root.expr, offset) if isinstance(each, tree.Expr)]
    return path[-2] if len(path) > 1 else None


def _wanted(analysis: Analysis, spot: Spot | None, offset: int) -> Type | None:
    """The type that a value at a place should have: as an argument, as the other operand of a comparison, in a `case`."""
    if spot is None or spot.root.environment.expected is None:
        switch = next((each for each in reversed(path_at(analysis.file, offset)) if isinstance(each, s.Switch)), None)
        if switch is not None and any(
            value.span.start <= offset <= value.span.end for case in switch.cases for value in case.values
        ):
            subject = spot_at(analysis, switch.subject.span.end)
            return None if subject is None else subject.type_of(switch.subject)
    if spot is None:
        return None
    outer = _outer(spot, offset)
    if isinstance(outer, tree.Binary) and outer.operator in {"==", "!="}:
        return spot.type_of(outer.right if outer.left is spot.expr else outer.left)
    return spot.root.environment.expected if outer is None else None


def _values(cursor: Cursor, wanted: Type | None) -> Iterator[Completion]:
    inner = wanted.value if isinstance(wanted, OptionalType) else wanted
    if isinstance(inner, EnumType):
        for value in inner.values:
            yield Completion(value, CompletionKind.VALUE, cursor.span, f'"{value}"', str(inner), rank=0)
    elif inner is BOOL:
        yield from (Completion(word, CompletionKind.VALUE, cursor.span, word, "bool", rank=1) for word in ("true", "false"))


#: The missing rest of a statement that has no block yet.
_RESTS: Final = (" { }", " max 1 { }")


def _tried(analyst: Analyst, analysis: Analysis, span: Span, rest: str) -> tuple[Analysis, list[object]]:
    """The analysis of the text with a word at a place, and the path to that word in the tree."""
    trial = analyst.trial(f"{analysis.text[: span.start]}{_HERE}{rest}{analysis.text[span.end :]}")
    return trial, path_at(trial.file, span.start + 1)


def _by_tree(analyst: Analyst, analysis: Analysis, cursor: Cursor) -> Iterator[Completion]:
    span = cursor.span
    trial, path = _tried(analyst, analysis, span, "")
    for rest in _RESTS:
        if not any(isinstance(each, s.Broken | s.BrokenItem | s.BrokenSetting) for each in path):
            break
        trial, path = _tried(analyst, analysis, span, rest)
    if any(isinstance(each, s.NamedType) for each in path[-2:]):
        yield from _types(trial, cursor)
        return
    deps = next((each for each in path if isinstance(each, s.Deps)), None)
    if deps is not None:
        yield from _steps(trial, cursor, {name.text for name in deps.names})
        return
    spot = spot_at(trial, span.start + 1)
    if spot is None:
        return
    if (isinstance(spot.expr, tree.Select) and spot.expr.field.startswith(_HERE)) or (
        isinstance(spot.expr, tree.Call) and spot.expr.target is not None and spot.expr.function.startswith(_HERE)
    ):
        yield from _members(spot, spot.expr, cursor)
    elif isinstance(spot.expr, tree.Name):
        yield from _names(spot, cursor, _wanted(trial, spot, span.start + 1))


def _types(trial: Analysis, cursor: Cursor) -> Iterator[Completion]:
    for name in snippets.TYPES:
        yield Completion(name, CompletionKind.TYPE, cursor.span, name)
    for name, type_ in trial.interface.types.items():
        if name.startswith(cursor.prefix):
            label = name.removeprefix(cursor.prefix)
            yield Completion(label, CompletionKind.TYPE, cursor.span, label, doc=describing.declared_type(name, type_), rank=0)


def _steps(trial: Analysis, cursor: Cursor, given: set[str]) -> Iterator[Completion]:
    facts = trial.flow_at(cursor.span.start)
    if facts is None:
        return
    line = trial.lines.line_of(cursor.span.start) + 1
    own = [name for name, place in facts.builder.names.lines.items() if place == line]
    for name, place in facts.builder.names.lines.items():
        if name not in given and name not in own:
            detail = f"line {place}"
            yield Completion(name, CompletionKind.NAME, cursor.span, name, detail, rank=0 if place < line else 1)


def _members(spot: Spot, expr: tree.Select | tree.Call, cursor: Cursor) -> Iterator[Completion]:
    operand = expr.operand if isinstance(expr, tree.Select) else expr.target
    if operand is None:
        return
    given = spot.type_of(operand)
    inner = given.value if isinstance(given, OptionalType) else given
    if isinstance(inner, RecordType):
        for field in inner.fields:
            yield Completion(
                field.name, CompletionKind.FIELD, cursor.span, field_text(field.name), str(field.type), field.doc, rank=0
            )
    for name in _methods(given):
        insert = _SNIPPETS.get(name) or (f"{name}(${{1:each}}, $2)$0" if name in MACROS else f"{name}($1)$0")
        yield Completion(
            name, CompletionKind.FUNCTION, cursor.span, insert, doc=describing.function(name), rank=2, is_snippet=True
        )


#: Of macros with more than a variable and a value.
_SNIPPETS: Final = {
    "reduce": "reduce(${1:total}, ${2:each}, ${3:0}, $4)$0",
    "zip": "zip(${1:one}, ${2:other}, $3, $4)$0",
}


def _methods(type_: Type) -> list[str]:
    """The functions that can be called behind a value of a type."""
    if isinstance(type_, OptionalType):
        return ["hasValue", "orValue", "optMap"]
    plain = STRING if isinstance(type_, EnumType | ScalarType) else type_
    found = {
        row.function
        for row in TABLE.by_id.values()
        if row.is_method
        and row.params
        and (row.params[0] == plain or (type(row.params[0]) is type(plain) and isinstance(plain, ListType | MapType)))
    }
    if isinstance(plain, ListType | MapType):
        found |= {"all", "exists", "filter", "map", "reduce"}
    if isinstance(plain, ListType):
        found |= {"groupBy", "sortBy", "toMap", "zip"}
    if isinstance(plain, MapType | RecordType) or plain is JSON:
        found.add("merge")
    return sorted(name for name in found if name.isidentifier())


def _names(spot: Spot, cursor: Cursor, wanted: Type | None) -> Iterator[Completion]:
    environment = spot.root.surroundings()
    yield from _values(cursor, wanted)
    for name in [*spot.variables, *environment.variables]:
        type_ = spot.variables.get(name) or environment.variables.get(name)
        if type_ is None or name.startswith(_HERE) or not name.isidentifier():
            continue
        fits = wanted is not None and is_assignable(type_, wanted)
        yield Completion(name, CompletionKind.NAME, cursor.span, name, str(type_), rank=0 if fits else 1)
        record = type_
        if wanted is not None and not fits and isinstance(record, RecordType):
            for field in record.fields:
                if is_assignable(field.type, wanted):
                    path = f"{name}.{field_text(field.name)}"
                    yield Completion(path, CompletionKind.FIELD, cursor.span, path, str(field.type), field.doc, rank=0)
    for name in sorted({row.function for row in TABLE.by_id.values() if not row.is_method and row.function.isidentifier()}):
        if name not in RESERVED:
            yield Completion(name, CompletionKind.FUNCTION, cursor.span, f"{name}($1)$0", rank=3, is_snippet=True)
    yield from (Completion(word, CompletionKind.KEYWORD, cursor.span, word, rank=4) for word in ("true", "false", "null"))
