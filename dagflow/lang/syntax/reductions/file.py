"""Build the tree of each grammar rule. One method per rule, called when the parser reduces it; all tokens are among the children."""

from __future__ import annotations

from collections.abc import Callable

from dagflow.diagnostic import Diagnostic, Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.reductions.children import Children
from dagflow.lang.syntax.reductions.expressions import ExpressionBuilder, ParseInner
from dagflow.lang.syntax.reductions.settings import setting_rules
from dagflow.lang.syntax.reductions.statements import StepBuilder
from dagflow.lang.syntax.reductions.tests import TestBuilder


class Builder:
    """Makes the syntax tree of one text. `docs`: its `///` comments by the offset of the token they stand before."""

    def __init__(self, parse_inner: ParseInner, *, interpolate: bool) -> None:
        self.docs: dict[int, str] = {}
        self.diagnostics: list[Diagnostic] = []
        self._expressions = ExpressionBuilder(self.diagnostics, parse_inner, interpolate=interpolate)
        self._steps = StepBuilder(self._doc, self._expressions)
        self._rules: dict[str, Callable[[Children], object]] = {
            **self._expressions.rules(),
            **self._steps.rules(),
            **setting_rules(self._expressions.text),
            **TestBuilder(self._expressions).rules(),
            "start": lambda c: s.File(tuple(c.all(s.Item))),
            "import_": self._import,
            "type_alias": self._type_decl,
            "type_record": self._type_record,
            "event_decl": self._event_decl,
            "action_decl": self._action_decl,
            "field": self._field,
            "optional_type": lambda c: s.OptionalTypeExpr(c.span, c.one(s.TypeExpr)),
            "named_type": lambda c: s.NamedType(c.span, c.one(s.Ident), tuple(c.all(s.TypeExpr))),
            "enum_type": self._enum_type,
            "record_type": lambda c: s.RecordTypeExpr(c.span, tuple(c.all(s.FieldDecl))),
            "flow": self._flow,
            "broken_item": lambda c: s.BrokenItem(c.span, tuple(c.token("BROKEN_ITEM").text.split())),
            "qname": lambda c: s.Ident(c.span, ".".join(c.texts("IDENT"))),
        }

    def build(self, name: str, children: Children) -> object:
        """The part of the tree for one rule."""
        return self._rules[name](children)

    def _doc(self, span: Span) -> str:
        return self.docs.get(span.start, "")

    def _import(self, c: Children) -> s.ImportDecl:
        return s.ImportDecl(c.span, self._expressions.text(c.token("STRING")), c.ident())

    def _type_decl(self, c: Children) -> s.TypeDecl:
        return s.TypeDecl(c.span, c.ident(), c.one(s.TypeExpr), self._doc(c.span))

    def _type_record(self, c: Children) -> s.TypeDecl:
        record = s.RecordTypeExpr(c.span, tuple(c.all(s.FieldDecl)))
        return s.TypeDecl(c.span, c.ident(), record, self._doc(c.span))

    def _event_decl(self, c: Children) -> s.EventDecl:
        name = self._expressions.text(c.token("STRING"))
        return s.EventDecl(c.span, name, tuple(c.all(s.FieldDecl)), self._doc(c.span))

    def _action_decl(self, c: Children) -> s.ActionDecl:
        effect = next(
            (t.text for t in c if isinstance(t, Token) and t.text in {"pure", "idempotent", "effectful"}), "effectful"
        )
        return s.ActionDecl(
            c.span, c.one(s.Ident), tuple(c.all(s.FieldDecl)), c.maybe(s.TypeExpr), effect, self._doc(c.span), c.has_word("key"),
            at_most_once=bool(c.tokens("ON_UNKNOWN")),
        )  # fmt: skip

    def _field(self, c: Children) -> s.FieldDecl:
        return s.FieldDecl(c.span, c.field_name(), c.one(s.TypeExpr), c.maybe(Expr), self._doc(c.span))

    def _enum_type(self, c: Children) -> s.EnumTypeExpr:
        return s.EnumTypeExpr(c.span, tuple(self._expressions.text(t) for t in c.tokens("STRING")))

    def _flow(self, c: Children) -> s.FlowDecl:
        brace = c.token("LBRACE")
        closing = c.tokens("RBRACE")[-1]
        has_params = any(t.start < brace.start for t in c.tokens("LPAR"))
        settings, statements = c.all(s.Setting), c.all(s.Statement)
        return s.FlowDecl(
            span=c.span,
            name=c.ident(),
            params=tuple(c.all(s.FieldDecl)) if has_params else None,
            result=c.maybe(s.TypeExpr),
            settings=tuple(settings),
            body=s.Block(Span(brace.start, closing.end), tuple(statements)),
            handler=c.maybe(s.Handler),
            doc=self._doc(c.span),
        )
