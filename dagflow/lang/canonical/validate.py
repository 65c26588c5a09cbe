"""Is this canonical JSON? Its shape against the published schema, and every text in it against the grammar; all that is wrong, by place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

import attrs

from dagflow.diagnostic import Diagnostic, Span, nearest
from dagflow.lang.canonical.schema import SCHEMA
from dagflow.lang.format.trivia import find_gaps
from dagflow.lang.limits import EXPRESSION_CHARS
from dagflow.lang.literals import kind_of, shown
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import lex
from dagflow.lang.syntax.parser import parse_expression, parse_file
from dagflow.model.typeguards import is_list, is_object
from dagflow.model.wire.json_reader import LocatedJson, pointer_step

_Schema = Mapping[str, object]
_DEFINITIONS: Final = cast("Mapping[str, _Schema]", SCHEMA["$defs"])
_WORDS: Final = {
    "string": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
_MOST: Final = 50


def check_shape(located: LocatedJson, filename: str) -> list[Diagnostic]:
    """What keeps the JSON from being a file of flows, in the order of the text."""
    check = _Check(located, filename)
    check.value(located.value, SCHEMA, "")
    return sorted(check.found[:_MOST], key=lambda diagnostic: diagnostic.span.start)


@attrs.define(eq=False)
class _Check:
    located: LocatedJson
    filename: str
    found: list[Diagnostic] = attrs.field(factory=list)

    def value(self, value: object, schema: _Schema, pointer: str) -> None:
        """Check a value against a schema; each problem is reported once."""
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        n_before = len(self.found)
        if name:
            self.value(value, _DEFINITIONS[name], pointer)
        elif "oneOf" in schema:
            self._one_of(value, [str(cast("_Schema", each)["$ref"]) for each in cast("list[object]", schema["oneOf"])], pointer)
        elif "anyOf" in schema:
            shapes = cast("list[_Schema]", schema["anyOf"])
            self.value(value, shapes[0] if is_list(value) else shapes[1], pointer)
        elif "const" in schema or "enum" in schema:
            self._constant(value, cast("list[object]", schema.get("enum", [schema.get("const")])), pointer)
        else:
            self._typed(value, schema, pointer)
        if len(self.found) == n_before:
            self._read(value, name, pointer)

    def _one_of(self, value: object, refs: list[str], pointer: str) -> None:
        kinds = {
            ref.rpartition("/")[2].rpartition("_")[2] if not ref.endswith("wait_event") else "wait_event": ref for ref in refs
        }
        if not is_object(value):
            self._wrong(
                pointer,
                "an object is expected here",
                f"this is {kind_of(value)}",
                f'write {{"kind": "{next(iter(kinds))}", …}}',
            )
        elif "kind" not in value:
            self._wrong(pointer, '"kind" is missing', 'this object needs "kind"', f"the kinds here are {', '.join(kinds)}")
        elif not isinstance(value["kind"], str) or value["kind"] not in kinds:
            self._constant(value["kind"], list[object](kinds), f"{pointer}/kind")
        else:
            self.value(value, {"$ref": kinds[value["kind"]]}, pointer)

    def _constant(self, value: object, allowed: list[object], pointer: str) -> None:
        if any(value == each and type(value) is type(each) for each in allowed):
            return
        words = [str(each) for each in allowed]
        meant = nearest(value, words) if isinstance(value, str) else None
        label = f"`{shown(value)}` is none of those known" if isinstance(value, str) else f"this is {kind_of(value)}"
        hint = f'did you mean "{meant}"?' if meant else f"write {' or '.join(words)}"
        self._wrong(pointer, f"`{pointer.rpartition('/')[2]}` has another value", label, hint)

    def _typed(self, value: object, schema: _Schema, pointer: str) -> None:
        wanted = str(schema["type"])
        fits = {
            "string": isinstance(value, str),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "array": is_list(value),
            "object": is_object(value),
        }
        if not fits[wanted]:
            self._wrong(pointer, f"{_WORDS[wanted]} is expected here", f"this is {kind_of(value)}", f"write {_WORDS[wanted]}")
        elif is_object(value):
            self._object(value, schema, pointer)
        elif is_list(value):
            for index, each in enumerate(value):
                self.value(each, cast("_Schema", schema["items"]), pointer_step(pointer, index))
        elif isinstance(value, str) and "pattern" in schema and re.search(str(schema["pattern"]), value) is None:
            self._wrong(
                pointer,
                f"`{shown(value)}` is not allowed here",
                "this is not a valid name or comment",
                "names consist of a-z, A-Z, 0-9 and _",
            )
        elif isinstance(value, int) and value < cast("int", schema.get("minimum", value)):
            self._wrong(pointer, "a number is too small", "this is less than 0", "write 0 or more")

    def _object(self, value: Mapping[str, object], schema: _Schema, pointer: str) -> None:
        properties = cast("Mapping[str, _Schema]", schema["properties"])
        for key in cast("list[str]", schema["required"]):
            if key not in value:
                self._wrong(pointer, f'"{key}" is missing', f'this object needs "{key}"', f'add "{key}": …')
        for key, each in value.items():
            inner = pointer_step(pointer, key)
            if key in properties:
                self.value(each, properties[key], inner)
                continue
            meant = nearest(key, [name for name in properties if name not in value])
            hint = f'did you mean "{meant}"?' if meant else f"the keys here are {', '.join(properties)}"
            self._add(
                "E111", f"unknown key `{shown(key)}`", self.located.key_spans[inner], inner, "nothing has this name", hint
            )

    def _read(self, value: object, name: str, pointer: str) -> None:
        """Check beyond the shape: whether texts parse as their kind."""
        if name == "expression" and is_object(value):
            self._grammar(str(value["cel"]), parse_expression(str(value["cel"]))[1], f"{pointer}/cel", "an expression")
        elif name == "type_text":
            file, said = parse_file(f"type T = {value}")
            self._grammar(str(value), said, pointer, "a type", reads=[type(item) for item in file.items] == [s.TypeDecl])
        elif name == "item_test" and is_object(value):
            text = str(value["text"])
            file, said = parse_file(text)
            self._grammar(
                text, said, f"{pointer}/text", "a test", reads=[type(item) for item in file.items] == [s.TestDecl], is_long=True
            )
        elif is_object(value) and name in {"item_type", "step_wait"}:
            one, other = ("fields", "is") if name == "item_type" else ("for", "until")
            if (one in value) == (other in value):
                self._wrong(pointer, f'this needs "{one}" or "{other}"', "it has both or none of them", "write one of them")
        elif is_object(value) and name in {"setting_on", "after"}:
            self._together(value, name, pointer)

    def _together(self, value: Mapping[str, object], name: str, pointer: str) -> None:
        """Keys that come with a value of another one, and not without it."""
        if name == "after":
            self._needs(value, pointer, "count", value["join"], {"some"})
            if not value["steps"]:
                self._wrong(f"{pointer}/steps", "`after` names steps", "there are none", "name at least one step")
            return
        word = value["trigger"]
        self._needs(value, pointer, "name", word, {"event", "cron", "webhook"})
        self._needs(value, pointer, "every", word, {"every"})
        self._needs(value, pointer, "catchup_within", value.get("catchup", "last"), {"all"})
        for key, kinds in (("zone", {"cron"}), ("overlap", {"cron", "every"}), ("catchup", {"cron", "every"})):
            if key in value and word not in kinds:
                kind = " or ".join(f"`{kind}`" for kind in sorted(kinds))
                self._wrong(f"{pointer}/{key}", f'"{key}" must belong to {kind}', f"this is `{word}`", f'remove "{key}"')

    def _needs(self, value: Mapping[str, object], pointer: str, key: str, word: object, words: set[str]) -> None:
        """A key that is there for some words and for no other one."""
        needs = word in words
        if needs != (key in value):
            self._wrong(
                pointer,
                f'"{key}" is missing' if needs else f'"{key}" is not allowed here',
                f"this is `{word}`",
                f'add or remove "{key}"',
            )

    def _grammar(
        self, text: str, said: list[Diagnostic], pointer: str, what: str, *, reads: bool = True, is_long: bool = False
    ) -> None:
        """Say that a text does not read as it should."""
        tokens = lex(text).tokens
        if said:
            first = said[0]
            self._add(first.code, first.title, self.located.spans[pointer], pointer, first.label, first.help)
        elif not reads or not tokens:
            self._wrong(pointer, f"this is not {what}", "it parses differently", f"write {what} and nothing more")
        elif not is_long and (len(text) > EXPRESSION_CHARS or any(gap.comments for gap in find_gaps(text, tokens).values())):
            self._wrong(
                pointer,
                f"{what} cannot contain comments",
                "it is too long, or contains a comment",
                'put it into "comments" of the step',
            )

    def _wrong(self, pointer: str, title: str, label: str, hint: str) -> None:
        self._add("E111", title, self.located.spans[pointer], pointer, label, hint)

    def _add(self, code: str, title: str, span: Span, pointer: str, label: str, hint: str) -> None:
        self.found.append(
            Diagnostic(code=code, title=title, span=span, label=label, help=hint, file=self.filename, pointer=pointer)
        )
