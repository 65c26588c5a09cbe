"""Types, actions, events and steps as a person reads them, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dagflow.expr.library.namespace import TABLE
from dagflow.model.action import ActionSpec, Effect, EventSpec
from dagflow.model.types import NULL, EnumType, Field, OptionalType, RecordType, Type, field_text

_EFFECTS: Final = {
    Effect.PURE: "pure: touches nothing",
    Effect.IDEMPOTENT: "idempotent: doing it twice does no harm",
    Effect.EFFECTFUL: "effectful: doing it twice does it twice",
    Effect.TRANSACTIONAL: "done with its checkpoint, exactly once",
}
_MOST_OVERLOADS: Final = 6

#: The built-in names of every flow.
BUILTINS: Final = {
    "now": "The instant this step is ready; the same when the run is resumed.",
    "run": "The run itself: its id.",
    "trigger": "What began the run.",
    "secrets": "What the host keeps; only arguments of type `Secret` take one.",
}


def code(text: str) -> str:
    """A piece of a flow, on lines of its own."""
    return f"```flow\n{text}\n```"


def paragraphs(*parts: str) -> str:
    """The parts that are not empty, with a blank line between them."""
    return "\n\n".join(part for part in parts if part)


def action(spec: ActionSpec) -> str:
    """The signature of an action, its documentation and its effect."""
    result = "" if spec.result is NULL else f" -> {spec.result}"
    key = ", with an effect key" * spec.takes_key + ", at most once" * spec.at_most_once
    return paragraphs(
        code(f"action {spec.name}({fields(spec.params)}){result}"),
        spec.doc,
        f"*{_EFFECTS[spec.effect]}{key}*",
        docs_of(spec.params),
    )


def event(spec: EventSpec) -> str:
    """An event with its payload."""
    return paragraphs(code(f'event "{spec.name}" {body(spec.payload.fields)}'), spec.doc, docs_of(spec.payload.fields))


def flow(name: str, params: Iterable[Field], result: Type, doc: str) -> str:
    """The signature of a flow."""
    arrow = "" if result is NULL else f" -> {result}"
    return paragraphs(code(f"flow {name}({fields(params)}){arrow}"), doc)


def declared_type(name: str, type_: Type, doc: str = "") -> str:
    """A type with its name and its definition."""
    match type_:
        case RecordType():
            return paragraphs(code(f"type {name} {body(type_.fields)}"), doc, docs_of(type_.fields))
        case EnumType():
            return paragraphs(code(f"type {name} = " + " | ".join(f'"{value}"' for value in type_.values)), doc)
        case _:
            return paragraphs(code(f"type {name}"), doc or f"`{type_}`")


def named(name: str, type_: Type, *notes: str) -> str:
    """A name and its type, with the definition of a type that has a name."""
    inner = type_.value if isinstance(type_, OptionalType) else type_
    if isinstance(type_, RecordType) and " " in type_.name:  # of tests: it has no declaration
        return paragraphs(code(f"{name}: {body(type_.fields)}"), *notes)
    has_name = isinstance(inner, RecordType | EnumType) and inner.name
    return paragraphs(code(f"{name}: {type_}"), *notes, declared_type(inner.name, inner) if has_name else "")  # type: ignore[union-attr]


def function(name: str) -> str:
    """The forms of a function of expressions; empty for none."""
    found = [row.id + f" -> {row.result}" for row in TABLE.by_id.values() if row.function == name]
    more = len(found) - _MOST_OVERLOADS
    return code("\n".join(found[:_MOST_OVERLOADS] + ([f"// and {more} more"] if more > 0 else []))) if found else ""


def fields(given: Iterable[Field]) -> str:
    """Parameters as they are declared."""
    return ", ".join(f"{field_text(each.name)}: {each.type}" + (" = …" if each.has_default else "") for each in given)


def body(given: tuple[Field, ...]) -> str:
    """The fields of a record, one a line."""
    return "{\n" + "".join(f"  {field_text(each.name)}: {each.type},\n" for each in given) + "}" if given else "{ }"


def docs_of(given: Iterable[Field]) -> str:
    """The documentation of fields or parameters, one per line."""
    return "\n".join(f"- `{each.name}`: {each.doc}" for each in given if each.doc)
