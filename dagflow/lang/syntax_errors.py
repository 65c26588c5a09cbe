"""What is wrong where the grammar has no room for a token, in the author's words, and how to go on.

`explain` tries its readings of the mistake one after the other, the most telling first. A reading that knows what was meant mends the
tokens, so that the rest of the statement is still checked; otherwise the statement is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span, nearest
from dagflow.lang.lexer import Token
from dagflow.lang.stuck import Context, Mended, Skipped, diagnostic, found, inserting, replacing, short, shown

_UNITS: Final = {
    "ms": "ms", "millisecond": "ms", "s": "s", "sec": "s", "second": "s", "m": "m", "min": "m", "minute": "m", "h": "h", "hr": "h",
    "hour": "h", "d": "d", "day": "d", "w": "w", "week": "w",
}  # fmt: skip
_WORD_OPERATORS: Final = {"and": ("ANDAND", "&&"), "or": ("OROR", "||"), "is": ("RELOP", "=="), "equals": ("RELOP", "==")}
_OPERANDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES", "LSQB", "LBRACE", "BROKEN_VALUE"])
_ENDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES", "RSQB", "RPAR", "RBRACE"])
_ITEMS: Final = ("flow", "type", "event", "action", "import", "test")
_SETTINGS: Final = ("on", "concurrency", "rate", "debounce", "once", "cancel", "timeout", "retry", "priority")
_ONLY_SETTINGS: Final = frozenset(_SETTINGS) - {"timeout", "retry"}
STATEMENTS: Final = (
    "filter", "if", "switch", "let", "parallel", "do", "for", "emit", "yield", "return", "stop", "fail", "wait", "start",
)  # fmt: skip
_MODIFIERS: Final = ("after", "when", "retry", "timeout", "within", "default", "undo", "was")


def explain(context: Context) -> Mended | Skipped:
    """Say what is wrong at the token the parser is stuck at."""
    for reading in _READINGS:
        answer = reading(context)
        if answer is not None:
            return answer
    return Skipped(_unexpected(context))


def _single_equals(c: Context) -> Mended | None:
    if c.token.type != "EQUAL" or not c.accepts("RELOP") or c.first is c.previous:
        return None
    said = diagnostic(
        "E102", "`=` does not compare", c.token.span, "assignment is not an expression", "to compare, write two equals signs",
        replacing(c.token.span, "=="),
    )  # fmt: skip
    return Mended(said, [Token("RELOP", "==", c.token.start, c.token.end)], 1)


def _word_operator(c: Context) -> Mended | None:
    if c.token.type != "IDENT" or c.token.starts_line or c.token.text not in _WORD_OPERATORS:
        return None
    kind, sign = _WORD_OPERATORS[c.token.text]
    if not c.accepts(kind):
        return None
    said = diagnostic(
        "E103",
        f"`{c.token.text}` is not an operator",
        c.token.span,
        "operators are signs",
        f"write `{sign}`",
        replacing(c.token.span, sign),
    )
    return Mended(said, [Token(kind, sign, c.token.start, c.token.end)], 1)


def _not(c: Context) -> Mended | None:
    word = c.previous
    if word.type != "IDENT" or word.text != "not" or c.token.type not in _OPERANDS or c.position <= c.start:
        return None
    said = diagnostic(
        "E103",
        "`not` is not an operator",
        word.span,
        "operators are signs",
        "write `!`",
        replacing(Span(word.start, c.token.start), "!"),
    )
    return Mended(said, [Token("BANG", "!", word.start, word.end)], 0, back=1)


def _units(c: Context) -> Mended | None:
    number, word = c.previous, c.token
    if number.type not in {"INT", "FLOAT"} or word.type != "IDENT":
        return None
    unit = _UNITS.get(word.text.lower()) or _UNITS.get(word.text.lower().removesuffix("s"))
    if unit is None:
        return None
    duration = number.text + unit
    span = Span(number.start, word.end)
    written = f"{c.tokens[c.position - 2].text} {number.text}" if c.position >= 2 else number.text
    said = diagnostic(
        "E103", f"unexpected word after `{written}`", word.span, "a duration is one word", "durations are written like `2d`, `30s`, `1h30m`",
        Fix(f"`{duration}`", is_safe=True, edits=(Edit(span, duration),)),
    )  # fmt: skip
    return Mended(said, [Token("DURATION", duration, number.start, word.end, starts_line=number.starts_line)], 1, back=1)


def _keyword_as_name(c: Context) -> Skipped | Mended | None:
    word = c.first
    if c.token.type != "EQUAL" or c.position != c.start + 1 or word.type != "IDENT":
        return None
    after = c.tokens[c.position + 1 : c.position + 3]
    said = diagnostic(
        "E104", f"`{word.text}` cannot be a step name", word.span, _word_meaning(word.text), "any name that is not a statement keyword",
        Fix(f"`{word.text}_1`", is_safe=False, edits=(Edit(word.span, f"{word.text}_1"),)),
    )  # fmt: skip
    if [token.type for token in after] not in (["IDENT", "LPAR"], ["IDENT", "DOT"]):
        return Skipped(said)
    return Mended(said, [Token("IDENT", f"{word.text}_1", word.start, word.end, starts_line=True)], 0, back=1)


def _message_literal(c: Context) -> Mended | None:
    name = c.previous
    is_typed = name.type == "IDENT" and name.text[:1].isupper() and c.token.type == "LBRACE"
    if not is_typed or name.end != c.token.start or c.position - 1 <= c.start:
        return None
    closing = _matching(c.tokens, c.position)
    span = Span(name.start, c.tokens[closing].end)
    said = diagnostic(
        "E109", "there are no message literals", span, "a record is written as a map",
        f"use a map; it is checked against `{name.text}` where one is expected", Fix("drop the name", is_safe=True, edits=(Edit(name.span, ""),)),
    )  # fmt: skip
    return Mended(said, [], 0, back=1)


def _late_setting(c: Context) -> Skipped | None:
    word = c.first
    if word.text not in _ONLY_SETTINGS or c.position != c.start + 1 or c.in_settings:
        return None
    steps = _first_step(c)
    label = f"the first step is on line {c.line_of(steps)}" if steps else "a step stands above it"
    help_ = f"move this line above line {c.line_of(steps)}" if steps else "move it to the beginning of the flow"
    return Skipped(diagnostic("E108", "settings come before the first step", word.span, label, help_))


def _misspelt_keyword(c: Context) -> Mended | Skipped | None:
    """`fliter x`: two words where no statement has them."""
    word = c.first
    if c.position != c.start + 1 or word.type != "IDENT" or c.token.type not in _OPERANDS:
        return None
    is_top_level = c.accepts("BROKEN_ITEM") or not any(t.type == "LBRACE" for t in c.tokens[: c.start])
    words = _ITEMS if is_top_level else (*STATEMENTS, *_MODIFIERS, *_SETTINGS)
    meant = None if word.text in words else nearest(word.text, words)
    if meant is None:
        return None
    said = diagnostic(
        "E103", f"unexpected {shown(c.token)} after `{word.text}`", word.span, "no statement begins so", f"did you mean `{meant}`?",
        replacing(word.span, meant),
    )  # fmt: skip
    if meant in STATEMENTS:
        return Mended(said, [Token("IDENT", meant, word.start, word.end, starts_line=True)], 0, back=1)
    return Skipped(said)


def _not_an_item(c: Context) -> Skipped | Mended | None:
    if c.position != c.start or not c.accepts("BROKEN_ITEM"):
        return None
    meant = nearest(c.token.text, _ITEMS) if c.token.type == "IDENT" else None
    help_ = f"did you mean `{meant}`?" if meant else "steps stand inside a flow: `flow name { … }`"
    fix = replacing(c.token.span, meant) if meant else None
    said = diagnostic(
        "E101",
        "expected a declaration",
        c.token.span,
        "a file is made of `flow`, `type`, `event` and `action` declarations",
        help_,
        fix,
    )
    if meant is None:
        return Skipped(said)
    return Mended(said, [Token("IDENT", meant, c.token.start, c.token.end, starts_line=True)], 1)


def _missing_colon(c: Context) -> Mended | None:
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
    return Mended(said, [Token("COLON", ":", name.end, name.end)])


def _missing_comma(c: Context) -> Mended | None:
    token = c.tokens[c.position + 1] if c.token.type == "_NL" else c.token
    if not c.accepts("COMMA") or token.type not in _OPERANDS or c.previous.type not in _ENDS | {"QMARK", "MORETHAN"}:
        return None
    if c.token.type == "_NL" and c.tokens[c.position + 2].type != "COLON":
        return None
    if (c.token.type != "_NL" and token.type == "LBRACE") or not _is_in_list(c):
        return None
    said = diagnostic(
        "E101", f"expected `,` before {shown(token)}", token.span, "the next one begins here", "parts of a list are separated by commas",
        inserting(c.previous.end, ","),
    )  # fmt: skip
    return Mended(said, [Token("COMMA", ",", c.previous.end, c.previous.end)], int(c.token.type == "_NL"))


def _missing_value(c: Context) -> Mended | None:
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
        "arguments are written `name: value`" if c.previous.type == "COLON" else "write a value, or remove what waits for it",
        Fix('insert `""`', is_safe=False, edits=(Edit(Span(c.place.start, c.place.start), '""'),)),
    )  # fmt: skip
    extra = [Token("BROKEN_VALUE", "", c.place.start, c.place.start)]
    # An operator with nothing on its left, as in `* 2`, is swallowed by the broken value.
    return Mended(said, extra, int(c.token.type in {"MULOP", "RELOP", "ANDAND", "OROR", "QQ", "ADDOP"}))


def _missing_type(c: Context) -> Skipped | None:
    if c.position <= c.start or not all(c.accepts(kind) for kind in ("IDENT", "STRING", "LBRACE")):
        return None
    help_ = 'types are written `int`, `list<string>`, `"new" | "won"`, `{a: int}` or `T?`'
    return Skipped(diagnostic("E101", f"expected a type after `{short(c.previous)}`", c.place, found(c), help_))


def _missing_sign(c: Context) -> Mended | Skipped | None:
    """One certain sign is missing: `{`, `(`, `)`, `=`, `->`, or a word such as `in`."""
    wanted = {
        "LBRACE": ("{", "a block is written `{ … }`"), "LPAR": ("(", "arguments stand in `( … )`"), "EQUAL": ("=", "a name is given a value with `=`"),
        "COLON": (":", "a name and its type are written `name: type`"), "IN": ("in", "loops are written `for x in list`"),
        "AS": ("as", "write `as name`"), "OF": ("of", "write `2 of (a, b)`"), "TO": ("to", "write `from 1s to 10m`"),
        "FOR": ("for", 'write `test "…" for flow`'), "PER": ("per", "write `rate 10 per 1h`"), "BY": ("by", "write `by` and what to count"),
    }  # fmt: skip
    missing = [(kind, *rest) for kind, rest in wanted.items() if c.accepts(kind)]
    is_operator_place = c.accepts("RELOP")
    if not missing or (is_operator_place and missing[0][0] != "LBRACE"):
        return None
    kind, sign, help_ = missing[0]
    if is_operator_place and c.token.type in _OPERANDS and not c.token.starts_line:
        return None
    fix = inserting(c.previous.end, f" {sign}")
    said = diagnostic("E101", f"expected `{sign}` after `{short(c.previous)}`", c.place, found(c), help_, fix)
    if kind in {"EQUAL", "COLON", "TO", "IN", "AS", "OF"} and c.token.type in _OPERANDS:
        return Mended(said, [Token(kind, sign, c.previous.end, c.previous.end)])
    return Skipped(said)


def _nameless_value(c: Context) -> Mended | None:
    """`x = 3`: a value wants `let`."""
    if c.previous.type != "EQUAL" or c.position != c.start + 2 or c.accepts("BROKEN_VALUE"):
        return None
    name = c.first
    said = diagnostic(
        "E101",
        f"expected an action after `{name.text} =`",
        c.place,
        found(c),
        "to name a value, write `let`",
        inserting(name.start, "let "),
    )
    if c.token.type not in _OPERANDS:
        return None
    let = Token("IDENT", "let", name.start, name.start, starts_line=True)
    return Mended(said, [let, name, c.previous], 0, back=2)


def _missing_number(c: Context) -> Skipped | None:
    if not c.accepts("INT") or c.accepts("STRING") or c.position <= c.start:
        return None
    return Skipped(
        diagnostic("E101", f"expected a number after `{short(c.previous)}`", c.place, found(c), "a whole number such as `5`")
    )


def _missing_name(c: Context) -> Skipped | None:
    if not c.accepts("IDENT") or c.position <= c.start:
        return None
    is_keyword = c.token.type == "IDENT"
    help_ = "this word is a keyword here; choose another name" if is_keyword else "names are made of letters, digits and _"
    return Skipped(diagnostic("E101", f"expected a name after `{short(c.previous)}`", c.place, found(c), help_))


def _missing_text(c: Context) -> Skipped | None:
    if not c.accepts("STRING") or c.position <= c.start:
        return None
    return Skipped(
        diagnostic("E101", f"expected a text after `{short(c.previous)}`", c.place, found(c), 'write it in quotes: `"…"`')
    )


def _missing_operator(c: Context) -> Skipped | None:
    if not c.accepts("RELOP") or c.token.type not in _OPERANDS or c.token.starts_line:
        return None
    return Skipped(
        diagnostic(
            "E103",
            f"unexpected {shown(c.token)} after `{short(c.previous)}`",
            c.token.span,
            "two values with no operator between them",
            "write an operator such as `==` or `&&`, or begin a new line for a new statement",
        )
    )


def _unexpected(c: Context) -> Diagnostic:
    if c.is_at_line_end:
        return diagnostic(
            "E101",
            f"something is missing after `{short(c.previous)}`",
            c.place,
            "the line ends here",
            "complete the statement",
        )
    if c.position == c.start:
        help_ = "a statement begins with a step's name, an action, or a word such as `filter`, `if`, `wait`"
        return diagnostic("E103", f"unexpected {shown(c.token)}", c.token.span, "no statement begins so", help_)
    return diagnostic(
        "E103", f"unexpected {shown(c.token)} after `{short(c.previous)}`", c.token.span, "does not fit here",
        "remove it, or begin a new line for a new statement",
    )  # fmt: skip


_READINGS: Final[tuple[Callable[[Context], Mended | Skipped | None], ...]] = (
    _keyword_as_name, _single_equals, _word_operator, _not, _units, _message_literal, _late_setting, _misspelt_keyword, _not_an_item,
    _missing_colon, _missing_comma, _missing_value, _missing_type, _nameless_value, _missing_number, _missing_sign, _missing_name, _missing_text, _missing_operator,
)  # fmt: skip


def _is_in_list(c: Context) -> bool:
    """Whether the innermost open bracket holds a list: arguments, elements, entries or fields, not a block."""
    depth = 0
    for token in reversed(c.tokens[: c.position]):
        if token.type in {"RPAR", "RSQB", "RBRACE"}:
            depth += 1
        elif token.type in {"LPAR", "LSQB", "LBRACE"}:
            if depth == 0:
                return True
            depth -= 1
    return False


def _matching(tokens: list[Token], position: int) -> int:
    """The position of the `}` of a `{`; brackets have been mended, so there is one."""
    depth = 0
    for i in range(position, len(tokens)):
        depth += (tokens[i].type == "LBRACE") - (tokens[i].type == "RBRACE")
        if depth == 0:
            return i
    return position


def _first_step(c: Context) -> Token | None:
    """The first statement of the flow around the position that is not a setting."""
    head = max((i for i in range(c.start) if c.tokens[i].text == "flow" and c.tokens[i].starts_line), default=-1)
    for i in range(max(head, 0) + 1, c.start):
        token = c.tokens[i]
        begins = token.starts_line or c.tokens[i - 1].type == "LBRACE"
        if begins and token.type == "IDENT" and token.text not in _SETTINGS:
            return token
    return None


def _word_meaning(word: str) -> str:
    kinds = {"wait": "a wait step", "filter": "a filter", "emit": "an emit step", "let": "a value", "start": "a detached run"}
    return (
        f"this word starts {kinds[word]}"
        if word in kinds
        else "this word has a meaning of its own at the beginning of a statement"
    )
