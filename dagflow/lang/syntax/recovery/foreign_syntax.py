"""Readings of what other languages have, in loops and calls: `foreach`, `while`, `for x of xs`, `call f()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, diagnostic, inserting, replacing, shown

_ENDLESS: Final = frozenset(["while", "until", "repeat", "loop"])
_NEEDLESS: Final = frozenset(["call", "run", "await", "invoke"])
_LEAVING: Final = {"continue": "`filter` ends an item", "break": "a loop cannot end early; `filter` ends an item"}
_INSTEAD_OF_IN: Final = frozenset(["of", "from", "over"])
_MODIFIERS: Final = frozenset(["after", "when", "retry", "timeout", "within", "default", "undo", "was"])


def _foreach(c: Context) -> Repair | None:
    word = c.first
    if word.text != "foreach" or c.position != c.start + 1 or c.token.type != "IDENT":
        return None
    said = diagnostic(
        "E103",
        "loops begin with `for`",
        word.span,
        "a statement cannot start like this",
        "write `for x in list max 100 { … }`",
        replacing(word.span, "for"),
    )
    return Repair(said, [Token("IDENT", "for", word.start, word.end, starts_line=True)], 0, back=1)


def _endless(c: Context) -> Skip | None:
    word = c.first
    if word.text not in _ENDLESS or c.position != c.start + 1 or c.token.type in {"DOT", "EQUAL", "LPAR"} or c.is_at_line_end:
        return None
    help_ = "to iterate over a list, write `for x in list max 100 { … }`; to wait, write `wait event`"
    return Skip(diagnostic("E103", f"`{word.text}` is not part of the language", word.span, "every loop has an end", help_))


def _leaving(c: Context) -> Skip | None:
    word = c.first
    if word.text not in _LEAVING or c.position != c.start + 1 or c.token.type not in {"_NL", "RBRACE", "$END"}:
        return None
    return Skip(
        diagnostic("E103", f"`{word.text}` is not part of the language", word.span, "not a keyword", _LEAVING[word.text])
    )


def _needless(c: Context) -> Repair | None:
    word, before = c.previous, c.tokens[max(c.position - 2, 0)]
    begins = c.position == c.start + 1 or (c.position == c.start + 3 and before.type == "EQUAL")
    if word.text not in _NEEDLESS or not begins or c.token.type != "IDENT" or c.token.starts_line:
        return None
    edit = Edit(Span(word.start, c.token.start), "")
    help_ = "actions and flows are called by their names"
    said = diagnostic(
        "E103",
        f"`{word.text}` is not needed",
        word.span,
        "calls have no keyword",
        help_,
        Fix("delete", is_safe=True, edits=(edit,)),
    )
    called = Token(c.token.type, c.token.text, c.token.start, c.token.end, starts_line=word.starts_line)
    return Repair(said, [called], 1, back=1)


def _each(c: Context) -> Repair | None:
    """`for each x in xs`."""
    word = c.previous
    if (
        word.text != "each"
        or c.tokens[c.position - 2].text != "for"
        or c.token.type != "IDENT"
        or c.token.text in {"in", *_INSTEAD_OF_IN}
    ):
        return None
    edit = Edit(Span(word.start, c.token.start), "")
    said = diagnostic(
        "E103",
        "`each` is not needed",
        word.span,
        "the name of an item comes here",
        "write `for x in list`",
        Fix("delete", is_safe=True, edits=(edit,)),
    )
    return Repair(said, [], 0, back=1)


def _in(c: Context) -> Repair | None:
    """`for x of xs`, `for x xs`."""
    if not c.accepts("IN") or c.accepts("RELOP") or c.token.type != "IDENT" or c.token.starts_line or not _is_loop(c):
        return None
    word = c.token
    if word.text in _INSTEAD_OF_IN:
        said = diagnostic(
            "E103",
            f"unexpected {shown(word)}",
            word.span,
            "`in` comes here",
            "loops are written `for x in list`",
            replacing(word.span, "in"),
        )
        return Repair(said, [Token("IDENT", "in", word.start, word.end)], 1)
    said = diagnostic(
        "E101", f"expected `in` before {shown(word)}", word.span, "the list begins here", "loops are written `for x in list`",
        inserting(word.start, "in "),
    )  # fmt: skip
    return Repair(said, [Token("IDENT", "in", word.start, word.start)])


def _errors(c: Context) -> Repair | None:
    """`collect` alone."""
    if c.previous.text != "collect" or not c.accepts("ERRORS"):
        return None
    end = c.previous.end
    said = diagnostic(
        "E101",
        "expected `errors` after `collect`",
        c.place,
        f"found {shown(c.token)}",
        "it is `collect errors`",
        inserting(end, " errors"),
    )
    return Repair(said, [Token("IDENT", "errors", end, end)])


def _modified_loop(c: Context) -> Skip | None:
    """`for … { … } when x`: a modifier that a step may have, and a loop may not."""
    word = c.token
    if word.text not in _MODIFIERS or not _is_loop(c) or not (c.accepts("LBRACE") or c.previous.type == "RBRACE"):
        return None
    help_ = "write it at a step inside of the loop"
    if word.text == "when":
        help_ = "put the loop into `if … { }`"
    elif word.text == "after":
        help_ = "a loop starts after the statements above it; move the loop"
    return Skip(diagnostic("E103", f"a loop has no `{word.text}`", word.span, "only steps do", help_))


def _is_loop(c: Context) -> bool:
    """Whether the statement is a `for`, with a name before it or not."""
    is_named = c.position > c.start + 2 and c.tokens[c.start + 1].type == "EQUAL"
    return c.tokens[c.start + 2 if is_named else c.start].text == "for"


#: To be tried before the readings of a missing token.
FOREIGN: Final[tuple[Callable[[Context], Repair | Skip | None], ...]] = (
    _foreach, _endless, _leaving, _needless, _each, _in, _errors, _modified_loop,
)  # fmt: skip
