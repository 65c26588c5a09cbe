"""The rules of statements: tokens and expressions to `lang.syntax`."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.reductions.children import Children
from dagflow.lang.syntax.reductions.expressions import ExpressionBuilder


@attrs.frozen
class _Mod:
    """One modifier on its way into `Modifiers`."""

    span: Span
    word: str
    value: object


class StepBuilder:
    """Makes statements. A step's optional `name =` comes as its first two tokens."""

    def __init__(self, doc: Callable[[Span], str], expressions: ExpressionBuilder) -> None:
        self._doc = doc
        self._expressions = expressions

    def rules(self) -> dict[str, Callable[[Children], object]]:
        """The method for each rule."""
        mods = {"when": "when", "attempt_timeout": "timeout", "within": "within", "default": "default"}
        return {
            **{rule: self._mod(word, lambda c: c.one(Expr)) for rule, word in mods.items()},
            "after": self._mod("after", lambda c: c.one(s.Deps)),
            "retry_mod": self._mod("retry", lambda c: c.one(s.Retry)),
            "undo": self._mod("undo", lambda c: c.one(s.CallExpr)),
            "was": self._mod("was", lambda c: c.ident()),
            "on_unknown": self._mod("on unknown", lambda _: True),
            "mod": lambda c: _Mod(c.span, "on error", c.one(s.Handler)),
            "block": lambda c: s.Block(c.span, tuple(c.all(s.Statement))),
            "call_step": lambda c: s.CallStep(c.span, _label(c), c.one(s.CallExpr), _modifiers(c), doc=self._doc(c.span)),
            "start_step": lambda c: s.CallStep(
                c.span, _label(c), c.one(s.CallExpr), _modifiers(c), is_start=True, doc=self._doc(c.span)
            ),
            "wait_for": lambda c: self._wait(c, is_until=False),
            "wait_until": lambda c: self._wait(c, is_until=True),
            "wait_event": self._wait_event,
            "guard": self._guard,
            "if_": self._if,
            "switch": self._switch,
            "case": lambda c: s.Case(c.span, tuple(c.all(Expr)), c.one(s.Block)),
            "let": lambda c: s.Let(c.span, c.ident(), c.maybe(s.TypeExpr), c.one(Expr), self._doc(c.span)),
            "parallel": self._group,
            "do_": self._group,
            "for_": self._for,
            "for_opt": _for_option,
            "emit": self._emit,
            "yield_": lambda c: s.Yield(c.span, c.one(Expr), self._doc(c.span)),
            "return_": lambda c: s.Return(c.span, c.one(Expr), self._doc(c.span)),
            "stop": self._stop,
            "fail": lambda c: s.Fail(c.span, self._expressions.string(c.token("STRING")), self._doc(c.span)),
            "broken": lambda c: s.Broken(c.span, tuple(c.token("BROKEN").text.split())),
            "on_error": lambda c: s.Handler(c.span, next(iter(c.idents()), None), c.one(s.Block)),
            "all_of": lambda c: s.Deps(c.span, s.DepsKind.ALL, tuple(c.idents())),
            "any_of": lambda c: s.Deps(c.span, s.DepsKind.ANY, tuple(c.idents())),
            "n_of": lambda c: s.Deps(c.span, s.DepsKind.N_OF, tuple(c.idents()), whole_number(c.token("INT"))),
            "settled": lambda c: s.Deps(c.span, s.DepsKind.SETTLED, tuple(c.idents())),
            "retry": self._retry,
            "call": lambda c: s.CallExpr(c.span, c.one(s.Ident), tuple(c.all(s.Arg)), c.tokens("RPAR")[-1].span),
            "arg": lambda c: s.Arg(c.span, c.field_name(), c.one(Expr)),
            "positional": lambda c: s.Arg(c.span, None, c.one(Expr)),
        }

    def _mod(self, word: str, value: Callable[[Children], object]) -> Callable[[Children], object]:
        return lambda c: _Mod(c.span, word, value(c))

    def _wait(self, c: Children, *, is_until: bool) -> s.WaitStep:
        return s.WaitStep(c.span, _label(c), is_until, c.one(Expr), _modifiers(c), self._doc(c.span))

    def _wait_event(self, c: Children) -> s.WaitEventStep:
        event = self._expressions.text(c.token("STRING"))
        return s.WaitEventStep(c.span, _label(c), event, c.maybe(s.Bind), _modifiers(c), c.maybe(s.Block), self._doc(c.span))

    def _guard(self, c: Children) -> s.Filter:
        return s.Filter(c.span, _word(c), _name(c), c.one(Expr), c.maybe(s.Block), self._doc(c.span))

    def _if(self, c: Children) -> s.If:
        then, *rest = c.all(s.Block | s.If)
        return s.If(c.span, _word(c), _name(c), c.one(Expr), then, rest[0] if rest else None, self._doc(c.span))

    def _switch(self, c: Children) -> s.Switch:
        return s.Switch(
            c.span, _word(c), _name(c), c.one(Expr), tuple(c.all(s.Case)), c.maybe(s.Block), c.tokens("RBRACE")[-1].span,
            self._doc(c.span),
        )  # fmt: skip

    def _group(self, c: Children) -> s.Group:
        counts = c.tokens("INT")
        return s.Group(
            c.span, _word(c), _name(c), _word_text(c) == "parallel", whole_number(counts[0]) if counts else None,
            c.one(s.Block), c.maybe(s.Handler), self._doc(c.span),
        )  # fmt: skip

    def _for(self, c: Children) -> s.For:
        names = c.idents()
        label = _label(c)
        if label is not None:
            names = names[1:]
        word = c.tokens("FOR")[0].span
        return s.For(
            c.span, word, label, names[0], names[1] if len(names) > 1 else None, c.one(Expr), tuple(c.all(s.ForOption)),
            c.one(s.Block), c.maybe(s.Handler), self._doc(c.span),
        )  # fmt: skip

    def _emit(self, c: Children) -> s.Emit:
        event = self._expressions.text(c.token("STRING"))
        return s.Emit(c.span, event, tuple(c.all(s.Arg)), c.tokens("RPAR")[-1].span, _modifiers(c), self._doc(c.span))

    def _stop(self, c: Children) -> s.Stop:
        strings = c.tokens("STRING")
        return s.Stop(c.span, _word(c), self._expressions.string(strings[0]) if strings else None, self._doc(c.span))

    def _retry(self, c: Children) -> s.Retry:
        values = c.all(Expr)
        only = tuple(self._expressions.text(token) for token in c.tokens("STRING"))
        count = whole_number(c.token("INT"))
        if c.has_word("every"):
            return s.Retry(c.span, count, None, None, values[0], only)
        initial, maximum = values or (None, None)
        return s.Retry(c.span, count, initial, maximum, None, only)


