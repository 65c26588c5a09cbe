"""A flow whose head cannot be read keeps its body: the wrong part of the head is left out, so that the statements are still checked."""

from __future__ import annotations

from typing import Final

from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, token_after_closing

_OPENERS: Final = frozenset(["LPAR", "LSQB", "LBRACE", "LESSTHAN"])
_CLOSERS: Final = frozenset(["RPAR", "RSQB", "RBRACE", "MORETHAN"])


def keeping_body(c: Context, answer: Skip) -> Repair | Skip:
    """Go on with the sound part of a flow's head, if that is where the parser is stuck; what did not parse has an unknown type."""
    if c.first.text != "flow" or c.position < c.start + 2 or c.tokens[c.start + 1].type != "IDENT":
        return answer
    begin = c.start + 2
    end_of_params = token_after_closing(c.tokens, begin) if c.tokens[begin].type == "LPAR" else begin
    opening = _opening(c.tokens, end_of_params)
    if opening is None or c.position > opening:
        return answer
    if any(token.type == "COLON" for token in c.tokens[end_of_params:opening]) and end_of_params == begin:
        return answer  # parameters without their `(`: the body would seem to read unknown names
    head = c.tokens[c.start : begin]
    rest = c.tokens[end_of_params:opening]
    if end_of_params > begin:
        head += [c.tokens[begin], *_params(c, begin + 1, end_of_params - 1), c.tokens[end_of_params - 1]]
    if c.position >= end_of_params:
        # The result, or the text that is no part of a head.
        arrow = next((token for token in rest if token.type == "ARROW"), None)
        rest = [] if arrow is None else [arrow, _unknown(arrow)]
    return Repair(answer.diagnostic, [*head, *rest], opening - c.position, back=c.position - c.start)


def _opening(tokens: list[Token], position: int) -> int | None:
    """Where the body of a flow begins; a record may stand before it, as its result."""
    for i in range(position, len(tokens)):
        if tokens[i].type in {"_NL", "$END", "RBRACE"}:
            return None
        if tokens[i].type == "LBRACE":
            behind = token_after_closing(tokens, i)
            is_result = tokens[i - 1].type == "ARROW" and behind < len(tokens) and tokens[behind].type == "LBRACE"
            return behind if is_result else i
    return None  # pragma: no cover - the end of the file is a token


def _params(c: Context, begin: int, end: int) -> list[Token]:
    """The parameters, the one with the mistake without what stands behind its name, or left out if it has none."""
    kept: list[Token] = []
    first, depth = begin, 0
    for i in range(begin, end + 1):
        kind = c.tokens[i].type
        if i < end and not (kind == "COMMA" and depth == 0):
            depth += (kind in _OPENERS) - (kind in _CLOSERS)
            continue
        part = c.tokens[first:i]
        if first <= c.position <= i:
            part = [part[0], Token("COLON", ":", part[0].end, part[0].end), _unknown(part[0])] if _is_named(part) else []
        if part:
            kept += ([Token("COMMA", ",", part[0].start, part[0].start)] if kept else []) + part
        first = i + 1
    return kept


def _is_named(part: list[Token]) -> bool:
    return bool(part) and part[0].type == "IDENT"


def _unknown(before: Token) -> Token:
    """A type that did not parse has no name, and nobody complains about it."""
    return Token("IDENT", "", before.end, before.end)
