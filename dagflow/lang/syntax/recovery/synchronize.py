"""Synchronize: find where to go on after a statement that cannot be read, and which names it defines."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.lang.syntax.keywords import SETTINGS
from dagflow.lang.syntax.lexer import Token

_ITEMS: Final = frozenset(["flow", "type", "event", "action", "import", "test"])


@attrs.frozen
class Sync:
    """The parser as it was where a statement could begin.

    Attributes:
        position: of the statement's first token.
        depth: open `{` there.
        n_taken: how many tokens Lark had taken.
        kind: the terminal that can stand for the whole statement.
        is_also_statement: whether BROKEN would fit as well as BROKEN_SETTING.
    """

    position: int
    depth: int
    n_taken: int
    kind: str
    is_also_statement: bool


def skip_statement(tokens: list[Token], sync: Sync, position: int) -> tuple[int, Token]:
    """Find the end of the statement that begins at `sync` and has its error at `position`.

    Returns:
        The position to go on at, and the BROKEN token for the skipped tokens; its text is the names defined in it.
    """
    depth = sync.depth
    i = sync.position
    while tokens[i].type != "$END":
        kind = tokens[i].type
        if kind == "LBRACE":
            depth += 1
        elif kind == "RBRACE":
            depth -= 1
            if depth < sync.depth:
                break
        elif kind == "_NL" and i > position - 1 and i > sync.position and depth == sync.depth and _is_border(tokens, i, sync):
            break
        i += 1
    first, last = tokens[sync.position], tokens[max(i - 1, sync.position)]
    kind = sync.kind
    if kind == "BROKEN_SETTING" and sync.is_also_statement and first.text not in SETTINGS:
        kind = "BROKEN"
    names = _declared(tokens, sync.position, i) if kind == "BROKEN_ITEM" else _names(tokens, sync.position, i)
    return i, Token(kind, " ".join(names), first.start, max(last.end, first.end))


def _is_border(tokens: list[Token], i: int, sync: Sync) -> bool:
    """At the top level only a declaration's keyword ends the skipped text."""
    return sync.kind != "BROKEN_ITEM" or tokens[i + 1].text in _ITEMS


def _names(tokens: list[Token], start: int, end: int) -> list[str]:
    """The names of steps, lets and items between two positions: `name =`, `let name`, `filter name:`, `for name, number`."""
    names: list[str] = []
    for i in range(start, end):
        token = tokens[i]
        if token.type != "IDENT":
            continue
        follower = tokens[i + 1].type
        previous = tokens[i - 1] if i > start else None
        begins = previous is None or previous.type in {"_NL", "LBRACE"} or token.starts_line
        is_step = follower == "EQUAL" and begins
        is_let = (
            previous is not None
            and previous.text in {"let", "as", "filter", "if", "switch", "for"}
            and previous.type == "IDENT"
        )
        is_number = previous is not None and previous.type == "COMMA" and i - 3 >= start and tokens[i - 3].text == "for"
        if is_step or is_let or is_number:
            names.append(token.text)
    return names


def _declared(tokens: list[Token], start: int, end: int) -> list[str]:
    """The names of types, events, actions and flows that the skipped tokens seem to declare."""
    names: list[str] = []
    for i in range(start, end - 1):
        word, name = tokens[i], tokens[i + 1]
        if word.text in {"type", "action", "flow"} and name.type == "IDENT":
            parts = [name.text]
            j = i + 2
            while j + 1 < end and tokens[j].type == "DOT" and tokens[j + 1].type == "IDENT":
                parts.append(tokens[j + 1].text)
                j += 2
            names.append(".".join(parts))
        elif word.text == "event" and name.type == "STRING":
            names.append(name.text[1:-1])
    return [name for name in names if " " not in name]
