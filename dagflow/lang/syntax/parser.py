"""Text → syntax tree. Parsing never fails: what does not fit becomes a diagnostic and a `Broken` part, and parsing goes on.

Theory. `grammar/flow.lark` is compiled by Lark to LALR(1) tables that ship as data; the loop here walks them (`automaton`). A word is
read as a keyword where the table has room for that keyword. When a token fits nowhere, `syntax_errors` says what is wrong; either it
mends the token list (`=` in a condition becomes `==`) and the loop goes on, or the statement around it is skipped: the stacks go back
to where the statement began, and one BROKEN token stands for it. That keeps one slip one message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, cast

import attrs

from dagflow.diagnostic import Diagnostic, Span
from dagflow.expr.tree import Broken as BrokenExpr
from dagflow.expr.tree import Expr
from dagflow.lang import limits
from dagflow.lang.syntax.lalr import Automaton, tables
from dagflow.lang.syntax.lexer import Token, lex, with_newlines
from dagflow.lang.syntax.recovery.brackets import deepest, repair_brackets
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip
from dagflow.lang.syntax.recovery.explain import explain
from dagflow.lang.syntax.recovery.synchronize import Sync, skip_statement
from dagflow.lang.syntax.reductions.children import Children
from dagflow.lang.syntax.reductions.expressions import ExpressionBuilder
from dagflow.lang.syntax.reductions.file import Builder
from dagflow.lang.syntax.tree import File

_MOST_ERRORS: Final = 50
#: Slips that are not reported, since something near them is, are recovered from as well.
_MOST_RECOVERIES: Final = 400
#: Mendings at one place; more than two slips there leave nothing to guess from.
_MOST_MENDED: Final = 3


def parse_file(text: str, allowed: limits.Limits | None = None, offset: int = 0) -> tuple[File, list[Diagnostic]]:
    """Parse a `.flow` file of at most `allowed.source_chars` characters; the caller has checked the size. Places count from `offset`."""
    result, diagnostics = _parse(text, "start", _Inner(allowed or limits.Limits(), interpolate=True, is_file=True), offset)
    return (result if isinstance(result, File) else File(())), diagnostics


def parse_expression(text: str, *, interpolate: bool = True) -> tuple[Expr, list[Diagnostic]]:
    """Parse one expression.

    Args:
        interpolate: whether `${…}` in strings is read as an expression; False is plain CEL.

    Returns:
        The tree, `Broken` where nothing could be made of it, and what is wrong.
    """
    return _parse_expression(text, _Inner(limits.Limits(), interpolate=interpolate))


def _parse_expression(text: str, inner: _Inner, offset: int = 0) -> tuple[Expr, list[Diagnostic]]:
    result, diagnostics = _parse(text, "expression", inner, offset)
    expr = result if isinstance(result, Expr) else BrokenExpr(Span(offset, offset + len(text)))
    return expr, diagnostics


@attrs.define(eq=False)
class _Inner:
    """Parses what stands in `${…}`, with the builder of the text around it; `is_file`: that text is not an expression itself."""

    allowed: limits.Limits
    interpolate: bool
    is_file: bool = False
    nesting: int = 0
    build: Callable[[str, Children], object] = attrs.field(init=False)
    diagnostics: list[Diagnostic] = attrs.field(factory=list, init=False)
    docs: dict[int, str] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if self.is_file:
            builder = Builder(self, interpolate=self.interpolate)
            self.build, self.diagnostics, self.docs = builder.build, builder.diagnostics, builder.docs
        else:
            # A tenth of the rules: an expression is made in less time than the other rules are gathered.
            self.build = ExpressionBuilder.alone(self.diagnostics, self, interpolate=self.interpolate).build

    def __call__(self, text: str, offset: int) -> tuple[Expr, list[Diagnostic]]:
        if self.nesting >= limits.STRING_NESTING:  # pragma: no cover - the four kinds of quotes run out before
            span = Span(offset, offset + len(text))
            return BrokenExpr(span), [limits.too_deep(span)]
        self.nesting += 1
        result = _parse_expression(text, self, offset)
        self.nesting -= 1
        return result


def _parse(text: str, start: str, inner: _Inner, offset: int = 0) -> tuple[object, list[Diagnostic]]:
    allowed = inner.allowed
    lexed = lex(text, interpolate=inner.interpolate, offset=offset, most=allowed.tokens)
    if len(lexed.tokens) > allowed.tokens:
        return None, [allowed.too_many(lexed.tokens[-1].span)]
    tokens, diagnostics = repair_brackets(text, lexed.tokens, offset)
    diagnostics = lexed.diagnostics + diagnostics
    too_deep = deepest(tokens, limits.NESTING)
    if too_deep is not None:
        return None, [*diagnostics[:_MOST_ERRORS], limits.too_deep(too_deep.span)]
    if start == "start":
        n_before = len(tokens)
        tokens = with_newlines(tokens)
        if len(tokens) - n_before > allowed.statements:
            begins = [token for token in tokens if token.type == "_NL"]
            return None, [allowed.too_many(begins[allowed.statements].span)]
    end = offset + len(text.rstrip())
    tokens.append(Token("$END", "", end, end, starts_line=True))

    if inner.nesting == 0:
        inner.docs.update(lexed.docs)
    n_before = len(inner.diagnostics)
    parser = _Parser(text, offset, tokens, diagnostics, Automaton(start, inner.build), allowed)
    result = parser.run()
    found = sorted(parser.diagnostics + inner.diagnostics[n_before:], key=lambda d: d.span.start)
    del inner.diagnostics[n_before:]
    if not found:
        return result, found
    return result, _without_echoes(_without_bracket_noise(_without_quote_noise(text, offset, found)))


def _without_bracket_noise(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """What is said inside of a bracket that was never closed is noise, and so is a closing one whose opening one was missed."""
    kept: list[Diagnostic] = []
    # A text that runs to the end of the file has swallowed the closing brackets.
    has_open_text = any(d.code == "E112" and "in the file" in d.label for d in diagnostics)
    left_open = [(d.span, d.fix.edits[0].span.start) for d in diagnostics if d.code == "E106" and d.fix is not None]
    n_missed = {")": 0, "}": 0, "]": 0}
    for diagnostic in diagnostics:
        place = diagnostic.span.start
        if diagnostic.code == "E106" and has_open_text:
            continue
        if diagnostic.code not in {"E106", "E112"} and any(span.end <= place <= end for span, end in left_open):
            continue  # between a bracket and where it was closed for want of better, nothing is sure
        sign = diagnostic.title[6:7] if diagnostic.code == "E117" else ""
        if sign and n_missed[sign] > 0:
            n_missed[sign] -= 1
            continue
        for closer, opener in zip(")}]", "({[", strict=True):
            n_missed[closer] += diagnostic.title.startswith(f"expected `{opener}`")
        kept.append(diagnostic)
    return kept


def _without_quote_noise(text: str, offset: int, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """A missing quote turns the rest of its line inside out: what else is said about that line is noise."""
    lines = {text.count("\n", 0, d.span.start - offset) for d in diagnostics if d.code == "E112"}
    if not lines:
        return diagnostics
    return [d for d in diagnostics if d.code == "E112" or text.count("\n", 0, d.span.start - offset) not in lines]


def _without_echoes(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Drop a later syntax error that points into the place of an earlier one."""
    kept: list[Diagnostic] = []
    for diagnostic in diagnostics:
        if kept and diagnostic.span.start < kept[-1].span.end:
            continue
        kept.append(diagnostic)
    return kept[:_MOST_ERRORS]


