"""What of a text and of its flows stays the same when the text is laid out anew."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import cast

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.comments import find_gaps
from dagflow.lang.lexer import Token, lex, with_newlines
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
    expected = statements(text)
    tokens = lex(text).tokens
    gaps = [text[a.end : b.start] for a, b in itertools.pairwise(tokens)]
    ends = (text[: tokens[0].start], text[tokens[-1].end :])
    for number in range(n_changes):
        place = chance.randrange(len(gaps))
        before = gaps[place]
        gaps[place] = chance.choice(
            ["", " ", "   ", "\t", "\n", "\n\n\n", f" // note {number}\n", f"\n  // note {number}\n\n  "]
        )
        if "//" in before:
            gaps[place] = before + gaps[place]
        if statements(_joined(tokens, gaps, ends)) != expected:
            gaps[place] = before
    return _joined(tokens, gaps, ends)


def _joined(tokens: list[Token], gaps: list[str], ends: tuple[str, str]) -> str:
    parts = [ends[0], tokens[0].text]
    for gap, token in zip(gaps, tokens[1:], strict=True):
        parts += [gap, token.text]
    return "".join([*parts, ends[1]])
