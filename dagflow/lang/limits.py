"""Limits of the size of a file, checked before any expensive pass, and the diagnostics for a larger file."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Span

#: Characters of a file. 256 KiB of text is about 5,000 steps.
SOURCE_CHARS: Final = 262_144
#: Brackets of any kind, one inside the other.
NESTING: Final = 64
#: Words and signs of a file (a flow of 1,000 steps has about 16,000), if the host allows no more steps than the language does.
TOKENS: Final = 32_768
#: Statements, settings and declarations of a file, likewise.
STATEMENTS: Final = 4_096
#: The parser's stack of unfinished constructs; 64 nested blocks need less.
STACK: Final = 1_000
#: Types inside types.
TYPE_DEPTH: Final = 32
#: Strings with `${}` inside strings with `${}`.
STRING_NESTING: Final = 8
#: Characters of one expression.
EXPRESSION_CHARS: Final = 8_192
#: Parts of an expression one inside the other, chains of operators included.
EXPRESSION_DEPTH: Final = 100


#: A host that allows more steps allows the text they take: characters, words and signs, statements and edges a step.
_CHARS_A_STEP: Final = 256
_TOKENS_A_STEP: Final = 32
_STATEMENTS_A_STEP: Final = 4
_EDGES_A_STEP: Final = 5


@attrs.frozen(kw_only=True)
class RunLimits:
    """The host's limits for one run of a flow, compared with the upper bounds of `dagflow.bounds`; None is no limit.

    The defaults stop flows that no user means: a loop of 10,000 items inside another one, a run that outlives a year.

    Attributes:
        steps: calls of actions, those of its loops and of the flows it calls included.
        parallel: calls under way at once.
        duration_ns: the limit of the run.
        runs_started: runs of other flows that it starts. events_sent: events that it emits.
        expression_cost: steps of its expressions, each at most 5 microseconds.
    """

    steps: int | None = 1_000_000
    parallel: int | None = 10_000
    duration_ns: int | None = 366 * 24 * 3600 * 1_000_000_000
    runs_started: int | None = 10_000
    events_sent: int | None = 10_000
    expression_cost: int | None = 200_000_000

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing has to be proved."""
        return self == _ANYTHING


_ANYTHING: Final = RunLimits(
    steps=None, parallel=None, duration_ns=None, runs_started=None, events_sent=None, expression_cost=None
)


def _source_chars(limits: Limits) -> int:
    return max(SOURCE_CHARS, limits.steps * _CHARS_A_STEP)


def _edges(limits: Limits) -> int:
    return max(5_000, limits.steps * _EDGES_A_STEP)


@attrs.frozen(kw_only=True)
class Limits:
    """The host's limits for a flow; the defaults are those of the language, and grow with `steps`.

    Attributes:
        steps: nodes of a compiled flow, gates included.
        source_chars: characters of the text.
        edges: edges of its graph.
        items: the greatest `max` of a `for`.
        files: how many others a file may import, directly and through others.
        imported_chars: characters of all of those together.
        run: the limits of one run.
    """

    steps: int = 1_000
    source_chars: int = attrs.field(default=attrs.Factory(_source_chars, takes_self=True))
    edges: int = attrs.field(default=attrs.Factory(_edges, takes_self=True))
    items: int = 10_000
    files: int = 32
    imported_chars: int = 1_048_576
    run: RunLimits = RunLimits()

    @property
    def tokens(self) -> int:
        """Words and signs of a file."""
        return max(TOKENS, self.steps * _TOKENS_A_STEP)

    @property
    def statements(self) -> int:
        """Statements, settings and declarations of a file."""
        return max(STATEMENTS, self.steps * _STATEMENTS_A_STEP)

    def too_many(self, span: Span) -> Diagnostic:
        """E116 for a file of too many parts."""
        return Diagnostic(
            code="E116",
            title=f"this file has more than {self.tokens} tokens, or {self.statements} statements",
            span=span,
            label="the compiler did not read further",
            help="split it into several flows",
        )


def too_deep(span: Span) -> Diagnostic:
    """E115 for brackets or blocks."""
    return Diagnostic(
        code="E115",
        title="this is nested too deeply",
        span=span,
        label=f"at most {NESTING} brackets may be nested",
        help="name parts of it with `let`, or move steps out of their blocks",
    )


def too_large(size: int, limit: int) -> Diagnostic:
    """E116 for a whole file."""
    return Diagnostic(
        code="E116",
        title=f"this file has {size} characters, the limit is {limit}",
        span=Span(0, 1),
        label="the compiler did not read it",
        help="split it into several flows",
    )


def too_long(span: Span) -> Diagnostic:
    """E115 for an expression."""
    return Diagnostic(
        code="E115",
        title="this expression is too long",
        span=span,
        label=f"an expression has at most {EXPRESSION_CHARS} characters and {EXPRESSION_DEPTH} nested parts",
        help="name parts of it with `let`",
    )
