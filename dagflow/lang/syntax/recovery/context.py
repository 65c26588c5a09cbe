"""The context of a syntax error, the possible ways to go on, and the words messages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.syntax.keywords import SETTINGS
from dagflow.lang.syntax.lexer import Token

_MEANINGS: Final = {
    "wait": "a wait step",
    "filter": "a filter",
    "emit": "an emit step",
    "let": "a value",
    "start": "a detached run",
}


@attrs.frozen
class Context:
    """Where the parser is stuck: at `tokens[position]`, in the statement that begins at `tokens[start]`."""

    text: str
    offset: int
    tokens: list[Token]
    position: int
    start: int
    accepts: Callable[[str], bool]
    keywords: frozenset[str] = frozenset()
    in_settings: bool = False

    @property
    def token(self) -> Token:
        """The token that fits nowhere."""
        return self.tokens[self.position]

    @property
    def previous(self) -> Token:
        """The token before it, or itself at the beginning of the text."""
        return self.tokens[max(self.position - 1, 0)]

    @property
    def next(self) -> Token:
        """The token behind it, or itself at the end of the text."""
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    @property
    def first(self) -> Token:
        """The first token of the statement."""
        return self.tokens[self.start]

    @property
    def is_at_line_end(self) -> bool:
        """Whether the statement, or the text, ends where something is missing."""
        return self.token.type in {"_NL", "$END"} or (self.token.starts_line and self.position > self.start)

    @property
    def place(self) -> Span:
        """Where to point: at the token, or just behind the text before where nothing stands."""
        if self.is_at_line_end:
            return Span(self.previous.end, self.previous.end)
        return self.token.span

    @property
    def wants_value(self) -> bool:
        """Whether an expression could begin here."""
        return self.accepts("BROKEN_VALUE")

    def line_of(self, token: Token) -> int:
        """The number of a token's line."""
        return self.text.count("\n", 0, token.start - self.offset) + 1


@attrs.frozen
class Repair:
    """Go on with `tokens` in place of the `back` tokens before the position and the `replaced` ones from it.

    With `back`, the statement is read again from its beginning.
    """

    diagnostic: Diagnostic
    tokens: list[Token]
    replaced: int = 0
    back: int = 0


@attrs.frozen
class Skip:
    """Skip the statement."""

    diagnostic: Diagnostic


def found(c: Context) -> str:
    """Describe the token at the place, for a label."""
    return "the line ends here" if c.is_at_line_end else f"found {shown(c.token)}"


def shown(token: Token) -> str:
    """A token in a message."""
    return "end of file" if token.type == "$END" else "end of line" if token.type == "_NL" else f"`{short(token)}`"


def short(token: Token) -> str:
    """A token's text, cut where it is long."""
    return token.text if len(token.text) <= 30 else token.text[:27] + "…"


def replacing(span: Span, text: str) -> Fix:
    """A safe fix that writes something else."""
    return Fix(f"`{text}`", is_safe=True, edits=(Edit(span, text),))


def inserting(place: int, text: str) -> Fix:
    """A safe fix that adds a sign or word."""
    return Fix(f"insert `{text.strip()}`", is_safe=True, edits=(Edit(Span(place, place), text),))


def suggesting(place: int, text: str) -> Fix:
    """A fix that adds a sign which a hole suggests: the author may have meant something else, so that no tool adds it unasked."""
    return Fix(f"insert `{text.strip()}`", is_safe=False, edits=(Edit(Span(place, place), text),))


def token_after_closing(tokens: list[Token], position: int) -> int:
    """The position behind the partner of the bracket at `position`; brackets have been mended, so there is one."""
    depth = 0
    for i in range(position, len(tokens)):  # pragma: no branch - there is one
        kind = tokens[i].type
        depth += (kind in {"LPAR", "LSQB", "LBRACE"}) - (kind in {"RPAR", "RSQB", "RBRACE"})
        if depth == 0:
            return i + 1
    return len(tokens)  # pragma: no cover - there is one


def diagnostic(code: str, title: str, span: Span, label: str, help_: str, fix: Fix | None = None) -> Diagnostic:
    """A diagnostic, by position."""
    return Diagnostic(code=code, title=title, span=span, label=label, help=help_, fix=fix)


def not_a_step_name(word: str, span: Span) -> Diagnostic:
    """E104 for a word that begins a statement or setting."""
    if word in SETTINGS:
        label, help_ = "this word begins a setting of the flow", "choose another name"
    else:
        meaning = _MEANINGS.get(word)
        label = (
            f"this word starts {meaning}" if meaning else "this word has a meaning of its own at the beginning of a statement"
        )
        help_ = "any name that is not a statement keyword"
    fix = Fix(f"`{word}_1`", is_safe=False, edits=(Edit(span, f"{word}_1"),))
    return diagnostic("E104", f"`{word}` cannot be a step name", span, label, help_, fix)
