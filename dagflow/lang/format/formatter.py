"""`dagflow fmt`: the one style of `.flow` files. Only blanks, newlines and the places of comments change, never a token."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from dagflow.diagnostic import Diagnostic, Span
from dagflow.errors import DagflowBug, FlowInvalid
from dagflow.lang import limits
from dagflow.lang.diagnostics import render
from dagflow.lang.format.printer import flat_pieces, lay_out
from dagflow.lang.format.token_roles import find_roles
from dagflow.lang.syntax.lexer import lex
from dagflow.lang.syntax.parser import parse_file


def format(text: str, *, filename: str = "<flow>") -> str:  # noqa: A001 - the word of the API
    """Write a `.flow` text in the one style of dagflow; a text in that style comes back as it is.

    Every token and every comment stays, in order, and the text keeps its meaning. Strings, and the expressions in the `${…}` of
    strings, are not touched.

    Args:
        text: of a `.flow` file.
        filename: the name of the text in messages.

    Raises:
        FlowInvalid: the text does not parse; `dagflow check` reports the same errors.
    """
    allowed = limits.Limits()
    if len(text) > allowed.source_chars:
        raise _invalid([limits.too_large(len(text), allowed.source_chars)], text, filename)
    lexed = lex(text, most=allowed.tokens)
    roles = None if lexed.diagnostics or len(lexed.tokens) > allowed.tokens else find_roles(lexed.tokens)
    if roles is None:
        raise _invalid(parse_file(text)[1], text, filename)
    result = lay_out(text, lexed.tokens, roles)
    if "".join(result.split()) != "".join(text.split()):  # pragma: no cover - the laws in the tests say so
        raise DagflowBug("the formatter changed the meaning of the flow; please report the flow")
    return result


def flat_texts(text: str) -> Callable[[Span], str]:
    """Return a function from a span of whole tokens to its text on one line, without comments; the text parses.

    Strings over several lines stay so.
    """
    tokens = lex(text).tokens
    roles = find_roles(tokens)
    if roles is None:  # pragma: no cover - callers have formatted it
        raise DagflowBug("the formatter cannot parse a part of the flow; please report the flow")
    pieces = flat_pieces(text, tokens, roles)
    starts = [token.start for token in tokens]
    return lambda span: "".join(pieces[bisect_left(starts, span.start) : bisect_left(starts, span.end)]).lstrip(" ")


def _invalid(diagnostics: list[Diagnostic], text: str, filename: str) -> FlowInvalid:
    return FlowInvalid(diagnostics, render(diagnostics, text, filename))
