"""The LALR(1) automaton: tables that Lark made of `grammar/flow.lark`, and the two stacks that walk them.

Theory. (Aho, Sethi, Ullman: Compilers, 4.7.) What a token makes of the stack of states is worked out first, without building anything:
LALR may reduce several times before it finds that a token fits nowhere, and then both stacks have to be as they were. Only a way that
ends in a shift is gone: the parts of the tree are built in its order, and the states it found replace those it used up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.reductions.children import Children

#: What a token that fits nowhere leads to; every other step is a state (shift) or a rule (-n - 1).
_NOWHERE: Final = 1 << 30

#: The states that stay, those that come on top, the rules reduced on the way, and the state after the shift (or `_NOWHERE` at the end).
_Way: TypeAlias = tuple[int, list[int], list[int], int]


@attrs.frozen
class Tables:
    """The automaton: per state, what each terminal or rule name leads to. Shift to n ≥ 0, reduce by rule -n - 1.

    Attributes:
        keywords: the terminals that are words. words: the same by the word.
        names, origins, sizes: per rule, what the builder calls it, what it makes, and of how many parts.
        units: rules that only give their one part another name. lists: those of repetitions.
    """

    start: dict[str, int]
    end: dict[str, int]
    keywords: frozenset[str]
    words: dict[str, str]
    names: list[str]
    origins: list[str]
    sizes: list[int]
    units: frozenset[int]
    lists: frozenset[int]
    states: list[dict[str, int]]
    #: See `move`; filled as it is asked for.
    moves: dict[tuple[int, int, str], tuple[int, int]] = attrs.field(factory=dict, eq=False)

    def move(self, below: int, top: int, kind: str) -> tuple[int, int]:
        """The state on top once every unit rule the lookahead asks for is applied (`expr` ← … ← `primary`: nine in a row), and the step there.

        Such a rule only gives what is on top another name, so where it leads depends on two states and the lookahead alone.
        """
        found = top
        step = self.states[found].get(kind, _NOWHERE)
        while step < 0 and below >= 0 and -step - 1 in self.units:
            found = self.states[below][self.origins[-step - 1]]
            step = self.states[found].get(kind, _NOWHERE)
        self.moves[below, top, kind] = found, step
        return found, step


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables of the grammar, loaded on first use (about 10 ms)."""
    from dagflow.lang.syntax._grammar import TABLES  # noqa: PLC0415 - 150 kB that only a compiler needs

    data = json.loads(TABLES)
    rules = [(str(name), str(origin), int(size), bool(single)) for name, origin, size, single in data["rules"]]
    return Tables(
        start=data["start"],
        end=data["end"],
        keywords=frozenset(data["keywords"]),
        words={word.lower(): word for word in data["keywords"]},
        names=[rule[0] for rule in rules],
        origins=[rule[1] for rule in rules],
        sizes=[rule[2] for rule in rules],
        units=frozenset(i for i, rule in enumerate(rules) if _is_unit(*rule)),
        lists=frozenset(i for i, rule in enumerate(rules) if rule[1].startswith("__")),
        states=data["states"],
    )


def _is_unit(name: str, origin: str, size: int, is_single: bool) -> bool:
    return is_single and size == 1 and name == origin and not origin.startswith("__")


class Automaton:
    """The two stacks: of states, and of what has been built so far, one part for each state but the first."""

    __slots__ = ("_build", "_tables", "start", "states", "values")

    def __init__(self, start: str, build: Callable[[str, Children], object]) -> None:
        self._tables = tables()
        self._build = build
        self.start = start
        self.states = [self._tables.start[start]]
        self.values: list[object] = []

    def kind(self, token: Token) -> str | None:
        """The terminal a token is in this state: the keyword of its text if there is room for it."""
        actions = self._tables.states[self.states[-1]]
        kind = token.type
        if kind == "IDENT":
            keyword = self._tables.words.get(token.text)
            if keyword is not None and keyword in actions:
                return keyword
        return kind if kind in actions else None

    def has_room(self, kind: str) -> bool:
        """Whether this state knows the terminal at all; much quicker than `accepts`, and true wherever that is."""
        return kind in self._tables.states[self.states[-1]]

    def accepts(self, kind: str) -> bool:
        """Whether a token of that kind would fit now."""
        return self._way(kind) is not None

    def feed(self, kind: str, token: Token) -> bool:
        """Reduce as far as the lookahead says, then shift; False, with the stacks as they were, if the token fits nowhere."""
        step = self._tables.states[self.states[-1]].get(kind, _NOWHERE)
        if step < 0 or step == _NOWHERE:
            way = self._way(kind)
            if way is None:
                return False
            n_own, pushed, reductions, step = way
            for rule in reductions:
                self._reduce(rule)
            self.states[n_own:] = pushed
        if step != _NOWHERE:
            self.states.append(step)
            self.values.append(token if kind == token.type else token.read_as(kind))
        return True

    def _way(self, kind: str) -> _Way | None:
        """What the token makes of the states, or None if it fits nowhere."""
        tables, own = self._tables, self.states
        moves, sizes = tables.moves, tables.sizes
        n_own = len(own) - 1
        pushed = [own[n_own]]
        reductions: list[int] = []
        while True:
            below = pushed[-2] if len(pushed) > 1 else own[n_own - 1] if n_own else -1
            top = pushed[-1]
            move = moves.get((below, top, kind)) or tables.move(below, top, kind)
            pushed[-1], step = move
            if step >= 0:
                if step == _NOWHERE and not (kind == "$END" and pushed[-1] == tables.end[self.start]):
                    return None
                return n_own, pushed, reductions, step
            rule = -step - 1
            reductions.append(rule)
            size = sizes[rule]
            if size >= len(pushed):
                n_own -= size - len(pushed)
                pushed.clear()
            elif size:
                del pushed[-size:]
            pushed.append(tables.states[pushed[-1] if pushed else own[n_own - 1]][tables.origins[rule]])

    def _reduce(self, rule: int) -> None:
        values, size = self.values, self._tables.sizes[rule]
        children = values[-size:] if size else []
        if size:
            del values[-size:]
        if rule not in self._tables.lists:
            values.append(self._build(self._tables.names[rule], flattened(children)))
            return
        # The list of a repetition grows in place, or a thousand statements would be copied a thousand times.
        head = children[0]
        values.append(flattened(children[1:], into=head) if isinstance(head, Children) else flattened(children))


def flattened(children: list[object], into: Children | None = None) -> Children:
    """The children with the lists of helper rules put in place."""
    result = Children() if into is None else into
    if Children not in map(type, children):
        result.extend(children)
        return result
    for child in children:
        if isinstance(child, Children):
            result.extend(child)
        else:
            result.append(child)
    return result
