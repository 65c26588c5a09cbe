"""Readings of words that other languages have and this one does not: `raise "x"`, `await f()`, `elif`, `f"…"`, `if x:`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, diagnostic, replacing, short

_RAISES: Final = frozenset(["raise", "throw", "error", "abort", "panic", "die"])
_ELSE_IF: Final = frozenset(["elif", "elseif", "elsif", "elseIf"])
_TEXT_PREFIXES: Final = frozenset(["f", "F", "fr", "rf", "t", "u", "s"])
#: What an f-string holds where nothing but the sign in front is missing.
_HOLE: Final = re.compile(r"\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}")


def _argument_equals(c: Context) -> Repair | None:
    """`email(to=lead.email)`, `{a = 1}`: where only a name and its value can stand, `=` is no slip of `==`."""
    name, before = c.previous, c.tokens[max(c.position - 2, 0)]
    if c.token.type != "EQUAL" or name.type not in {"IDENT", "STRING"} or before.type not in {"LPAR", "COMMA", "LBRACE"}:
        return None
    if not c.accepts("COLON") or not c.accepts("RELOP"):
        return None
    follower = c.next
    blank = " " if follower.start == c.token.end else ""
    fix = Fix("`:`", is_safe=True, edits=(Edit(Span(name.end, c.token.end), f":{blank}"),))
    said = diagnostic(
        "E102", "`=` gives no value to an argument", c.token.span, "`:` stands between a name and its value",
        "arguments are written `name: value`", fix,
    )  # fmt: skip
    return Repair(said, [Token("COLON", ":", c.token.start, c.token.end)], 1)


def _prefixed_text(c: Context) -> Repair | None:
    """`f"hello {name}"`."""
    prefix, text = c.previous, c.token
    if text.type != "STRING" or prefix.type != "IDENT" or prefix.text not in _TEXT_PREFIXES or prefix.end != text.start:
        return None
    body = _HOLE.sub(r"${\1}", text.text)
    is_plain = "$" not in text.text and text.text.count("{") == text.text.count("}") == len(_HOLE.findall(text.text))
    span = Span(prefix.start, text.end)
    fix = Fix(f"`{body}`", is_safe=True, edits=(Edit(span, body),)) if is_plain else None
    help_ = f"write `{body}`" if is_plain and len(body) <= 60 else 'write `${…}` in a plain text: `"hello ${name}"`'
    said = diagnostic("E103", f"there are no {prefix.text}-strings", span, "every text can hold `${…}`", help_, fix)
    return Repair(said, [text], 1, back=1)


def _raise(c: Context) -> Repair | Skip | None:
    """`raise "x"`, `throw new Error("x")`."""
    word = c.first
    if word.text not in _RAISES or c.position != c.start + 1 or c.token.type not in {"STRING", "IDENT"} or c.token.starts_line:
        return None
    is_certain = c.token.type == "STRING"
    said = diagnostic(
        "E103", f"`{word.text}` is not part of the language", word.span, "not a keyword", 'a flow fails with `fail "why"`',
        replacing(word.span, "fail") if is_certain else None,
    )  # fmt: skip
    if not is_certain:
        return Skip(said)
    return Repair(said, [Token("IDENT", "fail", word.start, word.end, starts_line=True)], 0, back=1)


def _else_if(c: Context) -> Repair | None:
    word = c.token
    if word.type != "IDENT" or word.text not in _ELSE_IF or not c.accepts("ELSE"):
        return None
    said = diagnostic(
        "E103",
        f"`{word.text}` is not a keyword",
        word.span,
        "two words here",
        "write `else if`",
        replacing(word.span, "else if"),
    )
    middle = word.start
    return Repair(said, [Token("IDENT", "else", word.start, middle), Token("IDENT", "if", middle, word.end)], 1)


def _colon_block(c: Context) -> Repair | None:
    """`if x > 3:` and the lines that are indented below it."""
    colon = c.token
    if colon.type != "COLON" or not c.accepts("LBRACE"):
        return None
    follower = c.next
    if not (follower.starts_line or follower.type == "_NL"):
        return None
    outer = _indent(c, colon.start)
    end = c.position + 1
    depth = 0
    while c.tokens[end].type != "$END":
        token = c.tokens[end]
        if depth == 0 and token.type == "RBRACE":
            break
        if token.type != "_NL" and token.starts_line and _indent(c, token.start) <= outer:
            break
        depth += (token.type == "LBRACE") - (token.type == "RBRACE")
        end += 1
    body = c.tokens[c.position + 1 : end]
    while body and body[-1].type == "_NL":
        body, end = body[:-1], end - 1
    while body and body[0].type == "_NL":
        body = body[1:]
    if not body or depth:
        return None
    last = body[-1]
    is_spaced = c.text[colon.start - 1 - c.offset] == " "
    edits = (Edit(colon.span, "{" if is_spaced else " {"), Edit(Span(last.end, last.end), "\n" + " " * outer + "}"))
    said = diagnostic(
        "E103", f"unexpected `:` after `{short(c.previous)}`", colon.span, "blocks stand in braces", "write `{` here, and `}` behind the block",
        Fix("`{ … }`", is_safe=False, edits=edits),
    )  # fmt: skip
    tokens = [Token("LBRACE", "{", colon.start, colon.end), *body, Token("RBRACE", "}", last.end, last.end)]
    return Repair(said, tokens, end - c.position)


def _indent(c: Context, place: int) -> int:
    """The blanks at the beginning of the line of a place."""
    local = place - c.offset
    line = c.text[c.text.rfind("\n", 0, local) + 1 : local]
    return len(line) - len(line.lstrip())


#: To be tried before a word is taken for a slip of the pen.
FOREIGN_WORDS: Final[tuple[Callable[[Context], Repair | Skip | None], ...]] = (
    _argument_equals, _prefixed_text, _raise, _else_if, _colon_block,
)  # fmt: skip
