"""The rules of expressions: tokens to `expr.tree`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from dagflow.diagnostic import Diagnostic, Span
from dagflow.expr import literals, tree
from dagflow.expr.tree import Expr
from dagflow.lang import limits
from dagflow.lang.syntax.keywords import RESERVED
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.reductions.children import Children
from dagflow.lang.syntax.tree import Text

#: Parses the text inside `${…}`, which begins at an offset.
ParseInner: TypeAlias = Callable[[str, int], tuple[Expr, list[Diagnostic]]]

_NO_FIELD: Final = frozenset({"in", "true", "false", "null"})

#: A name, or a name and fields.
_PATH: Final = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*(?:\.[_a-zA-Z][_a-zA-Z0-9]*)*")
#: The depth of a refused expression: no expression around it reports the depth once more.
_GIVEN_UP: Final = 1 << 30
_HOLE: Final = re.compile(r"""\\.|\$\{((?:[^{}"'\n]|"[^"\n]*"|'[^'\n]*'|\{[^{}\n]*\})*)\}|\$\{""", re.DOTALL)

_DECODERS: Final[dict[str, Callable[[str], tree.LiteralValue]]] = {
    "INT": literals.decode_int,
    "UINT": literals.decode_uint,
    "FLOAT": literals.decode_float,
    "DURATION": literals.decode_duration,
    "BYTES": literals.decode_bytes,
    "STRING": literals.decode_string,
}
_WORDS: Final[dict[str, tree.LiteralValue]] = {"TRUE": True, "FALSE": False, "NULL": None}


class ExpressionBuilder:
    """Makes expressions and keeps watch over their size."""

    def __init__(self, diagnostics: list[Diagnostic], parse_inner: ParseInner, *, interpolate: bool) -> None:
        self._diagnostics = diagnostics
        self._parse_inner = parse_inner
        self._interpolate = interpolate
        #: By identity: how deep each expression is that has parts; kept alive, so that no id is used twice.
        self._depths: dict[int, int] = {}
        self._kept: list[Expr] = []
        self._own: dict[str, Callable[[Children], object]] = {}

    def rules(self) -> dict[str, Callable[[Children], object]]:
        """The method for each rule."""
        return {
            "expression": lambda c: c.one(Expr),
            "cond": self._cond,
            "binary": self._binary,
            "unary": lambda c: self._keep(tree.Unary(c.span, c[0].text, c[1]), c[1]),  # type: ignore[attr-defined,arg-type]
            "select": self._select,
            "method": self._method,
            "index": self._index,
            "name": self._name,
            "root_name": lambda c: tree.Name(c.span, c.ident().text, is_root=True),
            "function": self._function,
            "root_function": self._function,
            "paren": self._paren,
            "list_": self._list,
            "map_": self._map,
            "literal": self._literal,
            "broken_value": lambda c: tree.Broken(c.span),
            "elem": lambda c: _Wrapped(c.span, tree.Element(c.one(Expr), bool(c.tokens("QMARK")))),
            "entry": self._entry,
        }

    @classmethod
    def alone(cls, diagnostics: list[Diagnostic], parse_inner: ParseInner, *, interpolate: bool) -> ExpressionBuilder:
        """A builder that is used by itself, for a text that is one expression."""
        made = cls(diagnostics, parse_inner, interpolate=interpolate)
        made._own = made.rules()
        return made

    def build(self, name: str, children: Children) -> object:
        """The expression for one rule, if the builder is `alone`."""
        return self._own[name](children)

    def text(self, token: Token) -> Text:
        """A string that is a name or a reason, not an expression."""
        return Text(token.span, str(self._decode(token, "STRING") or ""))

    def string(self, token: Token) -> Expr:
        """A string token as an expression, with its `${…}`."""
        return self._literal(Children([token]))

    def _keep(self, expr: Expr, *parts: Expr, height: int = 1) -> Expr:
        """Refuse expressions that are too deep or too long for the recursive passes behind the parser.

        Args:
            parts: its subexpressions.
            height: how much deeper than they are it is.
        """
        depths = self._depths
        below = 0
        for part in parts:
            depth = depths.get(id(part), 1)
            below = max(below, depth)
        span = expr.span
        if below + height > limits.EXPRESSION_DEPTH or span.end - span.start > limits.EXPRESSION_CHARS:
            if below < _GIVEN_UP:
                self._diagnostics.append(limits.too_long(Span(span.start, span.start + 1)))
            expr, below = tree.Broken(span), _GIVEN_UP
        depths[id(expr)] = below + height
        self._kept.append(expr)
        return expr

    def _cond(self, c: Children) -> Expr:
        condition, then, otherwise = c.all(Expr)
        return self._keep(tree.Conditional(c.span, condition, then, otherwise), condition, then, otherwise)

    def _paren(self, c: Children) -> Expr:
        inner: Expr = c.one(Expr)
        return self._keep(attrs.evolve(inner, span=c.span), inner, height=0)

    def _list(self, c: Children) -> Expr:
        elements: list[tree.Element] = [wrapped.part for wrapped in c.all(_Wrapped)]
        return self._keep(tree.ListLiteral(c.span, tuple(elements)), *(element.value for element in elements))

    def _map(self, c: Children) -> Expr:
        entries: list[tree.Entry] = [wrapped.part for wrapped in c.all(_Wrapped)]
        parts = (part for entry in entries for part in (entry.key, entry.value))
        return self._keep(tree.MapLiteral(c.span, tuple(entries)), *parts)

    def _binary(self, c: Children) -> Expr:
        left, sign, right = c
        assert isinstance(sign, Token)  # noqa: S101 - the rule says so
        return self._keep(tree.Binary(c.span, sign.text, sign.span, left, right), left, right)  # type: ignore[arg-type]

    def _select(self, c: Children) -> Expr:
        operand, sign, name = c
        assert isinstance(sign, Token)  # noqa: S101 - the rule says so
        assert isinstance(name, Token)  # noqa: S101 - the rule says so
        if name.text in _NO_FIELD:
            self._reserved(name)
        field = name.text.strip("`") if name.type == "QUOTED" else name.text
        made = tree.Select(c.span, operand, field, name.span, sign.type == "OPTDOT")  # type: ignore[arg-type]
        return self._keep(made, made.operand)

    def _method(self, c: Children) -> Expr:
        target, _, name, *rest = c
        assert isinstance(name, Token)  # noqa: S101 - the rule says so
        args = tuple(Children(rest).all(Expr))
        return self._keep(tree.Call(c.span, name.text, name.span, args, target), target, *args)  # type: ignore[arg-type]

    def _index(self, c: Children) -> Expr:
        operand, index = c.all(Expr)
        return self._keep(tree.Index(c.span, operand, index, bool(c.tokens("QMARK"))), operand, index)

    def _name(self, c: Children) -> Expr:
        name = c.token("IDENT")
        if name.text in RESERVED:
            self._reserved(name)
            return tree.Broken(c.span)
        return tree.Name(c.span, name.text)

    def _function(self, c: Children) -> Expr:
        name = c.token("IDENT")
        if name.text in RESERVED:
            self._reserved(name)
        is_root = c.word(0) == "."
        args = tuple(c.all(Expr))
        return self._keep(tree.Call(c.span, name.text, name.span, args, is_root=is_root), *args)

    def _reserved(self, name: Token) -> None:
        self._diagnostics.append(
            Diagnostic(
                code="E118",
                title=f"`{name.text}` is a reserved word",
                span=name.span,
                label="cannot be a name in an expression",
                help=f"choose another name; a field of that name is read with quotes, as in x.`{name.text}`",
            )
        )

    def _entry(self, c: Children) -> object:
        key, value = c.all(Expr)
        return _Wrapped(c.span, tree.Entry(key, value, bool(c.tokens("QMARK"))))

    def _literal(self, c: Children) -> Expr:
        token = c[0]
        assert isinstance(token, Token)  # noqa: S101 - the rule says so
        if token.type in _WORDS:
            return tree.Literal(c.span, _WORDS[token.type])
        if token.type == "STRING" and self._interpolate and "${" in token.text and token.text[0] not in "rR":
            return self._interpolation(token)
        value = self._decode(token, token.type)
        return tree.Broken(c.span) if value is None else tree.Literal(c.span, value)

    def _decode(self, token: Token, kind: str) -> tree.LiteralValue:
        """The value of a literal token, or None with a diagnostic."""
        try:
            if kind == "STRING" and self._interpolate and token.text[0] not in "rR":
                width = _quote_width(token.text)
                return literals.decode_escapes(token.text[width:-width])
            return _DECODERS[kind](token.text)
        except literals.LiteralError as error:
            width = _quote_width(token.text) if kind == "STRING" and self._interpolate and token.text[0] not in "rR" else 0
            self._bad_literal(token.start + width + error.offset, token.end, error)
            return None

    def _bad_literal(self, start: int, end: int, error: literals.LiteralError) -> None:
        span = Span(min(start, end - 1), end if error.offset == 0 else min(start + 2, end))
        self._diagnostics.append(
            Diagnostic(code="E113", title="this literal has no value", span=span, label=error.message, help="")
        )

    def _interpolation(self, token: Token) -> Expr:
        """Cut `"a ${b} c"` into its parts; each hole is parsed with its own place."""
        width = _quote_width(token.text)
        body_start, body_end = width, len(token.text) - width
        parts: list[str | Expr] = []
        position = body_start
        for match in _HOLE.finditer(token.text, body_start, body_end):
            if match.group().startswith("\\"):
                continue
            if match[1] is None:
                self._open_hole(token, match.start())
                return tree.Broken(token.span)
            self._add_text(parts, token, position, match.start())
            parts.append(self._hole(token, match.start(1), match[1]))
            position = match.end()
        self._add_text(parts, token, position, body_end)
        if all(isinstance(part, str) for part in parts):
            return tree.Literal(token.span, "".join(str(part) for part in parts))
        return self._keep(tree.Interpolation(token.span, tuple(parts)), *(part for part in parts if not isinstance(part, str)))

    def _hole(self, token: Token, start: int, text: str) -> Expr:
        place = token.start + start
        if not text.strip():
            self._diagnostics.append(
                Diagnostic(
                    code="E101", title="expected a value in `${}`", span=Span(place - 2, place + len(text) + 1),
                    label="the braces are empty", help="write `${lead.name}`, or `\\${` for a literal `${`",
                )
            )  # fmt: skip
            return tree.Broken(Span(place, place))
        if _PATH.fullmatch(text) and RESERVED.isdisjoint(names := text.split(".")):
            return self._path(names, place)
        inner, found = self._parse_inner(text, place)
        self._diagnostics.extend(found)
        return inner

    def _path(self, names: list[str], place: int) -> Expr:
        """`${lead.name}`, the most frequent hole: build the same tree as the parser, at a tenth of the cost."""
        end = place + len(names[0])
        expr: Expr = tree.Name(Span(place, end), names[0])
        for name in names[1:]:
            begin, end = end + 1, end + 1 + len(name)
            expr = self._keep(tree.Select(Span(place, end), expr, name, Span(begin, end)), expr)
        return expr

    def _open_hole(self, token: Token, at: int) -> None:
        self._diagnostics.append(
            Diagnostic(
                code="E112", title="this `${` is never closed", span=Span(token.start + at, token.start + at + 2),
                label="no `}` before the string ends", help="add `}`, or write `\\${` for a literal `${`",
            )
        )  # fmt: skip

    def _add_text(self, parts: list[str | Expr], token: Token, start: int, end: int) -> None:
        if start == end:
            return
        try:
            text = literals.decode_escapes(token.text[start:end])
        except literals.LiteralError as error:
            self._bad_literal(token.start + start + error.offset, token.start + end, error)
            return
        parts.append(text)


@attrs.frozen
class _Wrapped:
    """An element or entry on its way up; unlike the finished one it has a place."""

    span: Span
    part: tree.Element | tree.Entry


def _quote_width(text: str) -> int:
    return 3 if text[:3] in {'"""', "'''"} and len(text) >= 6 else 1
