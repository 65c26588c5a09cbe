"""Values of workflow-kit as expressions: literals, `!ref(…)`, and conditions in json-logic."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from dagflow.lang.literals import inside_quotes, quoted, shown
from dagflow.lang.syntax.lexer import lex
from dagflow.model.typeguards import is_list, is_object
from dagflow.model.wire.json_reader import pointer_step

_PURE: Final = re.compile(r"^!ref\((\$\..*)\)$", re.DOTALL)
_EMBEDDED: Final = re.compile(r"!ref\((\$\.[\w.]+)\)")
_STEP: Final = re.compile(r"""\.([A-Za-z0-9_\-]+)|\[(\d+)\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]""")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMPARISONS: Final = {"==": "==", "===": "==", "!=": "!=", "!==": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_ARITHMETIC: Final = frozenset(["+", "-", "*", "/", "%"])
_MOST_DEEP: Final = 20


@attrs.frozen
class Cel:
    """An expression as text, and whether it is true or false for certain."""

    text: str
    is_bool: bool = False

    @property
    def truth(self) -> str:
        """The condition that JavaScript takes the value for: its truthiness, said in full."""
        if self.is_bool:
            return self.text
        value = self.text if self.text.startswith("event.") else f"dyn({self.text})"
        return "(" + " && ".join(f"{value} != {nothing}" for nothing in ("null", "false", '""', "0")) + ")"


@attrs.frozen
class Scope:
    """The names that refs of one action may use.

    Attributes:
        names: of the actions before it, by their ids.
        known: the ids of all actions.
        conditions: the ids of the `builtin:if` actions; their `result` is the name itself.
        wrong: reports an error at a pointer.
    """

    names: Mapping[str, str]
    known: frozenset[str]
    conditions: frozenset[str]
    wrong: Callable[[str, str, str, str], None]
    #: The id of the action whose output `$.output` is, for conditions of edges.
    output: str = ""

    def value(self, value: object, pointer: str) -> Cel:
        """Any value of `inputs`, with its refs."""
        match value:
            case None:
                return Cel("null")
            case bool():
                return Cel("true" if value else "false", is_bool=True)
            case int() | float():
                return Cel(repr(value))
            case str():
                return self._text(value, pointer)
            case _ if is_list(value):
                return Cel(
                    "[" + ", ".join(self.value(each, pointer_step(pointer, i)).text for i, each in enumerate(value)) + "]"
                )
            case _ if is_object(value):
                entries = (f"{quoted(key)}: {self.value(each, pointer_step(pointer, key)).text}" for key, each in value.items())
                return Cel("{" + ", ".join(entries) + "}")
            case _:  # pragma: no cover - there is nothing else in JSON
                return Cel("null")

    def _text(self, text: str, pointer: str) -> Cel:
        pure = _PURE.match(text)
        if pure is not None:
            return self.path(pure[1], pointer)
        parts = _EMBEDDED.split(text)  # texts, and between them the paths
        written = [
            inside_quotes(part) if i % 2 == 0 else f"${{{self.path(part, pointer).text}}}" for i, part in enumerate(parts)
        ]
        return Cel('"' + "".join(written) + '"')

    def path(self, path: str, pointer: str) -> Cel:
        """A JSONPath from `$`."""
        steps = _STEP.findall(path[1:])
        if "".join(match[0] for match in _STEP.finditer(path[1:])) != path[1:] or not steps:
            self.wrong(
                pointer,
                f"`{shown(path)}` is more than a path",
                "only names and indexes are supported",
                "filter in an action, or in the flow",
            )
            return Cel("null")
        root, *tail = (("".join(step), bool(step[1])) for step in steps)
        if root[0] == "event":
            return Cel("event" + "".join(_selected(name, is_place=is_place) for name, is_place in tail))
        if root[0] == "output" and self.output:
            return self._state(self.output, tail, pointer)
        if root[0] == "state" and tail:
            return self._state(tail[0][0], tail[1:], pointer)
        roots = "$.event, $.state" + (" or $.output" if self.output else "")
        self.wrong(pointer, f"`{shown(path)}` leads nowhere", "this is no root", f"refs begin with {roots}")
        return Cel("null")

    def _state(self, action: str, tail: list[tuple[str, bool]], pointer: str) -> Cel:
        if action not in self.names:
            label = "it does not run before this step" if action in self.known else "there is no such action"
            self.wrong(pointer, f"`{shown(action)}` has no output here", label, "name an action from which edges lead here")
            return Cel("null")
        if action in self.conditions:
            if [name for name, _ in tail] != ["result"]:
                self.wrong(
                    pointer,
                    "`builtin:if` gives `result` and nothing else",
                    "this is something else",
                    f"write $.state.{shown(action)}.result",
                )
            return Cel(self.names[action], is_bool=True)
        return Cel(self.names[action] + "".join(_selected(name, is_place=is_place) for name, is_place in tail))

    def logic(self, value: object, pointer: str, depth: int = 0) -> Cel:
        """A condition in json-logic."""
        if not is_object(value):
            return self.value(value, pointer)
        if not value:
            return Cel("true", is_bool=True)  # an object is true in JavaScript
        operator, operands = next(iter(value.items()))
        inner = pointer_step(pointer, operator)
        if len(value) > 1 or depth > _MOST_DEEP:
            self.wrong(
                pointer,
                "a condition has one operator",
                f"this has {len(value)}, {depth} deep",
                "combine them with `and`",
            )
            return Cel("false", is_bool=True)
        values = operands if is_list(operands) else [operands]
        parts = [
            self.logic(each, pointer_step(inner, i) if is_list(operands) else inner, depth + 1) for i, each in enumerate(values)
        ]
        made = _operation(operator, parts)
        if made is None:
            known = "and or ! !! if in == != > >= < <= + - * / %"
            self.wrong(
                inner, f"`{shown(operator)}` cannot be used so", f"with {len(parts)} operands", f"the operators are {known}"
            )
        return made or Cel("false", is_bool=True)


def _selected(name: str, *, is_place: bool) -> str:
    if is_place:
        return f"[{name}]"
    return f".{name}" if _NAME.fullmatch(name) else f"[{quoted(name)}]"


def _operation(operator: str, parts: list[Cel]) -> Cel | None:
    n = len(parts)
    if operator in _COMPARISONS and n == 2:
        return Cel(f"({parts[0].text} {_COMPARISONS[operator]} {parts[1].text})", is_bool=True)
    if operator in {"<", "<="} and n == 3:
        return Cel(f"({parts[0].text} {operator} {parts[1].text} && {parts[1].text} {operator} {parts[2].text})", is_bool=True)
    if operator in {"and", "or"} and n:
        sign = " && " if operator == "and" else " || "
        return Cel("(" + sign.join(part.truth for part in parts) + ")", is_bool=True)
    if operator in {"!", "!!"} and n == 1:
        return Cel(f"!{parts[0].truth}" if operator == "!" else parts[0].truth, is_bool=True)
    if operator == "if" and n == 3:
        return Cel(f"({parts[0].truth} ? {parts[1].text} : {parts[2].text})", is_bool=parts[1].is_bool and parts[2].is_bool)
    if operator == "in" and n == 2:
        is_text = parts[1].text.startswith('"')
        return Cel(
            f"{parts[1].text}.contains({parts[0].text})" if is_text else f"({parts[0].text} in {parts[1].text})", is_bool=True
        )
    if operator in _ARITHMETIC and n == 2:
        return Cel(f"({parts[0].text} {operator} {parts[1].text})")
    return None


def bare(condition: str) -> str:
    """A condition without brackets around the whole of it."""
    if not condition.startswith("("):
        return condition
    tokens = lex(condition).tokens
    depth = 0
    for token in tokens:
        depth += (token.type == "LPAR") - (token.type == "RPAR")
        if depth == 0:
            return condition[1 : token.start] if token is tokens[-1] else condition
    return condition  # pragma: no cover - brackets are closed


def check_input_name(name: str) -> bool:
    """Whether an input's name can be that of an argument."""
    return _NAME.fullmatch(name) is not None
