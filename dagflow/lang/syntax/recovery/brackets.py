"""Match brackets before parsing, and mend what does not match, so that one missing `}` is one message.

Indentation locates a missing bracket: a block ends where a line goes back to the indentation of the line that opened it. The
mended token list has brackets without text (`start == end`), which no later message ever points at.
"""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.syntax.lexer import Token, is_action_call

_CLOSER: Final = {"LPAR": ("RPAR", ")"), "LSQB": ("RSQB", "]"), "LBRACE": ("RBRACE", "}")}
_OPENER: Final = {closer: opener for opener, (closer, _) in _CLOSER.items()}
_SIGN: Final = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}

#: Words that begin a line of a block and never a line of an argument list.
_STATEMENTS: Final = frozenset(
    [
        "filter",
        "if",
        "switch",
        "let",
        "parallel",
        "do",
        "for",
        "emit",
        "yield",
        "return",
        "stop",
        "fail",
        "wait",
        "start",
        "flow",
        "type",
        "event",
        "action",
        "import",
        "test",
        "on",
    ]
)


#: Past this many the file is broken in a way that more messages do not explain.
_MOST_REPORTS: Final = 20


def deepest(tokens: list[Token], limit: int) -> Token | None:
    """The first bracket nested deeper than `limit`, if any."""
    depth = 0
    for token in tokens:
        if token.type in _CLOSER:
            depth += 1
            if depth > limit:
                return token
        elif token.type in _OPENER:
            depth -= 1
    return None


