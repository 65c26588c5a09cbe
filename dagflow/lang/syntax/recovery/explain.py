"""Explain a syntax error where the grammar has no room for a token, in the author's words, and decide how to go on.

`explain` tries its readings of the mistake one after the other, the most telling first. A reading that knows the intent mends the
tokens, so that the rest of the statement is still checked; otherwise the statement is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span, nearest
from dagflow.lang.syntax.keywords import SETTINGS
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.broken_heads import keeping_body
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, diagnostic, not_a_step_name, replacing, short, shown
from dagflow.lang.syntax.recovery.foreign_statements import FOREIGN_STATEMENTS
from dagflow.lang.syntax.recovery.foreign_syntax import FOREIGN
from dagflow.lang.syntax.recovery.foreign_types import FOREIGN_TYPES
from dagflow.lang.syntax.recovery.foreign_words import FOREIGN_WORDS
from dagflow.lang.syntax.recovery.missing_tokens import MISSING

_UNITS: Final = {
    "ms": "ms", "millisecond": "ms", "s": "s", "sec": "s", "second": "s", "m": "m", "min": "m", "minute": "m", "h": "h", "hr": "h",
    "hour": "h", "d": "d", "day": "d", "w": "w", "week": "w",
}  # fmt: skip
_WORD_OPERATORS: Final = {"and": ("ANDAND", "&&"), "or": ("OROR", "||"), "is": ("RELOP", "=="), "equals": ("RELOP", "==")}
_OPERANDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES", "LSQB", "LBRACE", "BROKEN_VALUE"])
_ENDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES", "RSQB", "RPAR", "RBRACE"])
_ITEMS: Final = ("flow", "type", "event", "action", "import", "test")
_ONLY_SETTINGS: Final = frozenset(SETTINGS) - {"timeout", "retry"}
STATEMENTS: Final = (
    "filter", "if", "switch", "let", "parallel", "do", "for", "emit", "yield", "return", "stop", "fail", "wait", "start",
)  # fmt: skip
#: Statements that cannot have a name, and statements that have it behind their word.
_NAMELESS: Final = frozenset(["emit", "yield", "return", "stop", "fail"])
_NAMED_BEHIND: Final = frozenset(["if", "filter", "switch", "do", "parallel"])
_MODIFIERS: Final = ("after", "when", "retry", "timeout", "within", "default", "undo", "was")


def explain(context: Context) -> Repair | Skip:
    """Report the error at the token the parser is stuck at."""
    for reading in _READINGS:
        answer = reading(context)
        if answer is not None:
            return keeping_body(context, answer) if isinstance(answer, Skip) else answer
    return keeping_body(context, Skip(_unexpected(context)))


def _single_equals(c: Context) -> Repair | None:
    if c.token.type != "EQUAL" or not c.accepts("RELOP") or c.first is c.previous:
        return None
    said = diagnostic(
        "E102", "`=` does not compare", c.token.span, "assignment is not an expression", "to compare, write two equals signs",
        replacing(c.token.span, "=="),
    )  # fmt: skip
    return Repair(said, [Token("RELOP", "==", c.token.start, c.token.end)], 1)


def _word_operator(c: Context) -> Repair | None:
    if c.token.type != "IDENT" or c.token.starts_line or c.token.text not in _WORD_OPERATORS:
        return None
    kind, sign = _WORD_OPERATORS[c.token.text]
    if not c.accepts(kind):
        return None
    said = diagnostic(
        "E103",
        f"`{c.token.text}` is not an operator",
        c.token.span,
        "operators are symbols",
        f"write `{sign}`",
        replacing(c.token.span, sign),
    )
    return Repair(said, [Token(kind, sign, c.token.start, c.token.end)], 1)


def _not(c: Context) -> Repair | None:
    word = c.previous
    if word.type != "IDENT" or word.text != "not" or c.token.type not in _OPERANDS or c.position <= c.start:
        return None
    # `!` binds tighter than a comparison, and the `not` of other languages does not.
    fix = None if _compares(c.tokens, c.position) else replacing(Span(word.start, c.token.start), "!")
    help_ = "write `!`" if fix is not None else "write `!(…)` around the comparison"
    said = diagnostic("E103", "`not` is not an operator", word.span, "operators are symbols", help_, fix)
    return Repair(said, [Token("BANG", "!", word.start, word.end)], 0, back=1)


def _compares(tokens: list[Token], begin: int) -> bool:
    """Whether a comparison follows, before the next `&&`, `||` or end of the condition."""
    depth = 0
    for token in tokens[begin:]:
        depth += (token.type in {"LPAR", "LSQB"}) - (token.type in {"RPAR", "RSQB"})
        if depth < 0 or (depth == 0 and token.type in {"ANDAND", "OROR", "LBRACE", "_NL", "$END", "COMMA", "QMARK"}):
            return False
        if depth == 0 and (token.type in {"RELOP", "LESSTHAN", "MORETHAN"} or token.text in {"in", "and", "or"}):
            return token.text not in {"and", "or"}
    return False  # pragma: no cover - the end of the file is a token


def _units(c: Context) -> Repair | None:
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
    return Repair(said, [Token("DURATION", duration, number.start, word.end, starts_line=number.starts_line)], 1, back=1)


def _nameless_statement(c: Context) -> Skip | None:
    """`x = emit "e" (…)`, `x = if c { }`: of these some have no name, others have it behind their word."""
    name = c.first
    if c.position < c.start + 2 or name.type != "IDENT" or c.tokens[c.start + 1].type != "EQUAL" or len(c.tokens) < c.start + 4:
        return None
    word, after = c.tokens[c.start + 2], c.tokens[c.start + 3]
    if word.type != "IDENT" or after.type in {"LPAR", "DOT"} or c.position > c.start + 3:
        return None
    head = Span(name.start, word.start)
    if word.text in _NAMED_BEHIND:
        colon = "" if word.text in {"do", "parallel"} else ":"
        said = diagnostic(
            "E103", f"the name of `{word.text}` stands behind the word", head, "only calls, `wait` and `for` are named with `=`",
            f"write `{word.text} {name.text}{colon}`",
            Fix(f"`{word.text} {name.text}{colon}`", is_safe=True, edits=(Edit(Span(name.start, word.end), f"{word.text} {name.text}{colon}"),)),
        )  # fmt: skip
        return Skip(said)
    if word.text in _NAMELESS:
        said = diagnostic(
            "E103", f"`{word.text}` has no name", head, f"nothing can be read of `{word.text}`",
            "leave the name out", Fix("delete", is_safe=False, edits=(Edit(head, ""),)),
        )  # fmt: skip
        return Skip(said)
    return None


def _keyword_as_name(c: Context) -> Skip | Repair | None:
    word = c.first
    if c.token.type != "EQUAL" or c.position != c.start + 1 or word.type != "IDENT":
        return None
    after = c.tokens[c.position + 1 : c.position + 3]
    said = not_a_step_name(word.text, word.span)
    if [token.type for token in after] not in (["IDENT", "LPAR"], ["IDENT", "DOT"]):
        return Skip(said)
    return Repair(said, [Token("IDENT", f"{word.text}_1", word.start, word.end, starts_line=True)], 0, back=1)


def _misspelt_here(c: Context) -> Repair | None:
    """A word that is nearly the keyword that fits here: `ese` for `else`."""
    word = c.token
    if word.type != "IDENT" or len(word.text) < 2:
        return None
    fitting = sorted(keyword.lower() for keyword in c.keywords if c.accepts(keyword))
    meant = nearest(word.text, fitting)
    if meant is None:
        return None
    said = diagnostic(
        "E103",
        f"unexpected `{word.text}`",
        word.span,
        "not a keyword",
        f"did you mean `{meant}`?",
        replacing(word.span, meant),
    )
    return Repair(said, [Token("IDENT", meant, word.start, word.end, starts_line=word.starts_line)], 1)


def _doubled(c: Context) -> Repair | None:
    """`lead lead`: the same word twice."""
    word = c.token
    between = c.text[c.previous.end - c.offset : word.start - c.offset]
    if word.type != "IDENT" or c.previous.text != word.text or c.position <= c.start or between.strip():
        return None
    gap = Span(c.previous.end, word.end)
    fix = Fix("delete", is_safe=True, edits=(Edit(gap, ""),))
    return Repair(
        diagnostic("E103", f"`{word.text}` stands here twice", word.span, "once is enough", "remove one of them", fix), [], 1
    )


def _message_literal(c: Context) -> Repair | None:
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
    return Repair(said, [], 0, back=1)


def _late_setting(c: Context) -> Skip | None:
    word = c.first
    if word.text not in _ONLY_SETTINGS or c.position != c.start + 1 or c.in_settings:
        return None
    steps = _first_step(c)
    label = f"the first step is on line {c.line_of(steps)}" if steps else "this is not the beginning of the flow"
    help_ = f"move this line above line {c.line_of(steps)}" if steps else "move it to the beginning of the flow"
    return Skip(diagnostic("E108", "settings come before the first step", word.span, label, help_))


def _misspelt_keyword(c: Context) -> Repair | Skip | None:
    """`fliter x`: two words where no statement has them."""
    word = c.first
    if c.position != c.start + 1 or word.type != "IDENT" or c.token.type not in _OPERANDS:
        return None
    is_top_level = c.accepts("BROKEN_ITEM") or not any(t.type == "LBRACE" for t in c.tokens[: c.start])
    words = _ITEMS if is_top_level else (*STATEMENTS, *_MODIFIERS, *SETTINGS)
    meant = None if word.text in words else nearest(word.text, words)
    if meant is None:
        return None
    said = diagnostic(
        "E103", f"unexpected {shown(c.token)} after `{word.text}`", word.span, "a statement cannot start like this", f"did you mean `{meant}`?",
        replacing(word.span, meant),
    )  # fmt: skip
    if meant in STATEMENTS:
        return Repair(said, [Token("IDENT", meant, word.start, word.end, starts_line=True)], 0, back=1)
    return Skip(said)


def _not_an_item(c: Context) -> Skip | Repair | None:
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
        return Skip(said)
    return Repair(said, [Token("IDENT", meant, c.token.start, c.token.end, starts_line=True)], 1)


def _unexpected(c: Context) -> Diagnostic:
    if c.token.type in {"_NL", "$END", "RBRACE"} and c.is_at_line_end:
        return diagnostic(
            "E101",
            f"something is missing after `{short(c.previous)}`",
            c.place,
            "the line ends here",
            "complete the statement",
        )
    if c.position == c.start:
        help_ = "a statement begins with a step's name, an action, or a word such as `filter`, `if`, `wait`"
        return diagnostic("E103", f"unexpected {shown(c.token)}", c.token.span, "a statement cannot start like this", help_)
    return diagnostic(
        "E103", f"unexpected {shown(c.token)} after `{short(c.previous)}`", c.token.span, "does not fit here",
        "remove it, or begin a new line for a new statement",
    )  # fmt: skip


_READINGS: Final[tuple[Callable[[Context], Repair | Skip | None], ...]] = (
    *FOREIGN_STATEMENTS,
    *FOREIGN_WORDS, *FOREIGN_TYPES,
    _doubled, _nameless_statement, _keyword_as_name, _single_equals, _word_operator, _not, _units, _message_literal, _late_setting,
    *FOREIGN,
    _misspelt_keyword, _not_an_item, _misspelt_here,
    *MISSING,
)  # fmt: skip


def _matching(tokens: list[Token], position: int) -> int:
    """The position of the `}` of a `{`; brackets have been mended, so there is one."""
    depth = 0
    for i in range(position, len(tokens)):  # pragma: no branch - there is one
        depth += (tokens[i].type == "LBRACE") - (tokens[i].type == "RBRACE")
        if depth == 0:
            return i
    return position  # pragma: no cover - there is one


def _first_step(c: Context) -> Token | None:
    """The first statement of the flow around the position that is not a setting."""
    head = max((i for i in range(c.start) if c.tokens[i].text == "flow" and c.tokens[i].starts_line), default=-1)
    for i in range(max(head, 0) + 1, c.start):
        token = c.tokens[i]
        begins = token.starts_line or c.tokens[i - 1].type == "LBRACE"
        if begins and token.type == "IDENT" and token.text not in SETTINGS:
            return token
    return None
