"""The action list: one JSON object, `{"name": …, "actions": [{"type": …, "data": {…}}, …]}`, converted to the text of a flow.

The actions are steps from top to bottom; a `filter` ends the run where its field has another value. An action list does not declare
the event that starts it: the importer is given one, or declares one with the fields that filters and recipients name. The
result is a text for a person to read and continue; all errors of the JSON are reported at once, each with a JSON pointer and a place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs

from dagflow.diagnostic import Diagnostic, Span, nearest
from dagflow.lang.importers.durations import duration_literal
from dagflow.lang.literals import identifier, kind_of, quoted, shown
from dagflow.lang.syntax.keywords import NO_STEP_NAMES
from dagflow.model.action import EventSpec
from dagflow.model.typeguards import is_list, is_object
from dagflow.model.types import (
    BOOL,
    DOUBLE,
    INT,
    JSON,
    STRING,
    EnumType,
    OptionalType,
    ScalarType,
    Type,
)
from dagflow.model.wire.json_reader import JsonTextError, LocatedJson, locate_json, pointer_step
from dagflow.model.wire.text_forms import check_email

_EMAIL: Final = ScalarType("Email")
_FIELD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_Json: TypeAlias = dict[str, object]
#: Keys of `data`, by type of action: needed ones, then others.
_KEYS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "filter": (("field", "value"), ()),
    "email": (("template", "to"), ("subject",)),
    "slack": (("channel",), ("text",)),
    "wait": (("duration",), ()),
    "sleep": (("duration",), ()),
}
#: The actions of every host, which no flow can be called like.
_ACTIONS: Final = frozenset({"email", "log", "slack"})
#: Names that mean something else in a flow.
_TAKEN: Final = frozenset({"email", "event", "now", "run", "secrets", "slack", "trigger"})


def import_action_list(
    text: str,
    *,
    event: EventSpec | None = None,
    aliases: Mapping[str, str] | None = None,
    is_declared: bool = False,
    filename: str = "",
) -> tuple[str | None, list[Diagnostic]]:
    """Make the text of a flow from an action list.

    Args:
        text: the JSON.
        event: the event that starts the flow, and has the fields that filters and recipients name. Without one the text declares an
            event with these fields; its name is that of the list.
        aliases: further recipients: a name, and the field or the e-mail address it stands for.
        is_declared: whether the host knows the event already, so that the text need not declare it.
        filename: the name of the text in diagnostics.

    Returns:
        The text, or None if there is an error; and the diagnostics in the order of the text, each with a JSON pointer.
    """
    try:
        located = locate_json(text)
    except JsonTextError as error:
        span = error.span if error.span.end > error.span.start else Span(error.span.start, error.span.start)
        diagnostic = Diagnostic(
            code="E110",
            title="not valid JSON",
            span=span,
            label=error.message,
            help=error.hint,
            file=filename,
            pointer=error.pointer,
        )
        return None, [diagnostic]
    importer = _Importer(located, event, dict(aliases or {}), filename, is_declared)
    flow = importer.flow()
    found = sorted(importer.diagnostics, key=lambda diagnostic: diagnostic.span.start)
    return (None if found else flow), found


@attrs.define(eq=False)
class _Importer:
    """One import. Goes on after each problem, to report all of them; the text is only used if there is none."""

    located: LocatedJson
    event: EventSpec | None
    aliases: dict[str, str]
    filename: str
    is_declared: bool
    diagnostics: list[Diagnostic] = attrs.field(factory=list)
    filtered: list[str] = attrs.field(factory=list)
    names: set[str] = attrs.field(factory=set)
    recipients: set[str] = attrs.field(factory=set)
    #: The fields of the event, in declared order, or as the actions name them.
    fields: dict[str, Type] = attrs.field(factory=dict[str, Type])

    def __attrs_post_init__(self) -> None:
        if self.event is not None:
            self.fields = {field.name: field.type for field in self.event.payload.fields}

    def flow(self) -> str:
        root = self._object(self.located.value, "", ("name", "actions"), ())
        title = self._text(root, "", "name")
        actions = root.get("actions", [])
        if not is_list(actions):
            self._wrong("/actions", "`actions` is a list", f"this is {kind_of(actions)}", "write `[ … ]` around the actions")
            actions = list[object]()
        elif not actions and "actions" in root:
            self._wrong("/actions", "there are no actions", "the list is empty", "add at least one action")
        steps = [self._action(action, f"/actions/{index}", title) for index, action in enumerate(actions)]
        doc = " ".join(title.split())
        name = identifier(title, "imported")
        if name in _ACTIONS:  # a call of that name could mean either
            name = f"{name}_flow"
        lines = [
            f"/// {doc}",
            f"flow {name} {{",
            f"  on event {quoted(self._event_name(name))} as event",
            "",
        ]
        lines += [f"  {step}" for step in steps]
        return ("" if self.is_declared else self._declaration(self._event_name(name))) + "\n".join([*lines, "}", ""])

    def _event_name(self, flow: str) -> str:
        return flow if self.event is None else self.event.name

    def _declaration(self, event: str) -> str:
        types = {name: "Email" if name in self.recipients else type_ for name, type_ in self.fields.items()}
        fields = "\n".join(f"  {name}: {type_}," for name, type_ in types.items())
        return f"event {quoted(event)} {{\n{fields}\n}}\n\n" if fields else f"event {quoted(event)} {{}}\n\n"

    def _field(self, name: str, type_: Type | None) -> Type | None:
        """The type of a field; where the list alone declares the event, a name it has not used before is a field of that type."""
        if self.event is None and type_ is not None and _FIELD_NAME.fullmatch(name):
            return self.fields.setdefault(name, type_)
        return self.fields.get(name)

    def _action(self, action: object, pointer: str, title: str) -> str:
        found = self._object(action, pointer, ("type", "data"), ())
        if not found:
            return ""
        kind = found.get("type")
        if "type" in found and (not isinstance(kind, str) or kind not in _KEYS):
            self._unknown_type(kind, f"{pointer}/type")
        if not isinstance(kind, str) or kind not in _KEYS:
            return ""
        if "data" not in found:
            return ""
        place = f"{pointer}/data"
        data = self._object(found["data"], place, *_KEYS[kind])
        match kind:
            case "filter":
                return self._filter(data, place)
            case "email":
                return self._email(data, place)
            case "slack":
                return self._slack(data, place, title)
            case _:
                return self._wait(data, place)

    def _filter(self, data: _Json, pointer: str) -> str:
        name = self._text(data, pointer, "field")
        type_ = self._field(name, _type_of(data.get("value")))
        if name and type_ is None and (self.event is not None or _FIELD_NAME.fullmatch(name) is None):
            self._unknown_field(name, f"{pointer}/field", "E111", "field")
            return ""
        if "value" not in data:
            return ""
        if name not in self.filtered:
            self.filtered.append(name)
        value, place = data["value"], f"{pointer}/value"
        literal = _literal(value)
        if literal is None:
            self._wrong(
                place, "a filter compares with one value", f"this is {kind_of(value)}", "write a text, a number, true or false"
            )
        elif type_ is not None and not _fits(value, type_):
            title = f"`{name}` is {_type_words(type_)}"
            self._wrong(place, title, f"this is {kind_of(value)}", "the filter would always be false")
        elif isinstance(type_, EnumType) and value not in type_.values:
            meant = nearest(str(value), type_.values)
            listed = ", ".join(type_.values)
            self._wrong(
                place, f"`{name}` never has this value", f"it is one of {listed}", f'did you mean "{meant}"?' if meant else ""
            )
        if isinstance(type_, OptionalType):
            literal = f"optional.of({literal})"
        return f"filter event.{name} == {literal}"

    def _email(self, data: _Json, pointer: str) -> str:
        template = self._text(data, pointer, "template")
        arguments = [f"template: {quoted(template)}", f"to: {self._recipient(data, pointer)}"]
        if "subject" in data:
            arguments.append(f"subject: {quoted(self._text(data, pointer, 'subject'))}")
        return f"{self._step_name(template, 'email')} = email({', '.join(arguments)})"

    def _recipient(self, data: _Json, pointer: str) -> str:
        name = self._text(data, pointer, "to")
        place = f"{pointer}/to"
        target = self.aliases.get(name, name)
        type_ = self._field(target, STRING)
        if type_ is not None:
            if type_ == _EMAIL:
                return f"event.{target}"
            if type_ == STRING and self.is_declared:
                return f"Email(event.{target})"
            if type_ == STRING:  # the text declares the event, so a recipient decides the type of its field
                self.recipients.add(target)
                return f"event.{target}"
            self._wrong(
                place, f"`{name}` is not a recipient", f"it is {_type_words(type_)}", "name a field with an e-mail address"
            )
            return '""'
        if "@" in target:
            try:
                check_email(target)
            except ValueError as error:
                self._wrong(place, "not an e-mail address", str(error), "write one address, or the name of a field")
            return quoted(target)
        if name:
            self._unknown_field(name, place, "E208", "recipient")
        return '""'

    def _slack(self, data: _Json, pointer: str, title: str) -> str:
        channel = self._text(data, pointer, "channel")
        if "text" in data:
            text = quoted(self._text(data, pointer, "text"))
        else:
            about = ", ".join(f"{name} is ${{event.{name}}}" for name in self.filtered)
            text = quoted(title)[:-1] + (f": {about}" if about else "") + '"'
        return f"{self._step_name('notify', 'notify')} = slack(channel: {quoted(channel)}, text: {text})"

    def _wait(self, data: _Json, pointer: str) -> str:
        if "duration" not in data:
            return ""
        value, place = data["duration"], f"{pointer}/duration"
        if not isinstance(value, str):
            hint = f'write a duration, such as "{value} days"' if type(value) in {int, float} else 'write "2 days"'
            self._wrong(place, "a duration is a text with a unit", f"this is {kind_of(value)}", hint)
            return ""
        try:
            return f"wait {duration_literal(value)}"
        except ValueError as error:
            self._wrong(place, "not a duration", "not a valid duration", str(error))
            return ""

    def _object(self, value: object, pointer: str, needed: tuple[str, ...], others: tuple[str, ...]) -> _Json:
        """The object, with its keys checked; empty if it is none."""
        if not is_object(value):
            what = f"`{pointer.rpartition('/')[2]}` is an object" if pointer.endswith("data") else "an object is expected here"
            keys = ", ".join(f'"{key}": …' for key in needed)
            self._wrong(pointer, what, f"this is {kind_of(value)}", f"write {{{keys}}}")
            return {}
        known = (*needed, *others)
        for key in value:
            if key not in known:
                meant = nearest(key, [name for name in known if name not in value])
                hint = f'did you mean "{meant}"?' if meant else f"the keys here are {', '.join(known)}"
                inner = pointer_step(pointer, key)
                span = self.located.key_spans[inner]
                self._add("E111", f"unknown key `{shown(key)}`", span, inner, label="nothing has this name", hint=hint)
        missing = [key for key in needed if key not in value]
        for key in missing:
            start = self.located.spans[pointer].start
            hint = f'add "{key}": …'
            self._add(
                "E111", f'"{key}" is missing', Span(start, start + 1), pointer, label=f'this object needs "{key}"', hint=hint
            )
        return value

    def _text(self, values: _Json, pointer: str, key: str) -> str:
        """The text at a key; empty, with a report, if it is no text or empty. A missing key has been reported before."""
        if key not in values:
            return ""
        value, place = values[key], f"{pointer}/{key}"
        if not isinstance(value, str):
            self._wrong(place, f"`{key}` is a text", f"this is {kind_of(value)}", "write it in double quotes")
            return ""
        if not value.strip():
            self._wrong(place, f"`{key}` is empty", "there is nothing in it", "write something between the quotes")
        return value

    def _step_name(self, wanted: str, fallback: str) -> str:
        base = identifier(wanted, fallback)
        if base in NO_STEP_NAMES | _TAKEN:
            base = f"{base}_{fallback}" if base != fallback else f"{base}_1"
        name, number = base, 2
        while name in self.names:
            name, number = f"{base}_{number}", number + 1
        self.names.add(name)
        return name

    def _unknown_type(self, kind: object, pointer: str) -> None:
        if not isinstance(kind, str):
            self._wrong(pointer, "`type` is a text", f"this is {kind_of(kind)}", f"the types are {', '.join(_KEYS)}")
            return
        meant = nearest(kind, list(_KEYS))
        hint = f'did you mean "{meant}"?' if meant else f"the types are {', '.join(_KEYS)}"
        self._wrong(pointer, f"unknown type of action `{shown(kind)}`", "there is no such action", hint)

    def _unknown_field(self, name: str, pointer: str, code: str, what: str) -> None:
        known = [*self.fields, *self.aliases]
        meant = nearest(name, known)
        if self.event is None:
            hint = "the name of a field has letters, digits and `_`"
        else:
            hint = f'did you mean "{meant}"?' if meant else f"the event has {', '.join(known)}"
        title = f"unknown {what} `{shown(name)}`"
        self._add(code, title, self.located.spans[pointer], pointer, label="not a field of the event", hint=hint)

    def _wrong(self, pointer: str, title: str, label: str, hint: str) -> None:
        self._add("E111", title, self.located.spans[pointer], pointer, label=label, hint=hint)

    def _add(self, code: str, title: str, span: Span, pointer: str, *, label: str, hint: str) -> None:
        self.diagnostics.append(
            Diagnostic(code=code, title=title, span=span, label=label, help=hint, file=self.filename, pointer=pointer)
        )


def _literal(value: object) -> str | None:
    match value:
        case str():
            return quoted(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case _:
            return None


def _type_of(value: object) -> Type | None:
    """The type that a field compared with the value has; None for what no filter compares with."""
    types: dict[type, Type] = {str: STRING, bool: BOOL, int: INT, float: DOUBLE}
    return types.get(type(value))


def _fits(value: object, type_: Type) -> bool:
    """Whether a comparison with the value can be true."""
    match type_:
        case OptionalType(inner):
            return _fits(value, inner)
        case EnumType() | ScalarType():
            return isinstance(value, str)
        case _:
            kinds: dict[Type, tuple[type, ...]] = {
                STRING: (str,),
                BOOL: (bool,),
                INT: (int, float),
                DOUBLE: (int, float),
                JSON: (str, bool, int, float),
            }
            wanted = kinds.get(type_, ())
            return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))


def _type_words(type_: Type) -> str:
    words: dict[Type, str] = {STRING: "a text", BOOL: "true or false", INT: "a number", DOUBLE: "a number"}
    return words.get(type_, f"of type {type_}")
