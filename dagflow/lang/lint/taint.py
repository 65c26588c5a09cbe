"""W602: text that came from outside, by a webhook, and becomes an address without any comparison.

A sender to a webhook could otherwise choose the recipient of a mail, or the server of a request. The lint follows text from the
webhook through the input, `let`, fields, texts and the items of loops to arguments that are addresses. Comparing it
clears it behind the comparison: with a constant or a list, or how it begins or ends.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.lang.lint.abstract_eval import Conditions
from dagflow.lang.lint.facts import Facts
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.model.types import EnumType, Field, ListType, MapType, OptionalType, Primitive, ScalarType, Type

#: Words in the name of a type, or of an argument that is a text, which say that it is an address.
_ADDRESSES: Final = frozenset({"email", "mail", "url", "uri", "host", "hostname", "address", "endpoint", "callback", "phone"})
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: Functions whose result is no text of the sender.
_TELLING: Final = frozenset({
    "size", "contains", "startsWith", "endsWith", "matches", "has", "hasValue", "exists", "all", "exists_one", "indexOf", "lastIndexOf",
    "int", "uint", "double", "bool", "timestamp", "duration",
})  # fmt: skip
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"})
_NO_TEXT: Final = frozenset(
    {
        Primitive.BOOL,
        Primitive.INT,
        Primitive.UINT,
        Primitive.DOUBLE,
        Primitive.DECIMAL,
        Primitive.TIMESTAMP,
        Primitive.DURATION,
        Primitive.NULL,
    }
)


@attrs.frozen
class Origin:
    """The webhook a text came from."""

    webhook: str
    line: int


@attrs.define(eq=False)
class Taint:
    """Which names hold text from outside, and where such text ends up."""

    _builder: FlowBuilder
    #: By a name and the number that tells it from others of that name.
    _origins: dict[tuple[str, int], Origin] = attrs.field(factory=dict[tuple[str, int], Origin], init=False)

    @property
    def is_clean(self) -> bool:
        """Whether nothing came from outside."""
        return not self._origins

    def is_outside(self, name: str, number: int) -> bool:
        """Whether a name holds text from outside."""
        return (name, number) in self._origins

    def webhook(self, setting: s.OnSetting, name: str, number: int) -> None:
        """Note that a webhook's payload has this name."""
        subject = "" if setting.subject is None else setting.subject.value
        self._origins[name, number] = Origin(subject, self._builder.line(setting.span))

    def define(self, name: str, number: int, value: tree.Expr, conditions: Conditions, facts: Facts) -> None:
        """A name gets a value: a `let`, a parameter, the item of a loop."""
        found = self._found(value, conditions, facts)
        if found is not None:
            self._origins[name, number] = found[1]

    def check_call(self, call: s.CallExpr, conditions: Conditions, facts: Facts) -> None:
        """Report each argument of a call that is an address from outside."""
        params = {param.name: param for param in self._params(call.callee.text)}
        for arg in call.args:
            param = None if arg.name is None else params.get(arg.name.text)
            if param is None or not _is_address(param):
                continue
            found = self._found(arg.value, conditions, facts)
            if found is not None:
                self._report(found[0], found[1])

    def _params(self, callee: str) -> tuple[Field, ...]:
        signature = self._builder.signatures.get(callee)
        if signature is not None:
            return signature.params
        spec = self._builder.declarations.actions.get(callee)
        return () if spec is None else spec.params

    def _report(self, part: tree.Expr, origin: Origin) -> None:
        text = self._builder.text(part.span)
        shown = text if len(text) <= 40 and "\n" not in text else "this"
        self._builder.report(
            "W602", "outside text becomes an address", Span(part.span.start, part.span.end),
            f'comes from the webhook "{origin.webhook}" (line {origin.line}), and nothing has checked it',
            f'compare it with a list first, such as `filter {shown} in ["…"]`' if shown != "this" else "compare it with a list first",
        )  # fmt: skip

    def _found(self, expr: tree.Expr, conditions: Conditions, facts: Facts) -> tuple[tree.Expr, Origin] | None:
        """The first part of a value that is text from outside, and where it came from."""
        if conditions.is_vetted(expr, facts):
            return None
        match expr:
            case tree.Name(name=name):
                named = conditions.lookup(name)
                origin = None if named is None else self._origins.get((name, named.number))
                return None if origin is None else (expr, origin)
            case tree.Select(operand=operand):
                if _is_no_text(conditions.type_of(expr)):
                    return None
                found = self._found(operand, conditions, facts)
                return None if found is None else (expr, found[1])
            case tree.Index(operand=operand):
                found = self._found(operand, conditions, facts)
                return None if found is None else (expr, found[1])
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                return self._found(then, conditions, conditions.assumed(condition, facts, truth=True)) or self._found(
                    otherwise, conditions, conditions.assumed(condition, facts, truth=False)
                )
            case tree.Binary(operator=operator, left=left, right=right) if operator not in _COMPARISONS:
                return self._found(left, conditions, facts) or self._found(right, conditions, facts)
            case tree.Call(function=function, target=target, args=args) if function not in _TELLING:
                return self._first([*([] if target is None else [target]), *args], conditions, facts)
            case tree.Interpolation(parts=parts):
                return self._first([part for part in parts if not isinstance(part, str)], conditions, facts)
            case tree.ListLiteral(elements=elements):
                return self._first([element.value for element in elements], conditions, facts)
            case tree.MapLiteral(entries=entries):
                return self._first([entry.value for entry in entries], conditions, facts)
            case _:
                return None

    def _first(self, parts: list[tree.Expr], conditions: Conditions, facts: Facts) -> tuple[tree.Expr, Origin] | None:
        return next((found for part in parts if (found := self._found(part, conditions, facts)) is not None), None)


def _is_no_text(type_: Type | None) -> bool:
    """Whether a type has no room for text from outside."""
    return isinstance(type_, EnumType) or type_ in _NO_TEXT


def _is_address(param: Field) -> bool:
    type_ = param.type
    while isinstance(type_, OptionalType | ListType | MapType):
        type_ = type_.element if isinstance(type_, ListType) else type_.value
    if isinstance(type_, ScalarType):
        return _says_address(type_.name)
    return type_ in {Primitive.STRING, Primitive.JSON} and _says_address(param.name)


def _says_address(name: str) -> bool:
    return not _ADDRESSES.isdisjoint(word.lower() for word in _WORD.findall(name))
