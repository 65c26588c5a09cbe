"""Build the tree of each grammar rule about settings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias, cast

from dagflow.diagnostic import Span
from dagflow.expr.tree import Expr
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax import tree_settings as settings
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.reductions.children import Children
from dagflow.lang.syntax.reductions.statements import whole_number

#: Reads a string that is no expression.
ReadText: TypeAlias = Callable[[Token], s.Text]


def setting_rules(text: ReadText) -> dict[str, Callable[[Children], object]]:
    """The function for each rule."""
    return {
        "on_setting": lambda c: _on(c, text),
        "overlap": lambda c: settings.OverlapClause(c.span, _last_word(c)),
        "catchup": lambda c: settings.CatchupClause(c.span, _word_at(c, 1), c.maybe(Expr)),
        "bind": lambda c: s.Bind(c.span, c.ident(), c.maybe(s.TypeExpr)),
        "timeout_setting": lambda c: s.TimeoutSetting(c.span, c.one(Expr)),
        "retry_setting": lambda c: s.RetrySetting(c.span, c.one(s.Retry)),
        "concurrency": lambda c: settings.ConcurrencySetting(c.span, _number(c), _behind(c, "by")),
        "rate": lambda c: settings.RateSetting(c.span, _number(c), cast("Expr", _behind(c, "per")), _behind(c, "by")),
        "throttle": lambda c: settings.ThrottleSetting(c.span, _number(c), cast("Expr", _behind(c, "per")), _behind(c, "by")),
        "debounce": lambda c: settings.DebounceSetting(c.span, c.one(Expr), _behind(c, "by"), _behind(c, "max")),
        "singleton": lambda c: settings.SingletonSetting(c.span, c.maybe(Expr), _last_word(c)),
        "once": lambda c: settings.OnceSetting(c.span, c.one(Expr), _behind(c, "within")),
        "cancel_on": lambda c: settings.CancelSetting(c.span, text(c.token("STRING")), c.maybe(s.Bind), c.maybe(Expr)),
        "priority": lambda c: settings.PrioritySetting(c.span, c.one(Expr)),
        "broken_setting": lambda c: s.BrokenSetting(c.span, tuple(c.token("BROKEN_SETTING").text.split())),
    }


def _on(c: Children, text: ReadText) -> s.OnSetting:
    # The trigger's own tokens are spliced in: `on`, then `event "x"`.
    strings = [text(token) for token in c.tokens("STRING")]
    opening = c.tokens("LPAR")
    return s.OnSetting(
        c.span,
        kind=c.word(1),
        subject=strings[0] if strings else None,
        zone=strings[1] if len(strings) > 1 else None,
        bind=c.maybe(s.Bind),
        when=_behind(c, "when"),
        mapping=tuple(c.all(s.Arg)) if opening else None,
        mapping_span=Span(opening[0].start, c.tokens("RPAR")[-1].end) if opening else None,
        interval=_behind(c, "every"),
        overlap=c.maybe(settings.OverlapClause),
        catchup=c.maybe(settings.CatchupClause),
    )


def _number(c: Children) -> settings.Count:
    token = c.token("INT")
    return settings.Count(token.span, whole_number(token))


def _last_word(c: Children) -> s.Text:
    return _word_at(c, -1)


def _word_at(c: Children, index: int) -> s.Text:
    token = cast("Token", c[index])
    return s.Text(token.span, token.text)


def _behind(c: Children, word: str) -> Expr | None:
    """The expression behind a keyword, if it is there."""
    for child, following in pairwise(c):
        if isinstance(child, Token) and child.text == word:
            return cast("Expr", following)
    return None
