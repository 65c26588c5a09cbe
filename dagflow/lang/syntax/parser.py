"""Text → syntax tree. Parsing never fails: what does not fit becomes a diagnostic and a `Broken` part, and parsing goes on.

Theory. Lark's LALR(1) parser (`lark_parser`) pulls the tokens from here. A word is read as a keyword where the grammar has room for
that keyword. When a token fits nowhere, `recovery.explain` reports the error; either it mends the token list (`=` in a condition
becomes `==`) and Lark resumes, or the statement around it is skipped: the parser goes back to where the statement began, and one
BROKEN token stands for it. That keeps one slip one message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import attrs
import lark

from dagflow.diagnostic import Diagnostic, Span
from dagflow.expr.tree import Broken as BrokenExpr
from dagflow.expr.tree import Expr
from dagflow.lang import limits
from dagflow.lang.syntax.lark_parser import Build, Parse, Saved, keywords
from dagflow.lang.syntax.lexer import Token, lex, with_newlines
from dagflow.lang.syntax.recovery.brackets import deepest, repair_brackets
from dagflow.lang.syntax.recovery.context import Context, Repair, Skip
from dagflow.lang.syntax.recovery.explain import explain
from dagflow.lang.syntax.recovery.synchronize import Sync, skip_statement
from dagflow.lang.syntax.reductions.expressions import ExpressionBuilder
from dagflow.lang.syntax.reductions.file import Builder
from dagflow.lang.syntax.tree import File

_MOST_ERRORS: Final = 50
#: Slips that are not reported, since something near them is, are recovered from as well.
_MOST_RECOVERIES: Final = 400
#: Tokens between two saves of the parser; to take so many again costs about a millisecond.
_SAVE_EVERY: Final = 256
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
        The tree, `Broken` if nothing could be parsed, and the diagnostics.
    """
    return _parse_expression(text, _Inner(limits.Limits(), interpolate=interpolate))


def _parse_expression(text: str, inner: _Inner, offset: int = 0) -> tuple[Expr, list[Diagnostic]]:
    result, diagnostics = _parse(text, "expression", inner, offset)
    expr = result if isinstance(result, Expr) else BrokenExpr(Span(offset, offset + len(text)))
    return expr, diagnostics


@attrs.define(eq=False)
class _Inner:
    """Parses the expression in `${…}`, with the builder of the text around it; `is_file`: that text is not an expression itself."""

    allowed: limits.Limits
    interpolate: bool
    is_file: bool = False
    nesting: int = 0
    build: Build = attrs.field(init=False)
    diagnostics: list[Diagnostic] = attrs.field(factory=list, init=False)
    docs: dict[int, str] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if self.is_file:
            builder = Builder(self, interpolate=self.interpolate)
            self.build, self.diagnostics, self.docs = builder.build, builder.diagnostics, builder.docs
        else:
            # A tenth of the rules: parsing an expression takes less time than gathering the other rules.
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
    parser = _Parser(text, offset, tokens, diagnostics, inner.diagnostics, allowed, start == "start")
    result = parser.run(start, inner.build)
    found = sorted(parser.diagnostics + inner.diagnostics[n_before:], key=lambda d: d.span.start)
    del inner.diagnostics[n_before:]
    if not found:
        return result, found
    return result, _without_echoes(_without_bracket_noise(_without_quote_noise(text, offset, found)))


