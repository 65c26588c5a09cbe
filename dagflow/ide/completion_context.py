"""The context of a completion, from the tokens before it: a text is seldom complete while its author types."""

from __future__ import annotations

import enum
import re
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.syntax.lexer import CANNOT_END, Token, lex

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_REST: Final = re.compile(r"[A-Za-z0-9_]*")
_ITEMS: Final = frozenset({"flow", "type", "event", "action", "test", "import"})
#: Words behind which `{` is a map.
_BEFORE_VALUES: Final = frozenset({"return", "yield", "default", "returns", "in", "when", "filter", "expect", "wait", "until"})
_BEFORE_EVENTS: Final = frozenset({"event", "emit", "send"})
_TEXTS: Final = frozenset({"STRING", "BROKEN_VALUE"})
_OPENERS: Final = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}


class Context(enum.Enum):
    """The kinds of places."""

    NOTHING = "nothing"
    ITEM = "item"
    #: A statement, or a modifier of the one before.
    STATEMENT = "statement"
    #: The call of a step: behind `name =`.
    CALL = "call"
    #: The name of an action alone: behind `undo` and `mock`.
    ACTION = "action"
    #: The name of a flow: behind `start`, and of a test.
    FLOW = "flow"
    #: The name of an argument, or a value where functions are called.
    ARGUMENT = "argument"
    TEST_ITEM = "test item"
    #: Behind a whole call on its line.
    MODIFIER = "modifier"
    EVENT = "event"
    TYPE = "type"
    #: Inside of a text that is a value.
    TEXT = "text"
    #: An expression, a type or a name of a step: the tree tells.
    OTHER = "other"


@attrs.frozen
class Cursor:
    """A place, and its surroundings.

    Attributes:
        word: the part before the place of the word there. span: the whole word, which is replaced.
        prefix: for a name behind a dot, the text before it, including the dot.
        callee: for an argument, the called action, flow or function; an event in quotes, `given`, `with`.
        given: the names of the arguments already present.
        item: the word of the declaration around it, or "".
    """

    context: Context
    word: str
    span: Span
    prefix: str = ""
    callee: str = ""
    given: tuple[str, ...] = ()
    item: str = ""


def cursor_at(text: str, offset: int) -> Cursor:
    """The context of a completion at a place."""
    found = _WORD.search(text, 0, offset)
    start = found.start() if found else offset
    rest = _REST.match(text, offset)
    word, span = text[start:offset], Span(start, rest.end() if rest else offset)
    tokens = lex(text).tokens
    around = next((token for token in tokens if _is_around(text, token, offset)), None)
    before = [token for token in tokens if token.end <= start and token is not around]
    if around is not None:
        return _in_token(text, offset, around, before, word, span)
    if _in_comment(text, offset, before):
        return Cursor(Context.NOTHING, word, span)
    openers = _openers(before)
    chain = _chain(before)
    rest_before = before[: len(before) - len(chain)]
    item = _item(before, openers)
    return _placed(
        text, Cursor(Context.OTHER, word, span, "".join(token.text for token in chain), item=item), rest_before, openers
    )


def _is_around(text: str, token: Token, offset: int) -> bool:
    """Whether a place is inside of a token, or at the end of a text that is not closed yet."""
    if token.type == "IDENT" or not token.start < offset <= token.end:
        return False
    return offset < token.end or (token.type in _TEXTS and not _is_closed(text, token))


def _is_closed(text: str, token: Token) -> bool:
    return token.end - token.start > 1 and text[token.end - 1] == text[token.start]


def _in_token(text: str, offset: int, token: Token, before: list[Token], word: str, span: Span) -> Cursor:
    if token.type not in _TEXTS:
        return Cursor(Context.NOTHING, word, span)
    opened = text.rfind("${", token.start, offset)
    if opened >= 0 and "}" not in text[opened:offset]:
        return Cursor(Context.OTHER, word, span)
    inside = Span(token.start + 1, max(offset, token.end - _is_closed(text, token)))
    if before and before[-1].text in _BEFORE_EVENTS:
        return Cursor(Context.EVENT, text[inside.start : offset], inside)
    return Cursor(Context.TEXT, text[inside.start : offset], inside)


def _in_comment(text: str, offset: int, before: list[Token]) -> bool:
    start = max(text.rfind("\n", 0, offset) + 1, before[-1].end if before else 0)
    return "//" in text[start:offset]