@attrs.define(eq=False)
class _Parser:
    _text: str
    _offset: int
    _tokens: list[Token]
    diagnostics: list[Diagnostic]
    _automaton: Automaton
    _allowed: limits.Limits
    _syncs: list[Sync] = attrs.field(factory=list)
    _n_begun: int = 0
    _n_recovered: int = 0
    #: By the place of the token that fitted nowhere.
    _n_mended: Counter[int] = attrs.field(factory=Counter[int])

    def run(self) -> object:
        """Parse all tokens; None if nothing could be saved."""
        automaton, tokens = self._automaton, self._tokens
        position, depth = 0, 0
        while True:
            token = tokens[position]
            if self._may_begin(position, token):
                self._remember(position, depth)
            kind = automaton.kind(token)
            if kind is None or not automaton.feed(kind, token):
                follow = self._recover(position, depth)
                if follow is None:
                    return None
                position, depth = follow
                continue
            if kind == "$END":
                return automaton.values[0]
            if len(automaton.states) > limits.STACK:
                self.diagnostics.append(limits.too_deep(token.span))
                return None
            if self._n_begun > self._allowed.statements:
                self.diagnostics.append(self._allowed.too_many(token.span))
                return None
            if token.type == "LBRACE":
                depth += 1
            elif token.type == "RBRACE":
                depth -= 1
                # Where a block is over, its statements are no place to go back to, not even from a brace of the same depth behind it.
                self._forget(depth)
            position += 1

    def _may_begin(self, position: int, token: Token) -> bool:
        """Whether a statement could begin here; most tokens are told apart without asking the table. Settings need no new line."""
        if token.starts_line or position == 0 or (self._syncs and self._syncs[-1].kind == "BROKEN_SETTING"):
            return True
        before = self._tokens[position - 1].type
        return before == "_NL" or before == "LBRACE"  # noqa: PLR1714 - asked for every token, and quicker than a set

    def _remember(self, position: int, depth: int) -> None:
        """Note a place where a statement, setting or item can begin: recovery goes back there."""
        automaton = self._automaton
        for kind in ("BROKEN_SETTING", "BROKEN", "BROKEN_ITEM"):
            if automaton.has_room(kind) and automaton.accepts(kind):
                while self._syncs and self._syncs[-1].depth >= depth:
                    self._syncs.pop()
                is_also_statement = kind == "BROKEN_SETTING" and automaton.accepts("BROKEN")
                values = automaton.values[:]
                lengths = [(i, len(value)) for i, value in enumerate(values) if isinstance(value, Children)]
                self._n_begun += 1
                self._syncs.append(Sync(position, depth, automaton.states[:], values, lengths, kind, is_also_statement))
                return

    def _recover(self, position: int, depth: int) -> tuple[int, int] | None:
        """Explain the token at `position`; mend it or skip its statement. Returns where to go on."""
        self._n_recovered += 1
        if len(self.diagnostics) >= _MOST_ERRORS or self._n_recovered > _MOST_RECOVERIES:
            return None
        self._forget(depth)
        sync = self._syncs[-1] if self._syncs else None
        in_settings = sync is not None and sync.kind == "BROKEN_SETTING"
        start = sync.position if sync else 0
        automaton = self._automaton
        context = Context(
            self._text, self._offset, self._tokens, position, start, automaton.accepts, tables().keywords, in_settings
        )
        answer = self._not_for_ever(explain(context), self._tokens[position].start)
        if not self._is_echo(answer.diagnostic, self._tokens[start].start):
            self.diagnostics.append(answer.diagnostic)
        if isinstance(answer, Repair):
            at = position - answer.back
            self._tokens[at : position + answer.replaced] = answer.tokens
            if not answer.back:
                return position, depth
        if sync is None:
            return None
        automaton.states, automaton.values = sync.states[:], sync.values[:]
        for i, length in sync.lengths:
            # Lists of statements grow in place; what was added since has been taken back.
            del cast("Children", automaton.values[i])[length:]
        if isinstance(answer, Repair):
            return sync.position, sync.depth
        follow, broken = skip_statement(self._tokens, sync, position)
        if not automaton.feed(broken.type, broken):  # pragma: no cover - a place is noted only where this token fits
            return None
        return follow, sync.depth

    def _forget(self, depth: int) -> None:
        while self._syncs and self._syncs[-1].depth > depth:
            self._syncs.pop()

    def _not_for_ever(self, answer: Repair | Skip, place: int) -> Repair | Skip:
        """What one reading mends another may spoil (`import =`: no step name; `import_1 =`: no declaration); then the statement is skipped."""
        if isinstance(answer, Skip):
            return answer
        self._n_mended[place] += 1
        return answer if self._n_mended[place] <= _MOST_MENDED else Skip(answer.diagnostic)

    def _is_echo(self, diagnostic: Diagnostic, statement: int) -> bool:
        """Whether the lexer has spoken about this statement, or an earlier recovery about this place."""
        place = diagnostic.span.start
        return any(
            d.span.start <= place <= d.span.end or (d.code in {"E112", "E114"} and statement <= d.span.start <= place)
            for d in self.diagnostics
            if d.code != "E106"
        )
