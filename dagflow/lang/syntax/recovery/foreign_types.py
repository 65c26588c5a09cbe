"""Readings of types as other languages write them: `list[string]`, `string[]`, `name?: string`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip, diagnostic, token_after_closing

_OPENERS: Final = frozenset(["LPAR", "LSQB", "LBRACE", "LESSTHAN"])
_CLOSERS: Final = frozenset(["RPAR", "RSQB", "RBRACE", "MORETHAN"])


def _square_brackets(c: Context) -> Repair | None:
    """`list[string]` is `list<string>`, and `string[]` is `list<string>`. Only behind a type does `[` fit nowhere while `<` fits."""
    opener = c.token
    if opener.type != "LSQB" or opener.starts_line or c.previous.end != opener.start:
        return None
    if c.next.type == "RSQB":
        return _suffix(c)
    if not c.accepts("LESSTHAN") or c.previous.type != "IDENT":
        return None
    end = token_after_closing(c.tokens, c.position) - 1
    closer = c.tokens[end]
    edits = (Edit(opener.span, "<"), Edit(closer.span, ">"))
    inside = c.text[opener.end - c.offset : closer.start - c.offset]
    meant = f"{c.previous.text}<{inside}>"
    said = diagnostic(
        "E103", "a type takes its parts in `<…>`", Span(opener.start, closer.end), "square brackets make a list value",
        f"write `{meant}`", Fix(f"`{meant}`", is_safe=True, edits=edits),
    )  # fmt: skip
    tokens = [Token("LESSTHAN", "<", opener.start, opener.end), *c.tokens[c.position + 1 : end], Token("MORETHAN", ">", closer.start, closer.end)]  # fmt: skip
    return Repair(said, tokens, end + 1 - c.position)


def _suffix(c: Context) -> Repair | None:
    """`string[]`, also `crm.Lead[]`."""
    begin = c.position - 1
    while begin - 2 > c.start and c.tokens[begin - 1].type == "DOT" and c.tokens[begin - 2].type == "IDENT":
        begin -= 2
    if c.previous.type != "IDENT" or not c.accepts("LESSTHAN") or c.accepts("RELOP"):
        return None
    of, closer = c.tokens[begin : c.position], c.tokens[c.position + 1]
    first, last = of[0], of[-1]
    meant = f"list<{c.text[first.start - c.offset : last.end - c.offset]}>"
    span = Span(first.start, closer.end)
    said = diagnostic(
        "E103", "a list type is written `list<…>`", span, "another language's list type", f"write `{meant}`",
        Fix(f"`{meant}`", is_safe=True, edits=(Edit(span, meant),)),
    )  # fmt: skip
    head = [Token("IDENT", "list", first.start, first.start), Token("LESSTHAN", "<", first.start, first.start)]
    return Repair(said, [*head, *of, Token("MORETHAN", ">", last.end, last.end)], 2, back=len(of))


def _optional_field(c: Context) -> Repair | None:
    """`name?: string` is `name: string?`."""
    mark, colon = c.token, c.next
    if mark.type != "QMARK" or colon.type != "COLON" or c.previous.type != "IDENT":
        return None
    if not c.accepts("COLON") or c.accepts("RELOP"):
        return None
    end = _end_of_type(c.tokens, c.position + 2)
    of = c.tokens[c.position + 2 : end]
    if not of:
        return None
    last = of[-1]
    edits = [Edit(mark.span, "")]
    if last.type != "QMARK":
        edits.append(Edit(Span(last.end, last.end), "?"))
        of = [*of, Token("QMARK", "?", last.end, last.end)]
    written = c.text[of[0].start - c.offset : last.end - c.offset].removesuffix("?")
    meant = f"{c.previous.text}: {written}?"
    said = diagnostic(
        "E103", "the `?` of an optional field stands behind its type", mark.span, "not behind the name", f"write `{meant}`",
        Fix(f"`{meant}`", is_safe=True, edits=tuple(edits)),
    )  # fmt: skip
    return Repair(said, [colon, *of], end - c.position)


def _quoted_field(c: Context) -> Repair | None:
    """`"detail-type": string` in a type is a name in backquotes."""
    name = c.token
    if name.type != "STRING" or c.next.type != "COLON" or not c.accepts("QUOTED") or c.wants_value:
        return None
    written = name.text[1:-1]
    if name.text[0] not in "\"'" or "`" in written or "\\" in written or not written:
        return None
    return _odd_name(name.span, written, 1)


def _hyphened_field(c: Context) -> Repair | None:
    """`detail-type: string` in a type."""
    end = c.position
    while end + 1 < len(c.tokens) and c.tokens[end].type == "MINUS" and c.tokens[end + 1].type == "IDENT":
        end += 2
    is_field = end > c.position and c.tokens[end].type == "COLON" and c.accepts("COLON") and _opener(c) == "LBRACE"
    if not is_field or c.previous.type != "IDENT":
        return None
    span = Span(c.previous.start, c.tokens[end - 1].end)
    return _odd_name(span, c.text[span.start - c.offset : span.end - c.offset], end - c.position, back=1)


def _odd_name(span: Span, name: str, replaced: int, *, back: int = 0) -> Repair:
    meant = f"`{name}`"
    said = diagnostic(
        "E103", "the name of a field is no text and has no hyphen", span, "not a plain name", f"write it in backquotes: {meant}",
        Fix(meant, is_safe=True, edits=(Edit(span, meant),)),
    )  # fmt: skip
    return Repair(said, [Token("QUOTED", meant, span.start, span.end)], replaced, back=back)


def _opener(c: Context) -> str:
    """The kind of the bracket around the place."""
    depth = 0
    for token in reversed(c.tokens[: c.position]):
        depth += (token.type in _CLOSERS) - (token.type in _OPENERS)
        if depth < 0:
            return token.type
    return ""


def _end_of_type(tokens: list[Token], begin: int) -> int:
    """Where a type ends: before the next field, the default, or the bracket around it."""
    depth = 0
    for i in range(begin, len(tokens)):
        kind = tokens[i].type
        if depth == 0 and (kind in {"COMMA", "EQUAL", "_NL", "$END"} or kind in _CLOSERS):
            return i
        depth += (kind in _OPENERS) - (kind in _CLOSERS)
    return len(tokens) - 1  # pragma: no cover - the end of the file is a token


#: To be tried before it is asked what is missing.
FOREIGN_TYPES: Final[tuple[Callable[[Context], Repair | Skip | None], ...]] = (
    _square_brackets, _optional_field, _quoted_field, _hyphened_field,
)  # fmt: skip