def _for_option(c: Children) -> s.ForOption:
    counts = c.tokens("INT")
    return s.ForOption(c.span, _word_text(c), whole_number(counts[0]) if counts else None, c.maybe(Expr))


def whole_number(token: Token) -> int:
    """A small number; a huge one is cut so that checking its bound costs nothing."""
    digits = token.text
    return int(digits, 0 if digits[:2] in {"0x", "0X"} else 10) if len(digits) < 10 else 10**9


def _label(c: Children) -> s.Ident | None:
    """The name before `=`."""
    is_named = c.word(1) == "="
    return c.ident() if is_named else None


def _name(c: Children) -> s.Ident | None:
    """The optional name after the statement's word."""
    return next(iter(c.idents()), None)


def _word(c: Children) -> Span:
    token = c[0]
    assert isinstance(token, Token)  # noqa: S101 - the rule begins with its word
    return token.span


def _word_text(c: Children) -> str:
    token = c[0]
    assert isinstance(token, Token)  # noqa: S101 - the rule begins with its word
    return token.text


def _modifiers(c: Children) -> s.Modifiers:
    """The modifiers in one place; the later of two of a kind counts, and both are in `spans` for the check."""
    found: list[_Mod] = c.all(_Mod)
    names = {"on error": "handler", "on unknown": "at_most_once"}
    values = {names.get(mod.word, mod.word): mod.value for mod in found}
    return s.Modifiers(**values, spans=tuple((mod.word, mod.span) for mod in found))  # type: ignore[arg-type]
