"""Readings of a mistake in which something is missing: a sign, a value, a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, diagnostic, found, inserting, short, shown, suggesting

_OPERANDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES", "LSQB", "LBRACE", "BROKEN_VALUE"])
_ENDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES", "RSQB", "RPAR", "RBRACE"])


#: By a token that must be one of several words there: the setting, what it must be, and what to write.
_MODES: Final = {
    "REPLACE": ("singleton", "`singleton` must end in `skip`, `queue` or `replace`", "to drop a request while a run is under way, write `skip`"),
    "ALLOW": ("overlap", "`overlap` must be `allow`, `skip`, `queue` or `replace`", "to drop a slot while a run is under way, write `skip`"),
    "NONE": ("catchup", "`catchup` must be `none`, `last` or `all within …`", "to start nothing for slots that are late, write `none`"),
    "WITHIN": ("catchup all", "`catchup all` must say how late: `within …`", "write for example `catchup all within 2d`"),
}  # fmt: skip


def _missing_mode(c: Context) -> Skip | None:
    """`singleton by k`, `overlap`, `catchup` without what comes behind them."""
    before = " ".join(token.text for token in c.tokens[max(c.position - 2, 0) : c.position])
    for kind, (words, title, help_) in _MODES.items():
        is_there = c.first.text == words if kind == "REPLACE" else f" {before}".endswith(f" {words}")
        if is_there and c.accepts(kind):
            return Skip(diagnostic("E101", title, c.place, found(c), help_))
    return None


def _missing_colon(c: Context) -> Repair | None:
    name, before = c.previous, c.tokens[max(c.position - 2, 0)]
    if name.type not in {"IDENT", "STRING"} or not c.accepts("COLON") or c.token.type not in _OPERANDS:
        return None
    if c.accepts("QMARK") and (before.type not in {"LPAR", "COMMA", "LBRACE"} or c.token.starts_line):
        return None
    if c.accepts("EQUAL"):
        return None
    said = diagnostic(
        "E101", f"expected `:` after `{short(name)}`", c.token.span, "the value begins here", "a name and its value are written `name: value`",
        inserting(name.end, ":"),
    )  # fmt: skip
    return Repair(said, [Token("COLON", ":", name.end, name.end)])


def _missing_comma(c: Context) -> Repair | None:
    token = c.tokens[c.position + 1] if c.token.type == "_NL" else c.token
    if not c.accepts("COMMA") or token.type not in _OPERANDS or c.previous.type not in _ENDS | {"QMARK", "MORETHAN"}:
        return None
    if c.token.type == "_NL" and c.tokens[c.position + 2].type != "COLON":
        return None
    if c.token.type != "_NL" and token.type == "LBRACE":
        return None
    if token.type == "STRING" and c.previous.type == "STRING" and not _is_named(c, token):
        return Repair(_two_texts(c, token), [Token("ADDOP", "+", c.previous.end, c.previous.end)])
    # Where the next part is on another line, the comma is missing at the end of this one.
    place = Span(c.previous.end, c.previous.end) if token.starts_line else token.span
    label = "the list goes on in the next line" if token.starts_line else "the next one begins here"
    said = diagnostic(
        "E101", f"expected `,` before {shown(token)}", place, label, "parts of a list are separated by commas",
        (inserting if _is_named(c, token) else suggesting)(c.previous.end, ","),
    )  # fmt: skip
    return Repair(said, [Token("COMMA", ",", c.previous.end, c.previous.end)], int(c.token.type == "_NL"))


def _is_named(c: Context, token: Token) -> bool:
    """Whether a colon follows a token, so that it certainly begins another argument, field or entry."""
    follower = c.tokens[c.position + 2] if c.token.type == "_NL" else c.next
    return follower.type == "COLON" and token.type in {"IDENT", "STRING"}


def _two_texts(c: Context, token: Token) -> Diagnostic:
    """`"a" "b"`: one text in some languages, a forgotten comma in others."""
    return diagnostic(
        "E103", "two texts with nothing between them", token.span, "the second one begins here",
        "to join texts, write `+`; parts of a list are separated by commas", suggesting(c.previous.end, " +"),
    )  # fmt: skip


def _missing_argument_name(c: Context) -> Repair | None:
    if c.token.type != "COLON" or c.previous.type not in {"LPAR", "COMMA"} or not c.wants_value:
        return None
    said = diagnostic(
        "E101",
        "expected a name before `:`",
        c.token.span,
        "the argument's name is missing",
        "arguments are written `name: value`",
    )
    return Repair(said, [Token("IDENT", "", c.token.start, c.token.start)])


def _missing_value(c: Context) -> Repair | None:
    if not c.wants_value or c.position <= c.start:
        return None
    if c.token.type == "COMMA":
        label = "a value should come before this comma"
    elif c.is_at_line_end:
        label = "the line ends here"
    else:
        label = f"a value should come before this {shown(c.token)}"
    name = c.tokens[c.position - 2].text + c.previous.text if c.previous.type == "COLON" else c.previous.text
    said = diagnostic(
        "E101", f"expected a value after `{name}`", c.place, label,
        "arguments are written `name: value`" if c.previous.type == "COLON" else "add the missing operand or remove the operator",
        Fix('insert `""`', is_safe=False, edits=(Edit(Span(c.place.start, c.place.start), '""'),)),
    )  # fmt: skip
    extra = [Token("BROKEN_VALUE", "", c.place.start, c.place.start)]
    return Repair(said, extra)


def _missing_brace(c: Context) -> Skip | None:
    """`data: "a": 1}`, `-> a: int}`: a colon behind what can only be the first part of a map or record."""
    before = c.tokens[max(c.position - 2, 0)]
    is_value = c.previous.type == "STRING" and (before.type in {"COLON", "EQUAL"} or before.text in {"return", "yield"})
    if c.token.type != "COLON" or not (is_value or (c.previous.type == "IDENT" and before.type in {"COLON", "ARROW"})):
        return None
    said = diagnostic(
        "E101", f"expected `{{` before `{short(c.previous)}`", c.previous.span, "the first of several begins here",
        "maps and records stand in `{ … }`", suggesting(c.previous.start, "{"),
    )  # fmt: skip
    return Skip(said)


def _named_in_expression(c: Context) -> Skip | None:
    """`return orders.close(id: 1)`: an action where a value is wanted, or a function whose arguments have names."""
    if c.token.type != "COLON" or c.previous.type != "IDENT" or not c.accepts("LPAR"):
        return None
    opening = c.position - 2
    if opening < c.start + 1 or c.tokens[opening].type != "LPAR" or c.tokens[opening - 1].type != "IDENT":
        return None
    first = opening - 1
    while first - 2 >= c.start and c.tokens[first - 1].type == "DOT" and c.tokens[first - 2].type == "IDENT":
        first -= 2
    callee = ".".join(short(token) for token in c.tokens[first:opening:2])
    said = diagnostic(
        "E103", "an expression takes no named arguments", c.previous.span, f"names an argument of `{callee}`",
        f"an action is a step of its own: write `result = {callee}(…)` before, and `result` here; a function takes values without names",
    )  # fmt: skip
    return Skip(said)


def _missing_paren(c: Context) -> Skip | None:
    """`email template: "x")`: a colon behind the first argument, and no `(` before it."""
    if c.token.type != "COLON" or c.previous.type != "IDENT" or not c.accepts("LPAR"):
        return None
    said = diagnostic(
        "E101", "expected `(` before the first argument", c.previous.span, "arguments begin here",
        "arguments stand in `( … )`", suggesting(c.previous.start, "("),
    )  # fmt: skip
    return Skip(said)


def _missing_type(c: Context) -> Skip | None:
    if c.position <= c.start or not all(c.accepts(kind) for kind in ("IDENT", "STRING", "LBRACE")):
        return None
    help_ = 'types are written `int`, `list<string>`, `"new" | "won"`, `{a: int}` or `T?`'
    return Skip(diagnostic("E101", f"expected a type after `{short(c.previous)}`", c.place, found(c), help_))


def _missing_sign(c: Context) -> Repair | Skip | None:
    """One certain sign is missing: `{`, `(`, `)`, `=`, `->`, or a word such as `in`."""
    wanted = {
        "LBRACE": ("{", "a block is written `{ … }`"), "LPAR": ("(", "arguments stand in `( … )`"), "EQUAL": ("=", "a name is given a value with `=`"),
        "COLON": (":", "a name and its type are written `name: type`"), "IN": ("in", "loops are written `for x in list`"),
        "AS": ("as", "write `as name`"), "OF": ("of", "write `2 of (a, b)`"), "TO": ("to", "write `from 1s to 10m`"),
        "FOR": ("for", 'write `test "…" for flow`'), "PER": ("per", "write `rate 10 per 1h`"), "BY": ("by", "write `by` and what to count"),
    }  # fmt: skip
    # `for` begins a loop wherever a statement may begin; only behind a test's name is it a word that is missing.
    # `=` behind a field's type is optional.
    needless = {"FOR": c.previous.type != "STRING", "EQUAL": c.accepts("COMMA")}
    missing = [(kind, *rest) for kind, rest in wanted.items() if c.accepts(kind) and not needless.get(kind, False)]
    is_operator_place = c.accepts("RELOP")
    if not missing or (is_operator_place and missing[0][0] != "LBRACE"):
        return None
    kind, sign, help_ = missing[0]
    if is_operator_place and c.token.type in _OPERANDS and not c.token.starts_line:
        return None
    # Only between a name and what follows it there is nothing else to be meant.
    is_certain = kind in {"EQUAL", "COLON", "TO", "IN", "AS", "OF"} and c.token.type in _OPERANDS
    fix = (inserting if is_certain else suggesting)(c.previous.end, f" {sign}")
    said = diagnostic("E101", f"expected `{sign}` after `{short(c.previous)}`", c.place, found(c), help_, fix)
    if is_certain:
        return Repair(said, [Token(kind, sign, c.previous.end, c.previous.end)])
    return Skip(said)


def _nameless_value(c: Context) -> Repair | Skip | None:
    """`x = 3`: a value wants `let`."""
    if c.previous.type != "EQUAL" or c.position != c.start + 2 or c.accepts("BROKEN_VALUE"):
        return None
    name = c.first
    is_value = c.token.type in _OPERANDS
    said = diagnostic(
        "E101", f"expected an action after `{name.text} =`", c.place, found(c), "to name a value, write `let`",
        inserting(name.start, "let ") if is_value else None,
    )  # fmt: skip
    if not is_value:
        return Skip(said)
    let = Token("IDENT", "let", name.start, name.start, starts_line=True)
    return Repair(said, [let, name, c.previous], 0, back=2)


def _missing_number(c: Context) -> Skip | None:
    if not c.accepts("INT") or c.accepts("STRING") or c.accepts("IDENT") or c.position <= c.start:
        return None
    return Skip(
        diagnostic("E101", f"expected a number after `{short(c.previous)}`", c.place, found(c), "a whole number such as `5`")
    )


def _missing_name(c: Context) -> Skip | None:
    if not c.accepts("IDENT") or c.position <= c.start:
        return None
    is_keyword = c.token.type == "IDENT"
    help_ = "this word is a keyword here; choose another name" if is_keyword else "names are made of letters, digits and _"
    return Skip(diagnostic("E101", f"expected a name after `{short(c.previous)}`", c.place, found(c), help_))


def _missing_text(c: Context) -> Skip | None:
    if not c.accepts("STRING") or c.position <= c.start:
        return None
    return Skip(
        diagnostic("E101", f"expected a text after `{short(c.previous)}`", c.place, found(c), 'write it in quotes: `"…"`')
    )


def _missing_operator(c: Context) -> Skip | None:
    if not c.accepts("RELOP") or c.token.type not in _OPERANDS or c.token.starts_line:
        return None
    return Skip(
        diagnostic(
            "E103",
            f"unexpected {shown(c.token)} after `{short(c.previous)}`",
            c.token.span,
            "two values with no operator between them",
            "write an operator such as `==` or `&&`, or begin a new line for a new statement",
        )
    )


#: The most telling first.
MISSING: Final[tuple[Callable[[Context], Repair | Skip | None], ...]] = (
    _missing_mode,
    _missing_brace,
    _named_in_expression,
    _missing_paren,
    _missing_colon,
    _missing_comma,
    _missing_argument_name,
    _missing_value,
    _missing_type,
    _nameless_value,
    _missing_number,
    _missing_sign,
    _missing_name,
    _missing_text,
    _missing_operator,
)