def _openers(tokens: list[Token]) -> list[int]:
    """The brackets that are open, by the index of their tokens."""
    found: list[int] = []
    for i, token in enumerate(tokens):
        if token.type in _OPENERS:
            found.append(i)
        elif token.type in _OPENERS.values() and found:
            found.pop()
    return found


def _chain(before: list[Token]) -> list[Token]:
    """`a.b.` right before the place."""
    n = 0
    while len(before) >= n + 2 and before[-1 - n].type == "DOT" and before[-2 - n].type == "IDENT":
        n += 2
    return before[len(before) - n :] if n else []


def _item(before: list[Token], openers: list[int]) -> str:
    """The word of the declaration a place is in: the last one before its outermost brace."""
    if not openers:
        return ""
    words = [token.text for token in before[: openers[0] + 1] if token.starts_line and token.text in _ITEMS]
    return words[-1] if words else ""


def _placed(text: str, cursor: Cursor, before: list[Token], openers: list[int]) -> Cursor:
    opener = before[openers[-1]] if openers and openers[-1] < len(before) else None
    starts_line = not text[
        text.rfind("\n", 0, cursor.span.start - len(cursor.prefix)) + 1 : cursor.span.start - len(cursor.prefix)
    ].strip()
    last = before[-1] if before else None
    if opener is None and (last is None or starts_line):
        return attrs.evolve(cursor, context=Context.ITEM)
    if (
        opener is not None
        and opener.type == "LPAR"
        and last is not None
        and last.type in {"LPAR", "COMMA"}
        and not cursor.prefix
    ):
        return _argument(cursor, before, openers[-1])
    if last is not None and last.text in {"undo", "mock"} and last.type == "IDENT":
        return attrs.evolve(cursor, context=Context.ACTION)
    if (last is not None and last.text == "start") or _is_test_head(before):
        return attrs.evolve(cursor, context=Context.FLOW)
    if _is_type(before, cursor.item):
        return attrs.evolve(cursor, context=Context.TYPE)
    if opener is None or not _is_block(before, openers[-1]) or cursor.item not in {"flow", "test"}:
        return cursor
    return _in_block(cursor, before, starts_line=starts_line)


def _in_block(cursor: Cursor, before: list[Token], *, starts_line: bool) -> Cursor:
    last = before[-1]
    if last.text == "=" and len(before) > 1 and before[-2].type == "IDENT" and before[-2].starts_line:
        return attrs.evolve(cursor, context=Context.CALL)
    can_begin = last.type == "LBRACE" or (starts_line and last.type not in CANNOT_END)
    if can_begin:
        return attrs.evolve(cursor, context=Context.TEST_ITEM if cursor.item == "test" else Context.STATEMENT)
    if last.type == "RPAR" and not cursor.prefix and cursor.item == "flow":
        return attrs.evolve(cursor, context=Context.MODIFIER)
    return cursor


def _is_type(before: list[Token], item: str) -> bool:
    """Whether a type stands behind the last token: `->`, or a `:` behind a name that is declared."""
    if not before or before[-1].type == "ARROW":
        return bool(before)
    if before[-1].type != "COLON" or len(before) < 3:
        return False
    return before[-3].text in {"let", "as"} or item in {"type", "event"}


def _is_test_head(before: list[Token]) -> bool:
    return len(before) > 2 and before[-1].text == "for" and before[-3].text == "test"


def _is_block(before: list[Token], opener: int) -> bool:
    """Whether a bracket is that of a block, and not of a map."""
    if before[opener].type != "LBRACE" or opener == 0:
        return False
    previous = before[opener - 1]
    if _openers(before)[0] == opener:
        return True  # nothing but declarations has one there
    return previous.type not in CANNOT_END and previous.text not in _BEFORE_VALUES


def _argument(cursor: Cursor, before: list[Token], opener: int) -> Cursor:
    """An argument of the callee before a parenthesis."""
    if opener == 0:
        return cursor
    head = before[opener - 1]
    depth, given = 0, list[str]()
    for i in range(opener + 1, len(before)):
        depth += (before[i].type in _OPENERS) - (before[i].type in _OPENERS.values())
        if depth == 0 and before[i].type == "COLON" and before[i - 1].type == "IDENT":
            given.append(before[i - 1].text)
    callee = head.text
    if head.type == "IDENT":
        chain = _chain(before[: opener - 1])
        callee = "".join(token.text for token in chain) + head.text
    elif head.type != "STRING":
        return cursor
    return attrs.evolve(cursor, context=Context.ARGUMENT, callee=callee, given=tuple(given))
