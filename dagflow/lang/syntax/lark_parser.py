"""Lark's LALR(1) parser of `grammar/flow.lark`, and what recovery asks of it besides parsing.

Theory. `grammar/build.py` has Lark save its parser; loading it costs a fraction of making it. Lark pulls the tokens from a lexer, and
`TokenStream` is one that hands over tokens which were cut and mended before. Each reduction calls the `build` of its parse, so no
Lark tree is built. Lark reduces before it finds that a token fits nowhere. The parser is therefore saved at intervals, and an
error goes back to a save and feeds the tokens since again.

Of what Lark's documentation does not describe, `Parse.parts` uses one attribute (`value_stack`), and `_identify_rules` the tables and
the functions of the rules; tests hold Lark to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, TypeAlias, cast

import attrs
import lark
from lark.grammar import Rule
from lark.lexer import Lexer, LexerState

from dagflow.gc_tuning import without_collecting
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.reductions.children import Children

#: Makes a part of the tree from a rule's name and its children.
Build: TypeAlias = Callable[[str, Children], object]
#: Begins to read tokens; called anew where parsing goes on after an error.
Source: TypeAlias = Callable[[], Iterator[Token]]

#: The tables, made by `grammar/build.py`.
TABLES: Final = "flow.tables"


class TokenStream(Lexer):
    """Hands Lark the tokens of a `Source`, which Lark gets in place of a text."""

    # Lark's number for lexers that take its state instead of a text.
    __future_interface__ = 2

    def __init__(self, lexer_conf: object) -> None:
        """Take Lark's configuration, which is about terminals it would have to match."""

    def lex(self, lexer_state: LexerState, parser_state: object) -> Iterator[Token]:
        """The tokens from where the source is."""
        _ = parser_state
        return cast("Source", lexer_state.text)()  # pyright: ignore[reportUnknownMemberType] - partly typed


class Reductions(lark.Transformer[Token, object]):
    """Calls the `build` of the parse that is going on for each rule; rules that begin with `_` leave their children to Lark."""

    def __getattr__(self, rule: str) -> Callable[[list[object]], object]:
        """The function for a rule; Lark asks once for each, and takes a name in capitals for a terminal's."""
        if rule.startswith("_") or rule.isupper():
            raise AttributeError(rule)
        current = _BUILD.get
        return lambda children: current()(rule, Children(children))


def _build_nothing(_rule: str, _children: Children) -> None:
    """Makes nothing, where the question is only whether a token fits."""


#: One parser serves all parses; those inside of `${…}` begin while the one around them reduces.
_BUILD: ContextVar[Build] = ContextVar("build", default=_build_nothing)


@lru_cache(maxsize=1)
def load() -> lark.Lark:
    """Lark with the grammar's tables, loaded on first use (about 25 ms).

    The file is a pickle, which is trusted as the code beside it is.
    """
    with without_collecting(), (files("dagflow.lang.syntax") / TABLES).open("rb") as file:
        loaded = lark.Lark.load(file)  # pyright: ignore[reportUnknownMemberType] - partly typed
        frontend: Any = loaded.parser
        _identify_rules(frontend.parser.parser)
        return loaded


class _Rule(Rule):
    """A rule that equals itself alone."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


def _identify_rules(parser: Any) -> None:
    """Let Lark find the function for a rule by the rule's identity: comparing rules took a tenth of the time of parsing."""
    actions = (action for state in parser.parse_table.states.values() for action in state.values())
    rules = {id(argument): argument for _, argument in actions if isinstance(argument, Rule)}
    functions = [(rule, parser.callbacks[rule]) for rule in rules.values()]
    of_terminals = [(name, function) for name, function in parser.callbacks.items() if not isinstance(name, Rule)]
    for rule in rules.values():
        rule.__class__ = _Rule
    # A new dictionary: the old one has the hashes of before.
    parser.callbacks = dict(functions + of_terminals)


@lru_cache(maxsize=1)
def keywords() -> dict[str, str]:
    """The terminals that are words, by their word."""
    return {t.pattern.value: t.name for t in load().terminals if t.pattern.type == "str" and t.pattern.value == t.name.lower()}


#: Lark's `InteractiveParser`, most methods of which have no types.
_Interactive: TypeAlias = Any


@attrs.frozen
class Saved:
    """A parser as it was.

    Attributes:
        lists: those of repetitions among its values, and how long they were. Lark grows them in place, so a copy shares them.
    """

    parser: _Interactive
    lists: list[tuple[list[object], int]]

    def shorten(self) -> None:
        """Remove the items that the lists have got since."""
        for children, length in self.lists:
            del children[length:]


class Parse:
    """One parse of a text: of the tokens that `source` yields, by Lark, with `build` called for each reduction."""

    __slots__ = ("_build", "_keywords", "_parser")

    def __init__(self, start: str, source: Source, build: Build) -> None:
        self._build = build
        self._keywords = keywords()
        self._parser: _Interactive = load().parse_interactive(source, start)  # pyright: ignore[reportUnknownMemberType]

    def run(self) -> object:
        """Parse to the end, from wherever the parser is.

        Raises:
            lark.UnexpectedToken: where a token fits nowhere; the parser has done all possible reductions then.
        """
        before = _BUILD.set(self._build)
        try:
            return self._parser.resume_parse()
        finally:
            _BUILD.reset(before)

    def feed(self, token: Token) -> None:
        """Take one token, which is known to fit."""
        before = _BUILD.set(self._build)
        try:
            self._parser.feed_token(token)
        finally:
            _BUILD.reset(before)

    def read(self, token: Token) -> Token:
        """The token as the parser takes it now: a word is a keyword where the grammar has room for it."""
        if token.type != "IDENT":
            return token
        keyword = self._keywords.get(token.text)
        return token.read_as(keyword) if keyword is not None and keyword in self._parser.choices() else token

    def accepts(self, kind: str) -> bool:
        """Whether a token of that kind would fit now."""
        # Places that differ in what may follow share a state, so only a shift is certain.
        choice = self._parser.choices().get(kind)
        if choice is None or str(choice[0]) == "Shift":
            return choice is not None
        saved = self.save()
        before = _BUILD.set(_build_nothing)
        try:
            saved.parser.feed_token(Token(kind, "", 0, 0))
        except lark.UnexpectedToken:
            return False
        finally:
            _BUILD.reset(before)
            saved.shorten()
        return True

    @property
    def parts(self) -> list[object]:
        """The stack of parts that are not reduced yet; the same list until the parser is restored."""
        parts: list[object] = self._parser.parser_state.value_stack
        return parts

    def save(self) -> Saved:
        """The parser as it is now."""
        trees: list[Any] = [part for part in self.parts if type(part) is lark.Tree]
        lists = [(tree.children, len(tree.children)) for tree in trees]
        return Saved(self._parser.copy(deepcopy_values=False), lists)

    def restore(self, saved: Saved) -> None:
        """Restore the parser to a saved state, which can be used more than once."""
        saved.shorten()
        self._parser = saved.parser.copy(deepcopy_values=False)
