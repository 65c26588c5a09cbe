"""The rules of `test` blocks: tokens and expressions to `lang.syntax_tests`."""

from __future__ import annotations

from collections.abc import Callable

from dagflow.expr.tree import Expr
from dagflow.lang.syntax import tree_tests as t
from dagflow.lang.syntax.reductions.children import Children
from dagflow.lang.syntax.reductions.expressions import ExpressionBuilder
from dagflow.lang.syntax.reductions.statements import whole_number
from dagflow.lang.syntax.tree import Arg, Broken, Ident


class TestBuilder:
    """Builds tests and their statements."""

    __test__ = False  # not a test of ours, whatever its name looks like to pytest

    def __init__(self, expressions: ExpressionBuilder) -> None:
        self._expressions = expressions

    def rules(self) -> dict[str, Callable[[Children], object]]:
        """The method for each rule."""
        return {
            "test": self._test,
            "given": lambda c: t.Given(c.span, tuple(c.all(Arg)), c.tokens("RPAR")[-1].span),
            "served": lambda c: t.Served(c.span),
            "mock": self._mock,
            "behave": self._behave,
            "then": lambda c: t.Then(c.span, tuple(c.all(t.Behaviour))),
            "at_send": self._send,
            "at_cancel": lambda c: t.AtCancel(c.span, c.one(Expr)),
            "at_expect": self._at_expect,
            "expect": lambda c: t.Expect(c.span, c.one(Expr)),
        }

    def _test(self, c: Children) -> t.TestDecl:
        items = [t.BrokenTestItem(item.span) if isinstance(item, Broken) else item for item in c.all(t.TestItem | Broken)]
        return t.TestDecl(c.span, self._expressions.text(c.token("STRING")), c.ident(), tuple(items))

    def _mock(self, c: Children) -> t.Mock:
        closing = c.tokens("RPAR")
        target = c.one(Ident)
        args = tuple(c.all(Arg)) if closing else None
        return t.Mock(
            c.span, target, args, closing[-1].span if closing else target.span, tuple(c.all(t.Behaviour)), tuple(c.all(t.Then))
        )

    def _behave(self, c: Children) -> t.Behaviour:
        word = c.word(0)
        if word != "fails":
            return t.Behaviour(c.span, word, value=c.one(Expr))
        counts = c.tokens("INT")
        count = whole_number(counts[0]) if counts else None
        return t.Behaviour(c.span, word, code=self._expressions.text(c.token("STRING")), count=count)

    def _send(self, c: Children) -> t.AtSend:
        event = self._expressions.text(c.token("STRING"))
        return t.AtSend(c.span, c.one(Expr), event, tuple(c.all(Arg)), c.tokens("RPAR")[-1].span)

    def _at_expect(self, c: Children) -> t.Expect:
        at, condition = c.all(Expr)
        return t.Expect(c.span, condition, at)
