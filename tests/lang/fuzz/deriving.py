"""Texts the grammar allows: random derivations of `grammar/flow.lark`, so a new construct is fuzzed the day it is written."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import attrs
import lark
from lark.grammar import NonTerminal, Symbol

GRAMMAR = Path(__file__).parents[3] / "grammar" / "flow.lark"

#: Names that are declared in the prelude, names of fields, words of CEL, names that a derivation itself may give.
NAMES = (  # noqa: SIM905 - a list of ninety literals says no more
    "lead order email slack log pay charge token crm lookup risk score name owner status tags created items total count note extra "
    "id tier sku qty price template to data channel text message amount run now secrets trigger event size map filter all exists "
    "has string int double duration timestamp matches contains startsWith orValue hasValue value optional of none cel bind math "
    "greatest a b c x y z f g Lead Item Order Email Url json list Secret bool bytes uint ok ts message_id error e steps first"
).split()
STRINGS = (
    '"a"', '""', "'b'", '"crm/lead.changed"', '"shop/order.placed"', '"new"', '"won"', '"gold"', '"${lead.name}"', '"x ${order.total} y"',
    '"${a}"', '"${a ?? "none"}"', '"${"', '"\\u00e9\\n"', '"\\q"', "r'\\d+'", '"""long\n"text" ${b}"""', "'''x'''", '"2024-01-01T00:00:00Z"', '"Europe/Paris"',
    '"0 9 * * 1"', '"{0}%s%d"', '"(a+)+$"', '"ann@example.com"', '"__class__"', '"1h"',
)  # fmt: skip
WORDS = {
    "IDENT": NAMES,
    "STRING": STRINGS,
    "INT": (
        "0",
        "1",
        "2",
        "3",
        "10",
        "1000",
        "9223372036854775807",
        "9223372036854775808",
        "0x1F",
        "99999999999999999999999999",
    ),
    "UINT": ("0u", "1u", "0xFFu", "18446744073709551615u", "18446744073709551616u"),
    "FLOAT": ("0.0", "1.5", ".5", "1e308", "1e309", "1e-400", "0.1"),
    "DURATION": ("1s", "0s", "2d", "1h30m", "500ms", "1.5h", "99999w", "9999999999w"),
    "BYTES": ("b'a'", 'b""', "b'\\xff'", "b'\\377'"),
    "QUOTED": ("`a`", "`in`", "`a-b`"),
    "RELOP": ("==", "!=", "<=", ">="),
    "MULOP": ("*", "/", "%"),
    "ON_ERROR": ("on error",),
    "_NL": ("\n",),
}
ENDLESS = 1_000


@attrs.frozen
class Grammar:
    """The rules: of each the expansions, and how deep each is at least, the shallowest first; the texts of each terminal."""

    rules: dict[str, list[tuple[tuple[Symbol, ...], int]]]
    terminals: dict[str, tuple[str, ...]]

    def derive(self, start: str, chance: random.Random, depth: int) -> str:
        """A random text of the rule `start`; below `depth` only the shallowest derivations are taken."""
        pieces: list[str] = []
        waiting: list[tuple[Symbol, int]] = [(NonTerminal(start), depth)]
        while waiting:
            symbol, left = waiting.pop()
            if not isinstance(symbol, NonTerminal):
                pieces.append(chance.choice(self.terminals[symbol.name]))
                continue
            expansion = self._choose(symbol.name, chance, left)
            # A rule with one part only gives it another name, which is no depth: expressions have ten such floors.
            left -= len(expansion) > 1
            waiting.extend((part, left) for part in reversed(expansion))
        return " ".join(pieces)

    def _choose(self, name: str, chance: random.Random, left: int) -> tuple[Symbol, ...]:
        options = self.rules[name]
        fitting = [option for option, depth in options if depth <= left]
        return chance.choice(fitting or [option for option, depth in options if depth == options[0][1]])


@functools.cache
def grammar() -> Grammar:
    """The grammar without its stand-ins for broken parts; Earley, since tables take a second to make and are not needed."""
    parser = lark.Lark(
        GRAMMAR.read_text(encoding="utf-8"), parser="earley", start=["start", "expression"], maybe_placeholders=False
    )
    rules: dict[str, list[tuple[Symbol, ...]]] = {}
    for rule in parser.rules:
        if not any(symbol.name.startswith("BROKEN") for symbol in rule.expansion):
            rules.setdefault(rule.origin.name, []).append(tuple(rule.expansion))
    terminals = {t.name: WORDS.get(t.name) or (str(t.pattern.value),) for t in parser.terminals}
    terminals |= {"_NL": WORDS["_NL"]}
    depths = _depths(rules)
    ranked = {
        name: sorted(((option, _depth(option, depths)) for option in options), key=lambda pair: pair[1])
        for name, options in rules.items()
    }
    return Grammar(ranked, terminals)


def _depth(expansion: tuple[Symbol, ...], depths: dict[str, int]) -> int:
    return max((depths.get(s.name, ENDLESS) if isinstance(s, NonTerminal) else 0 for s in expansion), default=0)


def _depths(rules: dict[str, list[tuple[Symbol, ...]]]) -> dict[str, int]:
    depths: dict[str, int] = {}
    is_changing = True
    while is_changing:
        is_changing = False
        for name, options in rules.items():
            least = min(1 + _depth(option, depths) for option in options)
            if least < depths.get(name, ENDLESS):
                depths[name] = least
                is_changing = True
    return depths
