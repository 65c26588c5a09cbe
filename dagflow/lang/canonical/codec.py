"""Canonical JSON: a file of flows as data, for forms, diffs and programs, and back.

The data hold every declaration and step, expressions as CEL text, places as offsets into `text`, which is the file in the style
of `dagflow fmt`. A program that changes the data may leave `text` and all `span`s unchanged, or omit them: the data decide.
Only a `text` that means the same as the data is used, with its comments and its layout; so text → JSON → text is the formatter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

import attrs

from dagflow.diagnostic import Diagnostic
from dagflow.errors import DagflowBug, FlowInvalid, UsageError
from dagflow.lang.canonical.to_json import Plain, StepWriter, present
from dagflow.lang.canonical.to_text import write_file
from dagflow.lang.canonical.validate import check_shape
from dagflow.lang.diagnostics import render
from dagflow.lang.format.formatter import flat_texts
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.format.trivia import find_gaps
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import lex
from dagflow.lang.syntax.parser import parse_file
from dagflow.model.typeguards import is_list, is_object
from dagflow.model.wire.json_reader import LocatedJson, pointer_step

VERSION: Final = 1
#: Keys without a meaning for the flow; in changed data they may be out of date.
_ASIDE: Final = frozenset(["span", "text", "comments"])


def to_data(text: str, *, flow: str | None = None, filename: str = "<flow>") -> Plain:
    """A `.flow` text as canonical JSON.

    Args:
        text: of a `.flow` file; it is formatted first, and places count in the formatted text.
        flow: only this one, the flows it calls, and the declarations. The data have no `text` then.
        filename: what messages call the text.

    Raises:
        FlowInvalid: the text does not parse.
        UsageError: it has no flow of that name.
    """
    formatted = format_text(text, filename=filename)
    file, diagnostics = parse_file(formatted)
    if diagnostics:
        raise FlowInvalid(diagnostics, render(diagnostics, formatted, filename))
    items = _Exporter(formatted).items(file)
    if flow is None:
        return {"dagflow": VERSION, "items": items, "text": formatted}
    return {"dagflow": VERSION, "items": _with_callees(items, flow, filename)}


def from_data(located: LocatedJson, filename: str = "") -> tuple[str | None, list[Diagnostic]]:
    """The `.flow` text that canonical JSON means, or its errors, each with a JSON pointer."""
    found = check_shape(located, filename)
    data = located.value
    if found or not is_object(data):
        return None, found
    own = data.get("text")
    if isinstance(own, str) and _says(own, data):
        return format_text(own), []
    pointer, broken = _unreadable(data)
    if broken is not None:
        return None, [attrs.evolve(broken, span=located.spans[pointer], fix=None, file=filename, pointer=pointer)]
    text = format_text(write_file(data))
    pointer = _difference(to_data(text)["items"], data["items"], "/items") or ""
    if pointer:
        return None, [_not_kept(pointer, located, filename)]
    return text, []


def _not_kept(pointer: str, located: LocatedJson, filename: str) -> Diagnostic:
    known = max((each for each in located.spans if pointer.startswith(each)), key=len)
    return Diagnostic(
        code="E111", title="this cannot be written in a flow", span=located.spans[known], label="it would parse differently",
        help="write it as `dagflow export` does", file=filename, pointer=known,
    )  # fmt: skip


def _says(text: str, data: Mapping[str, object]) -> bool:
    try:
        return _difference(to_data(text)["items"], data["items"], "/items") is None
    except FlowInvalid:
        return False


def _unreadable(data: Mapping[str, object]) -> tuple[str, Diagnostic | None]:
    """The first declaration, or the step of a flow, whose text does not parse (a step called `wait`), and why not."""
    for i, item in enumerate(_objects(data["items"])):
        found = parse_file(write_file({"items": [item]}))[1]
        if found:
            for j, step in enumerate(_objects(item.get("steps", []))):
                inner = parse_file(write_file({"items": [{**item, "steps": [step]}]}))[1]
                if inner:
                    return f"/items/{i}/steps/{j}", inner[0]
            return f"/items/{i}", found[0]  # pragma: no cover - the steps have been read one by one
    return "", None


def _objects(value: object) -> list[Plain]:
    return [each for each in value if is_object(each)] if is_list(value) else []


def _difference(read: object, given: object, pointer: str) -> str | None:
    """The first difference between the data as read back and the data as passed, as a JSON pointer; None if there is none."""
    if not read and not given:
        return None  # an empty list is as good as none
    if is_object(read) and is_object(given):
        keys = {"text"} if given.get("kind") == "test" else {*read, *given} - _ASIDE
        parts = [(read.get(key), given.get(key), pointer_step(pointer, key)) for key in sorted(keys)]
    elif is_list(read) and is_list(given) and len(read) == len(given):
        parts = [(a, b, pointer_step(pointer, i)) for i, (a, b) in enumerate(zip(read, given, strict=True))]
    elif isinstance(read, str) and isinstance(given, str):
        return None if read == given or _words(read) == _words(given) else pointer
    else:
        return None if read == given else pointer
    return next((found for a, b, inner in parts if (found := _difference(a, b, inner)) is not None), None)


def _words(text: str) -> list[str]:
    return [token.text for token in lex(text).tokens]


class _Exporter:
    def __init__(self, text: str) -> None:
        self._text = text
        tokens = lex(text).tokens
        gaps = find_gaps(text, tokens)
        self._comments = {
            tokens[i].start: [c.text for c in gap.own_lines if not c.text.startswith("///")]
            for i, gap in gaps.items()
            if i < len(tokens)
        }
        self._steps = StepWriter(flat_texts(text), lambda offset: self._comments.get(offset, []))

    def items(self, file: s.File) -> list[Plain]:
        return [present(self._item(item)) for item in file.items]

    def _item(self, item: s.Item) -> Plain:
        steps, span = self._steps, item.span
        match item:
            case s.ImportDecl():
                return {**steps.head("import", span), "path": item.path.value, "name": item.name.text}
            case s.TypeDecl():
                return {**steps.head("type", span, item.doc), "name": item.name.text, **self._type(item)}
            case s.EventDecl():
                return {**steps.head("event", span, item.doc), "name": item.name.value, "fields": steps.fields(item.fields)}
            case s.ActionDecl():
                result = None if item.result is None else steps.flat(item.result.span)
                return {
                    **steps.head("action", span, item.doc), "name": item.name.text, "params": steps.fields(item.params),
                    "result": result, "effect": item.effect, "by_key": item.takes_key or None,
                    "on_unknown": "fail" if item.at_most_once else None,
                }  # fmt: skip
            case s.FlowDecl():
                return {
                    **steps.head("flow", span, item.doc), "name": item.name.text,
                    "params": None if item.params is None else steps.fields(item.params),
                    "result": None if item.result is None else steps.flat(item.result.span),
                    "settings": [steps.setting(setting) for setting in item.settings], "steps": steps.block(item.body),
                    "on_error": steps.handler(item.handler),
                }  # fmt: skip
            case s.TestDecl():
                return {**steps.head("test", span), "flow": item.flow.text, "text": self._text[span.start : span.end]}
            case s.BrokenItem():  # pragma: no cover - what does not parse is refused before
                raise DagflowBug("an unparsed declaration reached the export; please report the flow")
            case _:
                assert_never(item)

    def _type(self, item: s.TypeDecl) -> Plain:
        """The fields of `type T {…}`, or the text behind the `=` of `type T = …`."""
        type_ = item.type
        if isinstance(type_, s.RecordTypeExpr) and type_.span == item.span:
            return {"fields": self._steps.fields(type_.fields)}
        return {"is": self._steps.flat(type_.span)}


def _with_callees(items: list[Plain], name: str, filename: str) -> list[Plain]:
    """The declarations, the flow of that name, and every flow of the file it calls."""
    flows = {str(item["name"]): item for item in items if item["kind"] == "flow"}
    if name not in flows:
        raise UsageError(f"{filename} has no flow `{name}`; it has: {', '.join(flows) or 'none'}")
    wanted = [name]
    for each in wanted:
        wanted += [callee for callee in _called(flows[each]) if callee in flows and callee not in wanted]
    kept = [
        item for item in items if item["kind"] not in {"flow", "test"} or (item["kind"] == "flow" and item["name"] in wanted)
    ]
    return [item for item in (_unplaced(item) for item in kept) if is_object(item)]


def _called(data: object) -> Iterator[str]:
    if is_object(data):
        if isinstance(data.get("action"), str):
            yield str(data["action"])
        for value in data.values():
            yield from _called(value)
    elif is_list(data):
        for value in data:
            yield from _called(value)


def _unplaced(data: object) -> object:
    if is_object(data):
        return {key: _unplaced(value) for key, value in data.items() if key != "span"}
    return [_unplaced(value) for value in data] if is_list(data) else data
