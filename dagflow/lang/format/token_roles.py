"""The role of each token of a text: the part of the grammar that the formatter needs.

The walk over the tables is the parser's, but it builds no tree: of a part it records only the offset of the first token. That
takes a sixth of the time of a tree, and a text is formatted while its author waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, cast

import attrs
import lark

from dagflow.lang.syntax.lark_parser import Parse
from dagflow.lang.syntax.lexer import Token, with_newlines
from dagflow.lang.syntax.reductions.children import Children

#: How loosely an operator binds, the loosest first: a line is broken there first.
LEVELS: Final = {
    "QMARK": 0, "COLON": 0, "VBAR": 1, "QQ": 1, "OROR": 2, "ANDAND": 3, "RELOP": 4, "LESSTHAN": 4, "MORETHAN": 4, "IN": 4,
    "ADDOP": 5, "MINUS": 5, "MULOP": 6,
}  # fmt: skip

#: Rules that are a line each, whether or not a newline separates them.
_LINES: Final = frozenset(
    [
        "on_setting", "once", "rate", "debounce", "singleton", "throttle", "concurrency", "cancel_on", "timeout_setting", "retry_setting", "priority",
        "case", "broken_setting",
    ]
)  # fmt: skip
#: Rules whose `{` holds statements, and those whose `{` holds the fields of a declaration.
_BLOCKS: Final = frozenset(["block", "flow", "switch", "test"])
_DECLARATIONS: Final = frozenset(["type_record", "event_decl"])
#: Rules whose `(` stands right behind a name.
_CALLS: Final = frozenset(["call", "function", "root_function", "method", "action_decl", "flow", "any_of", "settled"])
#: Rules that may begin a line of their own inside of a statement.
_CLAUSES: Final = frozenset(
    ["after", "when", "retry_mod", "attempt_timeout", "within", "default", "undo", "was", "on_unknown", "mod"]
)
#: Words that may do so within a rule. Each carries a statement on, so no line that begins with it is read as a new one.
_CLAUSE_WORDS: Final = {
    "on_setting": frozenset(["WHEN", "WITH"]),
    "cancel_on": frozenset(["WHEN"]),
    "concurrency": frozenset(["BY"]),
    "rate": frozenset(["BY"]),
    "singleton": frozenset(["BY"]),
    "throttle": frozenset(["BY"]),
    "debounce": frozenset(["BY", "MAX"]),
    "once": frozenset(["WITHIN"]),
}


@attrs.frozen
class Roles:
    """The roles of tokens, each by the token's offset.

    Attributes:
        lines: tokens that begin a statement, a setting, a case or a declaration.
        clauses: tokens that begin a modifier or the like.
        blocks: each `{` around statements. declarations: each `{` around the fields of a `type` or an `event`.
        levels: operators between operands, and how loosely they bind (see `LEVELS`).
        type_commas: each comma between the arguments of a type, as in `map<string, int>`.
        tight_before, tight_after: tokens without a blank on that side, where their kind alone does not decide it.
    """

    lines: set[int] = attrs.field(factory=set[int])
    clauses: set[int] = attrs.field(factory=set[int])
    blocks: set[int] = attrs.field(factory=set[int])
    declarations: set[int] = attrs.field(factory=set[int])
    levels: dict[int, int] = attrs.field(factory=dict[int, int])
    type_commas: set[int] = attrs.field(factory=set[int])
    tight_before: set[int] = attrs.field(factory=set[int])
    tight_after: set[int] = attrs.field(factory=set[int])


def find_roles(tokens: Sequence[Token]) -> Roles | None:
    """The roles of the tokens of a whole text, or None if it does not parse."""
    roles = Roles()

    def read() -> Iterator[Token]:
        begins = True
        for token in with_newlines(tokens):
            yield parse.read(token)
            if begins:
                roles.lines.add(token.start)
            begins = token.type == "_NL"

    parse = Parse("start", read, _Marker(roles).build)
    try:
        parse.run()
    except lark.UnexpectedToken:
        return None
    return roles


class _Marker:
    """Notes roles when rules are reduced. A part of the tree is the offset of its first token; tokens are themselves."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._rules: dict[str, Callable[[str, Children], None]] = {
            **dict.fromkeys(_CALLS, self._call),
            **dict.fromkeys(_LINES, self._line),
            **dict.fromkeys(_CLAUSES, self._clause),
            **dict.fromkeys(_DECLARATIONS, self._declaration),
            "block": self._block,
            "flow": self._flow,
            "switch": self._switch,
            "test": self._block,
            "binary": self._operator,
            "cond": self._operator,
            "enum_type": self._operator,
            "unary": self._prefix,
            "elem": self._prefix,
            "entry": self._prefix,
            "root_name": self._prefix,
            "index": self._index,
            "named_type": self._named_type,
            "optional_type": self._optional_type,
            "for_opt": self._for_option,
            "mock": self._mock,
        }

    def build(self, name: str, children: Children) -> object:
        rule = self._rules.get(name)
        if rule is not None:
            rule(name, children)
        if not children:
            return children
        first = children[0]
        return first if type(first) is int else cast("Token", first).start

    def _call(self, name: str, c: Children) -> None:
        self._roles.tight_before.update(token.start for token in c.tokens("LPAR")[:1])
        if name == "root_function":
            self._prefix(name, c)

    def _line(self, name: str, c: Children) -> None:
        self._roles.lines.add(_start(c))
        for word in _CLAUSE_WORDS.get(name, ()):
            self._roles.clauses.update(token.start for token in c.tokens(word))

    def _clause(self, _name: str, c: Children) -> None:
        self._roles.clauses.add(_start(c))

    def _declaration(self, _name: str, c: Children) -> None:
        self._roles.declarations.add(c.tokens("LBRACE")[0].start)

    def _block(self, _name: str, c: Children) -> None:
        opening = c.tokens("LBRACE")[0]
        self._roles.blocks.add(opening.start)
        follower = c[c.index(opening) + 1]
        if type(follower) is int:
            self._roles.lines.add(follower)

    def _flow(self, name: str, c: Children) -> None:
        self._block(name, c)
        self._call(name, c)

    def _switch(self, name: str, c: Children) -> None:
        self._block(name, c)
        self._roles.lines.update(token.start for token in c.tokens("ELSE"))

    def _operator(self, _name: str, c: Children) -> None:
        for child in c[1::2]:
            token = cast("Token", child)
            self._roles.levels[token.start] = LEVELS[token.type]

    def _prefix(self, _name: str, c: Children) -> None:
        first = c[0]
        if type(first) is Token:
            self._roles.tight_after.add(first.start)

    def _index(self, _name: str, c: Children) -> None:
        self._roles.tight_before.add(cast("Token", c[1]).start)
        self._roles.tight_after.update(token.start for token in c.tokens("QMARK"))

    def _named_type(self, _name: str, c: Children) -> None:
        for sign in (*c.tokens("LESSTHAN"), *c.tokens("MORETHAN")):
            self._roles.tight_before.add(sign.start)
        self._roles.tight_after.update(sign.start for sign in c.tokens("LESSTHAN"))
        self._roles.type_commas.update(sign.start for sign in c.tokens("COMMA"))

    def _optional_type(self, _name: str, c: Children) -> None:
        self._roles.tight_before.add(cast("Token", c[1]).start)

    def _mock(self, name: str, c: Children) -> None:
        self._call(name, c)
        brackets = c.tokens("RPAR")
        behaviours = c[c.index(brackets[0]) + 1 :] if brackets else c[2:]
        if len(behaviours) > 1:
            self._roles.clauses.update(cast("list[int]", behaviours))

    def _for_option(self, _name: str, c: Children) -> None:
        if cast("Token", c[0]).type in {
            "MAX",
            "COLLECT",
        }:  # `parallel` and `key` at the beginning of a line would be a new statement
            self._roles.clauses.add(_start(c))


def _start(c: Children) -> int:
    first = c[0]
    return first if type(first) is int else cast("Token", first).start
