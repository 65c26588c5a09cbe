"""Navigation: the definition of a name, its references, and the edits that rename it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from dagflow.diagnostic import Edit, Span
from dagflow.errors import FlowInvalid, UsageError
from dagflow.expr import tree
from dagflow.ide.analysis import Analysis
from dagflow.ide.expression_cache import walk
from dagflow.ide.hovering import field_type
from dagflow.ide.occurrences import Kind, Occurrence, Target, inner, occurrence_at, occurrences
from dagflow.ide.tree_positions import spot_at
from dagflow.lang.check.imports import Sources, resolved
from dagflow.lang.edit.edits import RenameStep, edit_text
from dagflow.lang.edit.line_diff import edits_between
from dagflow.lang.edit.references import is_name
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.parser import parse_file
from dagflow.model.types import ListType, OptionalType, RecordType, Type

#: The kinds of names that an edit of this text alone can rename.
_RENAMED: Final = frozenset({Kind.STEP, Kind.INPUT, Kind.LOCAL, Kind.TYPE, Kind.EVENT, Kind.FLOW, Kind.IMPORT, Kind.FIELD})


@attrs.frozen
class Location:
    """A place in the text, or with a `path` in a file that it imports, whose text is `text`."""

    span: Span
    path: str = ""
    text: str = ""


def definition(analysis: Analysis, offset: int, sources: Sources | None = None, path: str = "") -> Location | None:
    """Where the name at a place is defined.

    Args:
        sources: as for `compile_text`, to find definitions in imported files; `path`: of this text among them.
    """
    found = occurrences(analysis)
    here = occurrence_at(found, offset)
    if here is None:
        return None
    target = _target(analysis, here, offset)
    defined = next((each for each in found if each.is_definition and each.target == target), None)
    if defined is not None:
        return Location(defined.span)
    if target.kind is Kind.STEP:
        call = _unnamed(analysis, target)
        return None if call is None else Location(call.callee.span)
    return _elsewhere(analysis, here, sources, path)


def references(analysis: Analysis, offset: int, *, with_definition: bool = True) -> list[Span]:
    """Every place where the name has the same meaning as at this place."""
    found = occurrences(analysis)
    here = occurrence_at(found, offset)
    if here is None:
        return []
    target = _target(analysis, here, offset)
    if target.kind is Kind.FIELD:
        spans = {
            each.span for each in found if _is_field(analysis, each, target) and (with_definition or not each.is_definition)
        }
        for each in analysis.seen:
            spans.update(_keys(each.expr, each.environment.expected, target))
        return sorted(spans, key=lambda span: span.start)
    return [each.span for each in found if each.target == target and (with_definition or not each.is_definition)]


@attrs.frozen
class Renaming:
    """A name that can be replaced: its place, and its text."""

    span: Span
    name: str


def renaming(analysis: Analysis, offset: int) -> Renaming | None:
    """Whether the name at a place can be renamed; None for names from outside: actions, functions, types of the host."""
    found = occurrences(analysis)
    here = occurrence_at(found, offset)
    if here is None or here.target.kind not in _RENAMED:
        return None
    target = _target(analysis, here, offset)
    is_ours = any(each.is_definition and each.target == target for each in found)
    if not is_ours and (target.kind is not Kind.STEP or _unnamed(analysis, target) is None):
        return None
    return Renaming(here.span, target.name)


def rename(analysis: Analysis, offset: int, name: str) -> tuple[Edit, ...]:
    """The edits that rename a name everywhere in the text; a step also gets a `was`, so that runs in progress find it.

    Raises:
        UsageError: the name cannot be renamed, or not to this name; the message says why.
    """
    here = occurrence_at(occurrences(analysis), offset)
    if here is None or renaming(analysis, offset) is None:
        raise UsageError("there is no name here that this text could change")
    target = _target(analysis, here, offset)
    if target.kind is Kind.EVENT:
        if not name or any(sign in name for sign in "\"'\\\n$"):
            raise UsageError(f"`{name}` is no name of an event; leave out quotes, `\\` and `$`")
    elif not is_name(name):
        raise UsageError(f"`{name}` is no name; names are made of a-z, A-Z, 0-9 and _, and are no words of the language")
    if target.kind is Kind.STEP and _is_statement(analysis, target):
        try:
            return edits_between(analysis.text, edit_text(analysis.text, RenameStep(target.name, name), flow=target.owner))
        except FlowInvalid as error:
            raise UsageError("the text has to be free of syntax errors to rename a step") from error
    return tuple(Edit(span, name) for span in references(analysis, offset))


def _is_statement(analysis: Analysis, target: Target) -> bool:
    """Whether a step is one that runs know by its name; a `let` or a label has no `was`, but is renamed the same."""
    return target.owner in analysis.flows


def _target(analysis: Analysis, here: Occurrence, offset: int) -> Target:
    """The meaning of a name; for a field, with the type it belongs to."""
    target = here.target
    if target.kind is not Kind.FIELD or target.owner:
        return target
    selected = field_type(spot_at(analysis, offset))
    return target if selected is None else attrs.evolve(target, owner=selected[0].name)


def _is_field(analysis: Analysis, each: Occurrence, target: Target) -> bool:
    if each.target.kind is not Kind.FIELD or each.target.name != target.name:
        return False
    if each.target.owner or not target.owner:
        return each.target == target
    return _target(analysis, each, each.span.end).owner == target.owner


def _keys(expr: object, wanted: Type | None, target: Target) -> Iterator[Span]:
    """Where a map that stands for a record names the field, in quotes."""
    inner_type = wanted.value if isinstance(wanted, OptionalType) else wanted
    match expr, inner_type:
        case tree.MapLiteral(), RecordType():
            for entry in expr.entries:
                key = entry.key
                if isinstance(key, tree.Literal) and isinstance(key.value, str):
                    if inner_type.name == target.owner and key.value == target.name:
                        yield Span(key.span.start + 1, key.span.end - 1)
                    field = inner_type.field(key.value)
                    yield from _keys(entry.value, None if field is None else field.type, target)
        case tree.ListLiteral(), ListType():
            for element in expr.elements:
                yield from _keys(element.value, inner_type.element, target)
        case tree.Conditional(), _:
            yield from _keys(expr.then, wanted, target)
            yield from _keys(expr.otherwise, wanted, target)
        case _:
            pass


def _unnamed(analysis: Analysis, target: Target) -> s.CallExpr | None:
    """The call without a name of its own, which is read by the last word of its callee."""
    facts = analysis.flows.get(target.owner)
    if facts is None:
        return None
    calls = (part.call for part in walk(facts.decl) if isinstance(part, s.CallStep) and part.name is None)
    return next((call for call in calls if call.callee.text.rpartition(".")[2] == target.name), None)


def _elsewhere(analysis: Analysis, here: Occurrence, sources: Sources | None, path: str) -> Location | None:
    """The declaration behind the name of an import, or the payload of an imported event."""
    head, dot, name = here.target.name.partition(".")
    is_event = here.target.kind is Kind.EVENT
    for item in analysis.file.items:
        if not isinstance(item, s.ImportDecl) or not (is_event or (dot and item.name.text == head)):
            continue
        wanted = resolved(path, item.path.value)
        text = None if wanted is None or sources is None else sources(wanted) if callable(sources) else sources.get(wanted)
        if wanted is None or text is None:
            continue
        for declared in parse_file(text)[0].items:
            own = _declared(declared)
            if own is not None and own[0] == (here.target.name if is_event else name):
                return Location(own[1], wanted, text)
    return None


def _declared(item: s.Item) -> tuple[str, Span] | None:
    match item:
        case s.TypeDecl() | s.ActionDecl() | s.FlowDecl():
            return item.name.text, item.name.span
        case s.EventDecl():
            return item.name.value, inner(item.name)
        case _:
            return None
