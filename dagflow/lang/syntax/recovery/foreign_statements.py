"""Readings of statements and declarations of other languages: `try { }`, `const x`, `match x { }`, `function f() { }`, `a if c else b`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, diagnostic, replacing, token_after_closing

#: What begins a statement elsewhere: the token types that follow, the word here, a line of help.
_STATEMENTS: Final = {
    "const": (("IDENT",), "let", "a value is named with `let name = …`"), "var": (("IDENT",), "let", "a value is named with `let name = …`"),
    "val": (("IDENT",), "let", "a value is named with `let name = …`"), "auto": (("IDENT",), "let", "a value is named with `let name = …`"),
    "try": (("LBRACE",), "do", "errors are handled with `do { … } on error as e { … }`"),
    "match": (("IDENT",), "switch", 'cases are written `switch x { case "a" { … } else { … } }`'),
    "sleep": (("DURATION",), "wait", "a flow pauses with `wait 2d`"), "delay": (("DURATION",), "wait", "a flow pauses with `wait 2d`"),
}  # fmt: skip
#: What begins a declaration elsewhere.
_ITEMS: Final = {
    "def": "flow", "function": "flow", "func": "flow", "fn": "flow", "fun": "flow", "workflow": "flow", "proc": "flow",
    "struct": "type", "interface": "type", "record": "type",
}  # fmt: skip
_CATCHES: Final = frozenset(["catch", "except", "rescue"])
_VALUE_BEGINS: Final = frozenset(["LPAR", "LSQB", "LBRACE"])
_VALUE_ENDS: Final = frozenset(["RPAR", "RSQB", "RBRACE"])


def _not_here(word: Token, meant: str, help_: str) -> tuple[str, str, Span, str, str, Fix]:
    return "E103", f"`{word.text}` is not part of the language", word.span, "not a keyword", help_, replacing(word.span, meant)


def _statement(c: Context) -> Repair | None:
    word = c.first
    kinds, meant, help_ = _STATEMENTS.get(word.text, ((), "", ""))
    if c.position != c.start + 1 or c.token.type not in kinds or c.token.starts_line or c.accepts("BROKEN_ITEM"):
        return None
    said = diagnostic(*_not_here(word, meant, help_))
    return Repair(said, [Token("IDENT", meant, word.start, word.end, starts_line=True)], 0, back=1)


def _catch(c: Context) -> Repair | None:
    """`} catch e {`, `} catch (e) {`, `} except {`."""
    word = c.token
    if word.text not in _CATCHES or not c.accepts("ON_ERROR"):
        return None
    end = c.position + 1
    while c.tokens[end].type in {"LPAR", "RPAR", "IDENT"}:
        end += 1
    between = c.tokens[c.position + 1 : end]
    names = [token for token in between if token.type == "IDENT"]
    if c.tokens[end].type != "LBRACE" or len(names) > 1:
        return None
    name = names[0] if names else None
    meant = "on error" + (f" as {name.text}" if name is not None else "")
    span = Span(word.start, c.tokens[end - 1].end)
    said = diagnostic(
        "E103",
        f"`{word.text}` is not part of the language",
        word.span,
        "not a keyword",
        f"write `{meant}`",
        replacing(span, meant),
    )
    tokens = [Token("ON_ERROR", "on error", word.start, word.end)]
    if name is not None:
        tokens += [Token("IDENT", "as", name.start, name.start), name]
    return Repair(said, tokens, end - c.position)


def _item(c: Context) -> Repair | None:
    word = c.token
    if c.position != c.start or not c.accepts("BROKEN_ITEM") or word.text not in _ITEMS or c.next.type != "IDENT":
        return None
    meant = _ITEMS[word.text]
    said = diagnostic(
        *_not_here(word, meant, "steps stand in `flow name(…) { … }`" if meant == "flow" else "write `type Name { a: int }`")
    )
    return Repair(said, [Token("IDENT", meant, word.start, word.end, starts_line=True)], 1)


def _enum(c: Context) -> Repair | None:
    """`enum Status { new, won }`."""
    word = c.token
    if c.position != c.start or not c.accepts("BROKEN_ITEM") or word.text != "enum" or c.next.type != "IDENT":
        return None
    opening = c.position + 2
    if c.tokens[opening].type != "LBRACE":
        return None
    end = token_after_closing(c.tokens, opening)
    values = [token for token in c.tokens[opening + 1 : end - 1] if token.type not in {"COMMA", "_NL"}]
    if not values or any(token.type not in {"IDENT", "STRING"} for token in values):
        return None
    texts = [token.text if token.type == "STRING" else f'"{token.text}"' for token in values]
    name = c.next
    meant = f"type {name.text} = {' | '.join(texts)}"
    said = diagnostic(
        "E103", "`enum` is not part of the language", word.span, "not a keyword", f"write `{meant}`",
        Fix(f"`{meant}`", is_safe=True, edits=(Edit(Span(word.start, c.tokens[end - 1].end), meant),)),
    )  # fmt: skip
    tokens = [Token("IDENT", "type", word.start, word.end, starts_line=True), name, Token("EQUAL", "=", name.end, name.end)]
    for i, (token, text) in enumerate(zip(values, texts, strict=True)):
        tokens += [Token("VBAR", "|", token.start, token.start)] * bool(i) + [Token("STRING", text, token.start, token.end)]
    return Repair(said, tokens, end - c.position)


def _default_case(c: Context) -> Repair | None:
    """`default { … }` in a `switch`."""
    word = c.token
    if word.text != "default" or not c.accepts("ELSE") or c.next.type != "LBRACE" or c.accepts("DEFAULT"):
        return None
    said = diagnostic(
        "E103", "`default` is not a case", word.span, "a step's default value is written so", "what is left is written `else { … }`",
        replacing(word.span, "else"),
    )  # fmt: skip
    return Repair(said, [Token("IDENT", "else", word.start, word.end)], 1)


def _step_if(c: Context) -> Repair | None:
    """`log(…) if x > 3`."""
    word = c.token
    if word.text != "if" or word.starts_line or not c.accepts("WHEN") or c.accepts("RELOP"):
        return None
    said = diagnostic(
        "E103",
        "a step has no `if` behind it",
        word.span,
        "`when` comes here",
        "write `when` and the condition",
        replacing(word.span, "when"),
    )
    return Repair(said, [Token("IDENT", "when", word.start, word.end)], 1)


def _inline_if(c: Context) -> Skip | None:
    """`x if c else y`."""
    word = c.token
    if word.text != "if" or word.starts_line or not c.accepts("RELOP") or not c.accepts("QMARK"):
        return None
    begin = _begin_of_value(c)
    middle = next(
        (i for i in range(c.position + 1, len(c.tokens)) if c.tokens[i].text == "else" or c.tokens[i].type == "_NL"), 0
    )
    fix, help_ = None, "write `condition ? value : other`"
    if middle and c.tokens[middle].text == "else":
        end = _end_of_value(c, middle + 1)
        parts = [(c.tokens[begin], c.previous), (c.next, c.tokens[middle - 1]), (c.tokens[middle + 1], c.tokens[end - 1])]
        value, test, other = (c.text[first.start - c.offset : last.end - c.offset] for first, last in parts)
        meant = f"{test} ? {value} : {other}"
        fix, help_ = replacing(Span(parts[0][0].start, parts[2][1].end), meant), f"write `{meant}`"
    return Skip(diagnostic("E103", "there is no `if` inside of a value", word.span, "not an operator", help_, fix))


def _begin_of_value(c: Context) -> int:
    """Where the value before the position begins: behind the bracket around it, or a sign or word that a value follows."""
    depth, i = 0, c.position - 1
    while i > c.start:
        kind, before = c.tokens[i].type, c.tokens[i - 1]
        depth += (kind in _VALUE_ENDS) - (kind in _VALUE_BEGINS)
        if depth == 0 and (before.type in _VALUE_BEGINS | {"COMMA", "COLON", "EQUAL"} or before.text in {"return", "yield"}):
            break
        i -= 1
    return i


def _end_of_value(c: Context, begin: int) -> int:
    depth = 0
    for i in range(begin, len(c.tokens)):
        kind = c.tokens[i].type
        if depth == 0 and i > begin and (kind in {"COMMA", "_NL", "$END"} or kind in _VALUE_ENDS):
            return i
        depth += (kind in _VALUE_BEGINS) - (kind in _VALUE_ENDS)
    return len(c.tokens) - 1  # pragma: no cover - the end of the file is a token


def _bare_return(c: Context) -> Skip | Repair | None:
    """`return` alone, in a flow without a result."""
    word = c.previous
    if word.text != "return" or c.position != c.start + 1 or not (c.is_at_line_end or c.token.type == "RBRACE"):
        return None
    head = max((i for i in range(c.start) if c.tokens[i].text == "flow" and c.tokens[i].starts_line), default=None)
    if head is None:
        return None
    opening = next(i for i in range(head, len(c.tokens)) if c.tokens[i].type == "LBRACE" or c.tokens[i].type == "$END")
    if any(token.type == "ARROW" for token in c.tokens[head:opening]):
        return None
    is_in_loop = any(token.text == "for" for token in c.tokens[opening : c.start])
    fix = Fix("`stop`", is_safe=not is_in_loop, edits=(Edit(word.span, "stop"),))
    said = diagnostic(
        "E101",
        "expected a value after `return`",
        word.span,
        "this flow has no result",
        "a flow without a result ends with `stop`",
        fix,
    )
    return Repair(said, [Token("IDENT", "stop", word.start, word.end, starts_line=True)], 0, back=1)


def _backquotes(c: Context) -> Repair | None:
    text = c.token
    if text.type != "QUOTED" or not c.wants_value:
        return None
    meant = f'"{text.text[1:-1]}"'
    is_plain = '"' not in text.text
    said = diagnostic(
        "E103", "texts stand in double quotes", text.span, "backquotes stand around odd names of fields", 'write `"…"`',
        Fix('`"…"`', is_safe=is_plain, edits=(Edit(text.span, meant),)) if is_plain else None,
    )  # fmt: skip
    new = Token("STRING", meant, text.start, text.end) if is_plain else Token("BROKEN_VALUE", "", text.start, text.end)
    return Repair(said, [new], 1)


def _wait_for(c: Context) -> Repair | None:
    """`wait for event "…"`, `wait for 2d`."""
    word, before = c.previous, c.tokens[max(c.position - 2, 0)]
    if word.text != "for" or before.text != "wait" or c.token.type not in {"IDENT", "DURATION"}:
        return None
    fix = Fix("delete", is_safe=True, edits=(Edit(Span(word.start, c.token.start), ""),))
    said = diagnostic("E103", "`for` is not needed", word.span, "not here", 'write `wait 2d` or `wait event "…"`', fix)
    return Repair(said, [], 0, back=1)


def _retry(c: Context) -> Repair | None:
    """`retry 3 times`, `retry(3)`."""
    number, word = c.previous, c.token
    if word.text == "times" and number.type == "INT" and c.tokens[max(c.position - 2, 0)].text == "retry":
        fix = Fix("delete", is_safe=True, edits=(Edit(Span(number.end, word.end), ""),))
        return Repair(
            diagnostic("E103", "`times` is not needed", word.span, "not here", f"write `retry {number.text}`", fix), [], 1
        )
    inner = c.tokens[c.position : c.position + 3]
    if number.text == "retry" and [token.type for token in inner] == ["LPAR", "INT", "RPAR"]:
        meant = f"retry {inner[1].text}"
        fix = replacing(Span(number.start, inner[2].end), meant)
        said = diagnostic("E103", "`retry` is not called", inner[0].span, "no parentheses here", f"write `{meant}`", fix)
        return Repair(said, [inner[1]], 3)
    return None


#: To be tried before a word is taken for a slip of the pen.
FOREIGN_STATEMENTS: Final[tuple[Callable[[Context], Repair | Skip | None], ...]] = (
    _statement, _catch, _item, _enum, _default_case, _step_if, _inline_if, _bare_return, _backquotes, _wait_for, _retry,
)  # fmt: skip
