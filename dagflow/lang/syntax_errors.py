"""What is wrong where the grammar has no room for a token, in the author's words."""

from __future__ import annotations
from collections.abc import Callable
import attrs
from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.lexer import Token

@attrs.frozen
class Context:
    text: str
    offset: int
    tokens: list[Token]
    position: int
    start: int
    accepts: Callable[[str], bool]
    root: str

@attrs.frozen
class Mended:
    diagnostic: Diagnostic | None
    tokens: list[Token]
    replaced: int

@attrs.frozen
class Skipped:
    diagnostic: Diagnostic | None

def explain(context: Context) -> Mended | Skipped:
    token = context.tokens[context.position]
    return Skipped(Diagnostic(code="E103", title=f"unexpected {token.text!r}", span=token.span))