def repair_brackets(text: str, tokens: list[Token], offset: int = 0) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens with every bracket matched, and a diagnostic for each that was not."""
    missing = _unmatched(tokens)
    if missing is None:
        return tokens, []
    mender = _Mender(text, offset, missing)
    for i, token in enumerate(tokens):
        follower = tokens[i + 1] if i + 1 < len(tokens) else None
        mender.take(token, begins=token.starts_line and (_begins_statement(token, follower) or is_action_call(tokens, i)))
    mender.finish()
    return mender.result, mender.diagnostics


def _unmatched(tokens: list[Token]) -> int | None:
    """None if all brackets match, else by how many the opening ones outnumber the closing."""
    stack: list[str] = []
    excess, is_matched = 0, True
    for token in tokens:
        if token.type in _CLOSER:
            excess += 1
            stack.append(token.type)
        elif token.type in _OPENER:
            excess -= 1
            if not stack or stack.pop() != _OPENER[token.type]:
                is_matched = False
    return None if is_matched and not stack else excess


@attrs.define(eq=False)
class _Mender:
    _text: str
    _offset: int
    _missing: int
    result: list[Token] = attrs.field(factory=list)
    diagnostics: list[Diagnostic] = attrs.field(factory=list)
    _open: list[Token] = attrs.field(factory=list)
    _indents: list[int] = attrs.field(factory=list)
    _lines: list[int] = attrs.field(factory=list)
    _indent_now: int = 0
    _line_now: int = 0

    def take(self, token: Token, *, begins: bool) -> None:
        """Take over one token, closing first what it shows to be left open; `begins`: it is the first of a statement."""
        if token.starts_line:
            self._line_now += 1
            self._indent_now = self._indent(token)
            self._close_abandoned(token, begins=begins)
        if self._open and self._open[-1].type == "LPAR" and self._ends_parameters(token):
            self._insert_closer(self._open[-1], token)
        if token.type in _CLOSER:
            self._open.append(token)
            self._indents.append(self._indent_now)
            self._lines.append(self._line_now)
        elif token.type in _OPENER and not self._close(token):
            return
        self.result.append(token)

    def finish(self) -> None:
        """At the end of the text, close whatever is open."""
        while self._open:
            self._insert_closer(self._open[-1], None)

    def _close(self, token: Token) -> bool:
        """Match a closing bracket; False if it closes nothing and has to go."""
        wanted = _OPENER[token.type]
        if not any(opener.type == wanted for opener in self._open):
            self._report_extra(token)
            return False
        if self._open[-1].type != wanted and not token.starts_line and self._lines[-1] == self._line_now:
            partner = max(i for i, opener in enumerate(self._open) if opener.type == wanted)
            if self._lines[partner] != self._line_now:
                # The line opened something else, which closes behind this: the partner of this one is missing in the line.
                self._report_extra(token)
                return False
        while self._open[-1].type != wanted:
            self._insert_closer(self._open[-1], token)
        self._forget()
        return True

    def _forget(self) -> None:
        self._open.pop()
        self._indents.pop()
        self._lines.pop()

    def _ends_parameters(self, token: Token) -> bool:
        """Whether a `{` or `->` shows that the parameters of a flow or action end before it."""
        if token.type == "ARROW":
            return True
        if token.type != "LBRACE" or not self.result or self.result[-1].type in {"COLON", "LESSTHAN", "VBAR", "COMMA", "LPAR"}:
            return False
        opener = self.result.index(self._open[-1])
        return opener >= 2 and self.result[opener - 2].text == "flow"

    def _close_abandoned(self, token: Token, *, begins: bool) -> None:
        """A line that cannot be inside the innermost bracket closes it; not more often than brackets are missing."""
        while self._open and self._missing > 0 and self._indent_now <= self._indents[-1]:
            is_abandoned = token.type not in _OPENER if self._open[-1].type == "LBRACE" else begins
            if not is_abandoned:
                return
            self._insert_closer(self._open[-1], token)

    def _indent(self, token: Token) -> int:
        """The number of blanks at the beginning of the token's line."""
        local = token.start - self._offset
        begin = self._text.rfind("\n", 0, local) + 1
        end = begin
        while end < len(self._text) and self._text[end] in " \t":
            end += 1
        return end - begin

    def _line(self, place: int) -> int:
        return self._text.count("\n", 0, place - self._offset) + 1

    def _insert_closer(self, opener: Token, before: Token | None) -> None:
        self._missing -= 1
        opened_indent = self._indents[-1]
        self._forget()
        kind, sign = _CLOSER[opener.type]
        last = self.result[-1]
        self.result.append(Token(kind, sign, last.end, last.end, starts_line=False))
        if len(self.diagnostics) >= _MOST_REPORTS:
            return
        shown = _SIGN[opener.type]
        if before is None:
            label, help_ = "opened here; the file ends before it is closed", f"add `{sign}`"
        elif before.starts_line and before.type not in _OPENER:
            line = self._line(before.start)
            label = (
                f"opened here; line {line} goes back to this indentation"
                if sign == "}"
                else f"opened here; line {line} begins a new statement"
            )
            help_ = f"add `{sign}` before line {line}"
        elif before.type not in _OPENER:
            label, help_ = f"opened here; it ends before `{before.text}`", f"add `{sign}` there"
        else:
            label, help_ = (
                f"opened here; `{before.text}` on line {self._line(before.start)} closes something else",
                f"add `{sign}` before it",
            )
        is_block_end = sign == "}" and (before is None or before.starts_line)
        insertion = "\n" + " " * opened_indent + sign if is_block_end else sign
        fix = Fix("insert", is_safe=False, edits=(Edit(Span(last.end, last.end), insertion),))
        self.diagnostics.append(
            Diagnostic(code="E106", title=f"this `{shown}` is never closed", span=opener.span, label=label, help=help_, fix=fix)
        )

    def _report_extra(self, token: Token) -> None:
        if len(self.diagnostics) >= _MOST_REPORTS:
            return
        fix = Fix("delete", is_safe=False, edits=(Edit(token.span, ""),))
        self.diagnostics.append(
            Diagnostic(
                code="E117", title=f"this `{token.text}` closes nothing", span=token.span,
                label=f"no `{_SIGN[_OPENER[token.type]]}` is open here", help="remove it, or open the block it should close", fix=fix,
            )
        )  # fmt: skip


def _begins_statement(token: Token, follower: Token | None) -> bool:
    if token.type != "IDENT":
        return False
    return (token.text in _STATEMENTS and (follower is None or follower.type != "COLON")) or (
        follower is not None and follower.type == "EQUAL"
    )
