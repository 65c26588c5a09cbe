"""What of a text and of its flows stays the same when the text is laid out anew."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import cast

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.format.trivia import find_gaps
from dagflow.lang.syntax.lexer import Token, lex, with_newlines
from dagflow.model.flow import Flow


def words(text: str) -> list[tuple[str, str]]:
    """The tokens of a text."""
    return [(token.type, token.text) for token in lex(text).tokens]


def statements(text: str) -> list[tuple[str, str]]:
    """The tokens of a text, with those that end statements."""
    return [(token.type, token.text) for token in with_newlines(lex(text).tokens)]


def comments(text: str) -> list[str]:
    """The comments of a text in order."""
    gaps = find_gaps(text, lex(text).tokens)
    return [comment.text for i in sorted(gaps) for comment in gaps[i].comments]


def meaning(value: object) -> object:
    """A compiled flow without places in its text, its text, and the blanks in its expressions."""
    if isinstance(value, Span):
        return None
    if isinstance(value, Flow):
        return {name: meaning(part) for name, part in _parts(value) if name not in {"source", "filename"}}
    if attrs.has(type(value)):
        return type(value).__name__, {name: meaning(part) for name, part in _parts(cast("attrs.AttrsInstance", value))}
    if isinstance(value, tuple | list):
        return [meaning(part) for part in value]
    if isinstance(value, dict):
        return {key: meaning(part) for key, part in value.items()}
    return "".join(value.split()) if isinstance(value, str) else value


def _parts(value: attrs.AttrsInstance) -> Iterator[tuple[str, object]]:
    return ((field.name, getattr(value, field.name)) for field in attrs.fields(type(value)))


def shaken(text: str, seed: int, *, n_changes: int = 40) -> str:
    """The text with other blanks, newlines, blank lines and comments where they make no difference."""
    chance = random.Random(seed)
    tokens = lex(text).tokens
    gaps = [text[a.end : b.start] for a, b in itertools.pairwise(tokens)]
    ends = (text[: tokens[0].start], text[tokens[-1].end :])
    breaks = _breaks(tokens)
    for number in range(n_changes):
        place = chance.randrange(len(gaps))
        before = gaps[place]
        gaps[place] = chance.choice(
            ["", " ", "   ", "\t", "\n", "\n\n\n", f" // note {number}\n", f"\n  // note {number}\n\n  "]
        )
        if "//" in before:
            gaps[place] = before + gaps[place]
        ends_statement = place in breaks and ("\n" in gaps[place]) != ("\n" in before)
        if ends_statement or not _are_apart(tokens, gaps, place):
            gaps[place] = before
    result = _joined(tokens, gaps, ends)
    assert statements(result) == statements(text)
    return result


def _breaks(tokens: list[Token]) -> set[int]:
    """The places between two tokens where a newline ends a statement: each by itself, whatever stands elsewhere."""
    places, n_seen = set[int](), -1
    for token in with_newlines(Token(each.type, each.text, each.start, each.end, starts_line=True) for each in tokens):
        if token.type == "_NL":
            places.add(n_seen)
        else:
            n_seen += 1
    return places


def _are_apart(tokens: list[Token], gaps: list[str], place: int) -> bool:
    """Whether the tokens around a place are still what they were."""
    first, last = max(0, place - 2), min(len(tokens), place + 4)
    near = tokens[first:last]
    found = lex(_joined(near, gaps[first : last - 1], ("", ""))).tokens
    return [(token.type, token.text) for token in found] == [(token.type, token.text) for token in near]


def _joined(tokens: list[Token], gaps: list[str], ends: tuple[str, str]) -> str:
    parts = [ends[0], tokens[0].text]
    for gap, token in zip(gaps, tokens[1:], strict=True):
        parts += [gap, token.text]
    return "".join([*parts, ends[1]])
