"""Input number n of seed s, always the same: good texts spoilt, texts of the grammar, tokens in any order, and plain bytes."""

from __future__ import annotations

import functools
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import attrs

from dagflow.lang.syntax.lexer import lex
from tests.lang import corpus
from tests.lang.fuzz.deriving import NAMES, WORDS, grammar
from tests.lang.golden import CASES, read

EXPRESSIONS = Path(__file__).parents[2] / "expr" / "conformance.jsonl"
#: Longer texts of the corpus are cut: most of what is wrong is wrong in a small text, and small ones are quick.
MOST_CHARS = 400
NASTY = (
    "\x00", "\u202e", "\ufeff", "\u0435", "\ud800", "\U0001f600", "\r", "\x0b", "\x85", "\u2028", "\x7f", "\u00df", "\u0130", "\u0661", "''", '"""',
    "'''", "${", "}", "\\", "`", "//", "///", "/*", "===", "?.", "<>", "=>", "&", ";", "#", "@", "$", "~", "-", "--", "0x", "1e", "1.", "..", "?", "??", ".?",
)  # fmt: skip
SIGNS = ("(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "|", "+", "-", "*", "/", "!", "<", ">", "->", "||", "&&", "==", "in")


#: About a token, from its beginning or from within.
PIECE = re.compile(r"""\w+|"[^"\n]*"|'[^'\n]*'|[-=<>!&|?.]{2}|\S""")


@attrs.frozen
class Input:
    """A text, and what it is given to: a flow, an expression, or JSON for the importer."""

    kind: str
    text: str


@functools.cache
def flows() -> tuple[str, ...]:
    """The golden cases and the parts of the good flows, none long."""
    cases = [case.source for path in sorted(CASES.glob("*.flowtest")) for case in read(path)]
    shapes = [shape.strip("\n") for text in corpus.GOOD[::7] for shape in text.split("\nflow ")[1:]]
    return tuple(text for text in [*cases, *("flow " + shape for shape in shapes)] if len(text) <= MOST_CHARS)


@functools.cache
def expressions() -> tuple[str, ...]:
    """Those of the conformance cases, none long."""
    rows = EXPRESSIONS.read_text(encoding="utf-8").splitlines()
    return tuple(dict.fromkeys(text for text in (json.loads(row)["expr"] for row in rows) if len(text) <= MOST_CHARS))


@functools.cache
def seeds() -> tuple[str, ...]:
    """Workflows in the JSON of the seed."""
    step = {"title": "t", "description": "", "action": {"type": "wait", "duration": "2 days"}}
    steps = [
        {"title": "a", "description": "d", "action": {"type": "filter", "conditions": [{"field": "status", "operator": "equals", "value": "x"}]}},
        {"title": "b", "description": "", "action": {"type": "email", "template": "proposal", "to": "lead"}},
        {"title": "c", "description": "", "action": {"type": "slack", "channel": "#c", "text": "hi"}},
        step,
    ]  # fmt: skip
    return (
        json.dumps({"name": "w", "description": "x", "trigger": "lead", "nodes": steps}),
        json.dumps([step]),
        json.dumps(step),
    )


@functools.cache
def pieces() -> tuple[str, ...]:
    """Every token of the corpus once, and every word there is."""
    tokens = {token.text for text in flows() for token in lex(text).tokens}
    words = {word for words in WORDS.values() for word in words}
    return tuple(sorted({*tokens, *words, *SIGNS, *NAMES}))


def make_input(seed: int, number: int) -> Input:
    """Input `number` of `seed`."""
    chance = random.Random(seed * 1_000_003 + number)
    kind = chance.choices(("flow", "expression", "json"), (70, 28, 2))[0]
    if kind == "json":
        return Input(kind, spoilt(chance.choice(seeds()), chance, seeds()))
    return Input(kind, chance.choices(tuple(MAKERS), tuple(MAKERS.values()))[0](kind, chance))


def spoilt(text: str, chance: random.Random, others: tuple[str, ...]) -> str:
    """The text after one to four accidents."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        text = chance.choice(ACCIDENTS)(text, chance, others)[: 2 * MOST_CHARS]
    return text


def _mutated(kind: str, chance: random.Random) -> str:
    others = flows() if kind == "flow" else expressions()
    return spoilt(chance.choice(others), chance, others)


def _derived(kind: str, chance: random.Random) -> str:
    start = "expression" if kind == "expression" else chance.choice(("start", "flow", "flow", "statement"))
    start = start if start in grammar().rules else "start"
    text = grammar().derive(start, chance, chance.choice((1, 2, 3, 4, 5, 6)))[: 2 * MOST_CHARS]
    if start == "statement":
        text = "flow f(lead: Lead, order: Order) {\n" + text + "\n}\n"
    if chance.random() < 0.3:
        text = spoilt(text, chance, (text,))
    return text


def _jumbled(_: str, chance: random.Random) -> str:
    text = "".join(chance.choice(pieces()) + chance.choice((" ", " ", "", "\n")) for _ in range(chance.randrange(1, 40)))
    return "flow f(lead: Lead) {\n" + text + "\n}" if chance.random() < 0.5 else text


def _repeated(_: str, chance: random.Random) -> str:
    """One or two pieces over and over: what nests, nests deeply."""
    unit = "".join(chance.choice(pieces() + NASTY) + chance.choice(("", " ", "\n")) for _ in range(chance.choice((1, 1, 2, 3))))
    text = unit * chance.choice((3, 10, 40, 100))
    return ("flow f { let x = " + text if chance.random() < 0.5 else text)[: 2 * MOST_CHARS]


def _bytes(_: str, chance: random.Random) -> str:
    data = chance.randbytes(chance.randrange(1, 80))
    return data.decode(chance.choice(("latin-1", "utf-8", "ascii")), errors=chance.choice(("replace", "surrogateescape")))


def _letters(_: str, chance: random.Random) -> str:
    return "".join(
        chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x110000)))) for _ in range(chance.randrange(60))
    )


MAKERS: dict[Callable[[str, random.Random], str], int] = {
    _mutated: 50, _derived: 25, _jumbled: 10, _repeated: 5, _bytes: 5, _letters: 5,
}  # fmt: skip


def _span(text: str, chance: random.Random) -> tuple[int, int]:
    """A token, or any range."""
    start = chance.randrange(len(text) + 1)
    token = PIECE.search(text, start) if chance.random() < 0.7 else None
    if token is not None:
        return token.span()
    return start, min(len(text), start + chance.choice((0, 1, 1, 2, 5, 20, 60)))


def _delete(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    start, end = _span(text, chance)
    return text[:start] + text[end:]


def _double(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    start, end = _span(text, chance)
    return text[:end] + text[start:end] * chance.choice((1, 1, 2, 30)) + text[end:]


def _replace(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    start, end = _span(text, chance)
    return text[:start] + chance.choice(pieces()) + text[end:]


def _insert(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    start, _end = _span(text, chance)
    return text[:start] + chance.choice(NASTY + SIGNS) + text[start:]


def _move(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    start, end = _span(text, chance)
    rest = text[:start] + text[end:]
    at = _span(rest, chance)[0] if rest else 0
    return rest[:at] + text[start:end] + rest[at:]


def _splice(text: str, chance: random.Random, others: tuple[str, ...]) -> str:
    other = chance.choice(others)
    start, end = _span(other, chance)
    at, upto = _span(text, chance)
    return text[:at] + other[start : max(end, start + chance.choice((0, 30)))] + text[upto:]


def _grow(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    """A token becomes a whole expression."""
    start, end = _span(text, chance)
    return text[:start] + grammar().derive("expression", chance, 3)[:MOST_CHARS] + text[end:]


def _cut(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] if chance.random() < 0.5 else text[at:]


def _lines(text: str, chance: random.Random, _: tuple[str, ...]) -> str:
    lines = text.split("\n")
    chance.shuffle(lines)
    return "\n".join(lines)


ACCIDENTS = (_delete, _delete, _double, _replace, _replace, _insert, _insert, _move, _splice, _grow, _cut, _lines)
