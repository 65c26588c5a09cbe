"""How large a file may be, checked before anything expensive looks at it, and what is said when it is larger."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Span

#: Characters of a file. 256 KiB of text is about 5,000 steps.
SOURCE_CHARS: Final = 262_144
#: Brackets of any kind, one inside the other.
NESTING: Final = 64
#: Words and signs of a file; a file of the greatest size has half as many.
TOKENS: Final = 65_536
#: Statements, settings and declarations of a file.
STATEMENTS: Final = 8_192
#: What the parser keeps of unfinished constructs; 64 nested blocks need less.
STACK: Final = 1_000
#: Types inside types.
TYPE_DEPTH: Final = 32
#: Strings with `${}` inside strings with `${}`.
STRING_NESTING: Final = 8
#: Characters of one expression.
EXPRESSION_CHARS: Final = 8_192
#: Parts of an expression one inside the other, chains of operators included.
EXPRESSION_DEPTH: Final = 100


@attrs.frozen(kw_only=True)
class Limits:
    """What a host allows a flow to be; the defaults are those of the language.

    Attributes:
        source_chars: characters of the text.
        steps: nodes of a compiled flow, gates included.
        edges: edges of its graph.
    """

    source_chars: int = SOURCE_CHARS
    steps: int = 1_000
    edges: int = 5_000


def too_deep(span: Span) -> Diagnostic:
    """E115 for brackets or blocks."""
    return Diagnostic(
        code="E115",
        title="this is nested too deeply",
        span=span,
        label=f"too much is open here; {NESTING} brackets one inside the other are the most there can be",
        help="name parts of it with `let`, or move steps out of their blocks",
    )


def too_large(size: int, limit: int) -> Diagnostic:
    """E116 for a whole file."""
    return Diagnostic(
        code="E116",
        title=f"this file has {size} characters, the limit is {limit}",
        span=Span(0, 1),
        label="nothing in it was read",
        help="split it into several flows",
    )


def too_long(span: Span) -> Diagnostic:
    """E115 for an expression."""
    return Diagnostic(
        code="E115",
        title="this expression is too long",
        span=span,
        label=f"an expression has at most {EXPRESSION_CHARS} characters and {EXPRESSION_DEPTH} parts one inside the other",
        help="name parts of it with `let`",
    )


def too_many(span: Span) -> Diagnostic:
    """E116 for a file of too many parts."""
    return Diagnostic(
        code="E116",
        title=f"this file has more than {TOKENS} words and signs, or {STATEMENTS} statements",
        span=span,
        label="nothing behind this was read",
        help="split it into several flows",
    )
