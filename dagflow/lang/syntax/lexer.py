"""Cut a text into tokens.

Theory. Tokens do not depend on the parser: a word is an IDENT here, and the parser reads it as a keyword where its table has room
for one. So the whole list exists before parsing, brackets can be matched and mended first (`brackets.py`), and size and depth are
known before anything recursive sees the text. A newline ends a statement only where a new one can begin: the next line starts with
a word that continues nothing, no `(` or `[` is open, and the token before can end an expression. Everywhere else it is a blank.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Self

import attrs
import lark

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang import limits
from dagflow.lang.syntax.foreign_comments import ForeignComment, block_comment, hash_comment
from dagflow.lang.syntax.token_patterns import CEL_TEXT, FLOW_TEXT
from dagflow.lang.syntax.unclosed_quotes import Piece, find_missing_quote


class Token(lark.Token):
    """A piece of the text, as Lark's parser takes it. `type` is a terminal's name in `grammar/flow.lark`; `starts_line`: only blanks
    stand before it.

    A token is a place, so it equals itself alone, and is true even where it has no text. Its lines and columns are not counted.
    """

    __slots__ = ("starts_line",)

    line = column = end_line = end_column = None
    if TYPE_CHECKING:
        text: str
        start: int
        end: int
        starts_line: bool
    else:  # Lark's own slots, by the names that are used here
        text, start, end = lark.Token.value, lark.Token.start_pos, lark.Token.end_pos

    def __new__(cls, kind: str, text: str, start: int, end: int, starts_line: bool = False) -> Self:
        self = str.__new__(cls, text)
        self.type = kind
        self.text = text
        self.start = start
        self.end = end
        self.starts_line = starts_line
        return self

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return True

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.start, self.end)

    def read_as(self, kind: str) -> Token:
        """The same piece as another terminal."""
        return Token(kind, self.text, self.start, self.end, starts_line=self.starts_line)


@attrs.frozen
class Lexed:
    """The tokens of a text, without newlines; `docs` are the `///` comments by the offset of the token they stand before."""

    tokens: list[Token]
    docs: dict[int, str]
    diagnostics: list[Diagnostic]


SINGLE: Final = {
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE", ",": "COMMA", ":": "COLON",
    ".": "DOT", "?": "QMARK", "<": "LESSTHAN", ">": "MORETHAN", "=": "EQUAL", "|": "VBAR", "+": "ADDOP", "-": "MINUS",
    "*": "MULOP", "/": "MULOP", "%": "MULOP", "!": "BANG", "->": "ARROW", "??": "QQ", "||": "OROR", "&&": "ANDAND",
    ".?": "OPTDOT", "==": "RELOP", "!=": "RELOP", "<=": "RELOP", ">=": "RELOP",
}  # fmt: skip

#: Words that begin no statement but carry one on; a line that starts with one belongs to the line before.
CONTINUATION: Final = frozenset([
    "after", "when", "retry", "timeout", "within", "default", "undo", "was", "in", "else", "as", "by", "with", "every", "from", "to",
    "only", "max", "collect", "returns", "fails", "takes", "then", "times", "pure", "idempotent", "effectful",
])  # fmt: skip

#: Token types after which an expression cannot end, so the next line carries on.
CANNOT_END: Final = frozenset([
    "LPAR", "LSQB", "LBRACE", "COMMA", "COLON", "EQUAL", "DOT", "ADDOP", "MINUS", "MULOP", "BANG", "QMARK", "VBAR", "ARROW", "QQ",
    "OROR", "ANDAND", "OPTDOT", "RELOP", "LESSTHAN", "MORETHAN",
])  # fmt: skip

#: Past this many the text is no flow, and more messages do not help.
_MOST_REPORTS: Final = 50

#: Syntax of other languages, and its equivalent here.
_SLIPS: Final = {
    "===": ("RELOP", "==", "JavaScript's strict comparison; `==` is strict here"),
    "!==": ("RELOP", "!=", "JavaScript's strict comparison; `!=` is strict here"),
    "<>": ("RELOP", "!=", "SQL's inequality"),
    "&": ("ANDAND", "&&", "there are no bit operations; `and` is written with two"),
}


def lex(text: str, *, interpolate: bool = True, offset: int = 0, most: int = limits.TOKENS) -> Lexed:
    """Cut `text` into tokens whose places are counted from `offset`. Never raises: what fits nowhere is a diagnostic.

    Args:
        most: past so many tokens nothing more is read; there are more then than that.
    """
    return _cut(_Lexer(offset, is_flow=interpolate), text, most)


def _cut(lexer: _Lexer, text: str, most: int) -> Lexed:
    match = (FLOW_TEXT if lexer.is_flow else CEL_TEXT).match
    tokens, offset = lexer.tokens, lexer.offset
    position = 0
    while len(tokens) <= most:
        found = match(text, position)
        if found is None:
            break  # only whitespace remains
        kind = found.lastgroup or ""  # there is one; the `or` is for type checkers
        piece = found[kind]
        end = found.end()
        start = end - len(piece)
        if start > position and not lexer.starts_line and "\n" in text[position:start]:
            lexer.starts_line = True
        position = end
        if kind in _RARE:
            position = max(lexer.take(kind, piece, start, text), start + 1)
            continue
        if lexer.doc_lines:
            lexer.keep_docs(start + offset)
        if kind == "word":
            kind = "IDENT"
        # A text is never one of the signs, since its quotes are part of it.
        tokens.append(Token(SINGLE.get(piece, kind), piece, start + offset, end + offset, lexer.starts_line))
        lexer.starts_line = False
    return Lexed(tokens, lexer.docs, lexer.diagnostics)


#: The groups that are not a token each.
_RARE: Final = frozenset({"comment", "wrong", "quote", "other"})


@attrs.define(eq=False)
class _Lexer:
    offset: int
    is_flow: bool
    #: Whether a line with a missing quote is read again with the quote in its place.
    mends: bool = True
    tokens: list[Token] = attrs.field(factory=list)
    docs: dict[int, str] = attrs.field(factory=dict)
    diagnostics: list[Diagnostic] = attrs.field(factory=list)
    doc_lines: list[str] = attrs.field(factory=list)
    starts_line: bool = True

    def take(self, kind: str, piece: str, start: int, text: str) -> int:
        """Handle a piece that is not simply a token: a comment, or an error. Returns where to go on."""
        match kind:
            case "comment":
                if piece.startswith("///") and self.starts_line:
                    self.doc_lines.append(piece[3:].strip())
            case "wrong":
                comment = self._foreign_comment(piece, start, text)
                if comment is not None:
                    return comment.end
                self._mend(piece, start, text)
            case "quote":
                return self._unterminated(text, start)
            case _:
                return self._stray(text, start)
        return start + len(piece)

    def _foreign_comment(self, piece: str, start: int, text: str) -> ForeignComment | None:
        comment: ForeignComment | None = None
        if piece == "#":
            can_follow = not self.tokens or self.tokens[-1].type not in CANNOT_END
            comment = hash_comment(text, start, self.offset, can_follow=can_follow)
        elif piece == "/*":
            comment = block_comment(text, start, self.offset)
        if comment is not None and len(self.diagnostics) < _MOST_REPORTS:
            self.diagnostics.append(comment.diagnostic)
        return comment

    def keep_docs(self, place: int) -> None:
        """The doc lines read so far belong to the token at `place`."""
        self.docs[place] = "\n".join(self.doc_lines)
        self.doc_lines = []

    def _add(self, kind: str, piece: str, start: int, width: int) -> None:
        place = start + self.offset
        if self.doc_lines:
            self.keep_docs(place)
        self.tokens.append(Token(kind, piece, place, place + width, self.starts_line))
        self.starts_line = False

    def _mend(self, piece: str, start: int, text: str) -> None:
        """Report a sign of another language, and go on with its equivalent."""
        span = Span(start + self.offset, start + self.offset + len(piece))
        if piece == "?.":
            if self.is_flow and start and (text[start - 1].isalnum() or text[start - 1] in "_)]"):
                self._report(
                    "E105", "`?.` is not an operator here", span, "JavaScript's optional access", "CEL puts the dot first", ".?"
                )
                self._add("OPTDOT", piece, start, 2)
            else:
                self._add("QMARK", "?", start, 1)
                self._add("DOT", ".", start + 1, 1)
            return
        if piece == "<>" and self.tokens and self.tokens[-1].text in {"list", "map", "Secret"}:
            self._add("LESSTHAN", "<", start, 1)
            self._add("MORETHAN", ">", start + 1, 1)
            return
        if piece in _SLIPS:
            kind, replacement, label = _SLIPS[piece]
            self._report("E114", f"`{piece}` is not an operator here", span, label, f"write `{replacement}`", replacement)
            self._add(kind, replacement, start, len(piece))
            return
        if piece == "=>":
            self._report(
                "E114", "`=>` is not an operator here", span, "no function arrows", "macros are written `list.map(x, …)`", None
            )
            return
        label = "statements end with the line" if piece == ";" else "this character has no meaning in a flow"
        # What another sign was for is unknown, and a `;` may be what parts two statements.
        rest = text[start + len(piece) :].partition("\n")[0].strip()
        is_needless = piece == ";" and (not rest or rest.startswith(("//", "#", "}")))
        self._report("E114", f"`{piece}` does not belong here", span, label, "remove it", "", is_safe=is_needless)

    def _unterminated(self, text: str, start: int) -> int:
        """A quote without its partner: the rest of the line (or text, for three quotes) is the string."""
        quote = text[start]
        is_long = text.startswith(quote * 3, start)
        if not is_long and quote != "`" and self.mends:
            end = self._mend_quote(text, start)
            if end is not None:
                return end
        newline = text.find("\n", start)
        end = len(text) if is_long or newline < 0 else newline
        stop = start + len(text[start:end].rstrip())
        word = "name" if quote == "`" else "string"
        shown = quote * (3 if is_long else 1)
        self._report(
            "E112", f"this {word} is never closed", Span(start + self.offset, stop + self.offset), f"no closing {shown} on this line"
            if not is_long else f"no closing {shown} in the file", f"add {shown} where it ends", None, insert_at=stop + self.offset, insert=shown,
        )  # fmt: skip
        # Brackets behind the missing quote most likely belong to the code around it, so that one slip stays one message.
        body = text[start:stop]
        cut = len(body.rstrip(")]},")) if not is_long and body.endswith((")", "]", "}", ",", "{")) else len(body)
        self._add("BROKEN_VALUE", body[:cut], start, cut)
        return start + max(cut, 1) if not is_long else stop

    def _mend_quote(self, text: str, odd: int) -> int | None:
        """Read the line again with the missing quote in its place; None if that does not help."""
        begin = text.rfind("\n", 0, odd) + 1
        n_kept = len(self.tokens)
        while n_kept and self.tokens[n_kept - 1].start - self.offset >= begin:
            n_kept -= 1
        if n_kept:
            # A long string may end in this line.
            begin = max(begin, self.tokens[n_kept - 1].end - self.offset)
        newline = text.find("\n", odd)
        end = len(text) if newline < 0 else newline
        if end - begin > limits.EXPRESSION_CHARS or len(self.diagnostics) >= _MOST_REPORTS:
            return None
        base = begin + self.offset
        pieces = [Piece(t.type, t.start - base, t.end - base) for t in self.tokens[n_kept:]]
        missing = find_missing_quote(text[begin:end], pieces, odd - begin)
        line = text[begin : begin + missing.at] + missing.quote + text[begin + missing.at : end]
        again = _cut(_Lexer(base, is_flow=self.is_flow, mends=False), line, limits.TOKENS)
        if again.diagnostics:
            return None
        place = base + missing.at
        starts_line = self.tokens[n_kept].starts_line if n_kept < len(self.tokens) else self.starts_line
        del self.tokens[n_kept:]
        for i, token in enumerate(again.tokens):
            start, stop = token.start - (token.start > place), token.end - (token.end > place)
            is_first = i == 0 and starts_line
            self.tokens.append(Token(token.type, token.text, start, stop, starts_line=is_first))
        title = "this text has no opening quote" if missing.is_opening else "this string is never closed"
        label = f"no {missing.quote} before it" if missing.is_opening else f"no closing {missing.quote}"
        self._report(
            "E112", title, Span(base + missing.span.start, base + missing.span.end), label,
            f"add {missing.quote} where it {'begins' if missing.is_opening else 'ends'}", None, insert_at=place, insert=missing.quote,
        )  # fmt: skip
        return end

    def _stray(self, text: str, start: int) -> int:
        """A run of characters that mean nothing."""
        piece = text[start]
        end = start + 1
        while end < len(text) and not (text[end].isascii() and (text[end].isprintable() or text[end] in "\n\r\t\f")):
            end += 1
        if len(self.diagnostics) >= _MOST_REPORTS:
            return end
        shown = piece if piece.isprintable() else f"U+{ord(piece):04X}"
        span = Span(start + self.offset, end + self.offset)
        looks_like_name = piece.isalpha()
        title = f"`{shown}` cannot be part of a name" if looks_like_name else f"`{shown}` does not belong here"
        label = f"this letter is {_letter_name(piece)}" if looks_like_name else "this character has no meaning in a flow"
        self._report("E114", title, span, label, "names consist of a-z, A-Z, 0-9 and _", None)
        return end

    def _report(
        self, code: str, title: str, span: Span, label: str, help_: str, replacement: str | None,
        *, insert_at: int | None = None, insert: str = "", is_safe: bool = True,
    ) -> None:  # fmt: skip
        if len(self.diagnostics) >= _MOST_REPORTS:
            return
        fix = None
        if insert_at is not None:
            fix = Fix(f"insert `{insert}`", is_safe=False, edits=(Edit(Span(insert_at, insert_at), insert),))
        elif replacement is not None:
            text = f"`{replacement}`" if replacement else "delete"
            fix = Fix(text, is_safe=is_safe, edits=(Edit(span, replacement),))
        self.diagnostics.append(Diagnostic(code=code, title=title, span=span, label=label, help=help_, fix=fix))


def _letter_name(piece: str) -> str:
    return f"U+{ord(piece):04X}, not a plain Latin one" if not piece.isascii() else "not allowed"


#: Statement words that are reserved in expressions, so a line that begins with one is a new statement whatever stands before.
_ALWAYS_NEW: Final = frozenset({"let", "if", "for", "return", "import"})
_STATEMENT_WORDS: Final = frozenset(["filter", "wait", "emit", "switch", "parallel", "do", "yield", "stop", "fail", "start"])
#: Words that begin a declaration; a type before them may end in `?` or `>`.
_ITEM_WORDS: Final = frozenset(["flow", "type", "event", "action", "test"])
_OPERANDS: Final = frozenset(["IDENT", "INT", "UINT", "FLOAT", "DURATION", "STRING", "BYTES"])


def with_newlines(tokens: Iterable[Token]) -> list[Token]:
    """The tokens with a `_NL` before each that begins a new statement."""
    result: list[Token] = []
    depth = 0
    previous: Token | None = None
    pending = list(tokens)
    for i, token in enumerate(pending):
        if token.starts_line and previous is not None and depth == 0 and previous.type != "LBRACE":
            follower = pending[i + 1] if i + 1 < len(pending) else None
            can_end = previous.type not in CANNOT_END and previous.text != "in"
            begins = _begins_statement(token, follower) if can_end else _cannot_continue(token, follower)
            if begins or (not can_end and is_action_call(pending, i)):
                result.append(Token("_NL", "", token.start, token.start))
        if token.type in {"LPAR", "LSQB"}:
            depth += 1
        elif token.type in {"RPAR", "RSQB"}:
            depth = max(0, depth - 1)
        result.append(token)
        previous = token
    return result


def is_action_call(tokens: list[Token], i: int) -> bool:
    """Whether the tokens from `i` read `name(argument:`, which only a statement can: functions take unnamed arguments."""
    if tokens[i].type != "IDENT":
        return False
    i += 1
    while i + 1 < len(tokens) and tokens[i].type == "DOT" and tokens[i + 1].type == "IDENT":
        i += 2
    return [token.type for token in tokens[i : i + 3]] == ["LPAR", "IDENT", "COLON"]


def _begins_statement(token: Token, follower: Token | None) -> bool:
    if token.type != "IDENT":
        return False
    # A continuation word before `=` is a step that has this name; the parser then says that it cannot.
    return token.text not in CONTINUATION or (follower is not None and follower.type == "EQUAL")


def _cannot_continue(token: Token, follower: Token | None) -> bool:
    """Whether a line after an operator or comma is a new statement all the same: the value is missing there."""
    if token.type != "IDENT" or follower is None or follower.type == "COLON":
        return False
    if token.text in _ALWAYS_NEW or follower.type == "EQUAL":
        return True
    if token.text in _ITEM_WORDS and follower.type in {"IDENT", "STRING"}:
        return True
    return token.text in _STATEMENT_WORDS and (follower.type in _OPERANDS or follower.type == "LBRACE")