def _without_bracket_noise(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Drop diagnostics inside of a bracket that was never closed, and of a closing one whose opening one was missed."""
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
    """A missing quote turns the rest of its line inside out: drop the other diagnostics of that line."""
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


class _GivenUpError(Exception):
    """The text is larger or deeper than is allowed, which has been reported."""


@attrs.define(eq=False)
class _Parser:
    """Feeds Lark the tokens of a text, and recovers.

    Attributes:
        _built: diagnostics of the parts that were built.
        _n_built: how many there were before the token at the position.
        _taken: the tokens that Lark has taken, each with the kind that it was read as.
        _saves: the parser as it was now and then, and how many tokens it had taken.
    """

    _text: str
    _offset: int
    _tokens: list[Token]
    diagnostics: list[Diagnostic]
    _built: list[Diagnostic]
    _allowed: limits.Limits
    _is_file: bool
    _parse: Parse = attrs.field(init=False)
    _position: int = 0
    _depth: int = 0
    _n_built: int = 0
    _taken: list[Token] = attrs.field(factory=list)
    _saves: list[tuple[Saved, int]] = attrs.field(factory=list)
    _syncs: list[Sync] = attrs.field(factory=list)
    _n_begun: int = 0
    _n_recovered: int = 0
    #: By the place of the token that fitted nowhere.
    _n_mended: Counter[int] = attrs.field(factory=Counter[int])

    def run(self, start: str, build: Build) -> object:
        """Parse all tokens; None if nothing could be saved."""
        self._parse = Parse(start, self._read, build)
        self._save()
        try:
            return self._run()
        finally:
            # Lark refers to `_read`, so to this parser. Without that circle the tokens are freed now, and not by the collector.
            del self._parse
            self._saves.clear()

    def _run(self) -> object:
        while True:
            try:
                return self._parse.run()
            except lark.UnexpectedToken:
                if not self._recover():
                    return None
            except _GivenUpError:
                return None

    def _read(self) -> Iterator[Token]:
        """The tokens from the position on; Lark asks for one when it has taken the one before."""
        tokens, parse = self._tokens, self._parse
        parts, statements = parse.parts, self._allowed.statements
        while True:
            token = tokens[self._position]
            if self._is_file and self._may_begin(self._position, token):
                self._remember()
            self._n_built = len(self._built)
            if token.type == "$END":
                return  # Lark has its own
            token = parse.read(token)
            yield token
            self._taken.append(token)
            if len(parts) >= limits.STACK:
                self._give_up(limits.too_deep(token.span))
            if self._n_begun > statements:
                self._give_up(self._allowed.too_many(token.span))
            if token.type == "LBRACE":
                self._depth += 1
            elif token.type == "RBRACE":
                self._depth -= 1
                # Where a block is over, its statements are no place to go back to, not even from a brace of the same depth behind it.
                self._forget(self._depth)
            self._position += 1

    def _give_up(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)
        raise _GivenUpError

    def _may_begin(self, position: int, token: Token) -> bool:
        """Whether a statement could begin here; most tokens are decided without the grammar. Settings need no new line."""
        before = self._tokens[position - 1].type if position else "_NL"
        if before != "_NL" and before != "LBRACE" and not (self._syncs and self._syncs[-1].kind == "BROKEN_SETTING"):  # noqa: PLR1714 - asked for every token, and quicker than a set
            return False
        return token.type != "RBRACE"

    def _remember(self) -> None:
        """Note a place where a statement, setting or item can begin: recovery goes back there."""
        parse = self._parse
        for kind in ("BROKEN_SETTING", "BROKEN", "BROKEN_ITEM"):
            if parse.accepts(kind):
                while self._syncs and self._syncs[-1].depth >= self._depth:
                    self._syncs.pop()
                is_also_statement = kind == "BROKEN_SETTING" and parse.accepts("BROKEN")
                self._n_begun += 1
                self._syncs.append(Sync(self._position, self._depth, len(self._taken), kind, is_also_statement))
                if len(self._taken) - self._saves[-1][1] >= _SAVE_EVERY:
                    self._save()
                return

    def _recover(self) -> bool:
        """Explain the token at the position; mend it or skip its statement. False if there is no way on."""
        self._n_recovered += 1
        if len(self.diagnostics) >= _MOST_ERRORS or self._n_recovered > _MOST_RECOVERIES:
            return False
        # Lark reduces before it finds that a token fits nowhere.
        self._go_back(len(self._taken))
        self._forget(self._depth)
        sync = self._syncs[-1] if self._syncs else None
        answer = self._answer(sync)
        position = self._position
        if isinstance(answer, Repair):
            at = position - answer.back
            self._tokens[at : position + answer.replaced] = answer.tokens
            if not answer.back:
                return True
        if sync is None:
            return False
        self._go_back(sync.n_taken)
        self._position, self._depth = sync.position, sync.depth
        if isinstance(answer, Skip):
            self._position, broken = skip_statement(self._tokens, sync, position)
            self._parse.feed(broken)  # it fits: a place is noted only where it does
            self._taken.append(broken)
        return True

    def _answer(self, sync: Sync | None) -> Repair | Skip:
        """Report the error at the position, and return how to go on."""
        position, start = self._position, sync.position if sync else 0
        in_settings = sync is not None and sync.kind == "BROKEN_SETTING"
        words = frozenset(keywords().values())
        context = Context(self._text, self._offset, self._tokens, position, start, self._parse.accepts, words, in_settings)
        answer = self._not_for_ever(explain(context), self._tokens[position].start)
        if not self._is_echo(answer.diagnostic, self._tokens[start].start):
            self.diagnostics.append(answer.diagnostic)
        return answer

    def _go_back(self, n_taken: int) -> None:
        """Restore Lark to its state after so many tokens: from the last save before that, it takes them again.

        Sound texts, which are most, pay for few saves that way.
        """
        said = self._built[: self._n_built]
        while self._saves[-1][1] > n_taken:
            self._saves.pop()
        saved, n_saved = self._saves[-1]
        self._parse.restore(saved)
        for token in self._taken[n_saved:n_taken]:
            self._parse.feed(token)
        self._built[:] = said  # the tokens that Lark takes again report their diagnostics again
        del self._taken[n_taken:]
        if n_taken > n_saved:
            self._save()  # slips come in swarms

    def _save(self) -> None:
        self._saves.append((self._parse.save(), len(self._taken)))

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
