"""Text → syntax tree. Parsing never fails: what does not fit becomes a diagnostic and a `Broken` part, and parsing goes on.

Theory. `grammar/flow.lark` is compiled by Lark to LALR(1) tables that ship as data; the loop here walks them (Aho, Sethi, Ullman:
Compilers, 4.7). A word is read as a keyword where the table has room for that keyword. When a token fits nowhere, `syntax_errors`
says what is wrong; either it mends the token list (`=` in a condition becomes `==`) and the loop goes on, or the statement around it is
skipped: the stacks go back to where the statement began, and one BROKEN token stands for it. That keeps one slip one message.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final, cast

import attrs

from dagflow.diagnostic import Diagnostic, Span
from dagflow.expr.tree import Broken as BrokenExpr
from dagflow.expr.tree import Expr
from dagflow.lang import limits
from dagflow.lang.brackets import deepest, mend_brackets
from dagflow.lang.builder import Builder
from dagflow.lang.lexer import Token, lex, with_newlines
from dagflow.lang.recovery import Sync, skip_statement
from dagflow.lang.splice import Splice
from dagflow.lang.stuck import Context, Mended
from dagflow.lang.syntax import File
from dagflow.lang.syntax_errors import explain

_MOST_ERRORS: Final = 50


@attrs.frozen
class Tables:
    """The automaton: per state, what each terminal or rule name leads to. Shift to n ≥ 0, reduce by rule -n - 1."""

    start: dict[str, int]
    end: dict[str, int]
    keywords: frozenset[str]
    rules: list[tuple[str, str, int, int]]
    states: list[dict[str, int]]
    #: Where a chain of unit rules leads: by the state below the top, the top, and the lookahead. Filled as it is asked for.
    renamed: dict[tuple[int, int, str], int] = attrs.field(factory=dict, eq=False)

    def rename(self, below: int, top: int, kind: str) -> int:
        """The state on top once every unit rule the lookahead asks for is applied (`expr` ← … ← `primary`: nine in a row).

        Such a rule only gives what is on top another name, so where it leads depends on two states and the lookahead alone.
        """
        key = (below, top, kind)
        found = self.renamed.get(key)
        if found is None:
            found = top
            step = self.states[found].get(kind, 0)
            while step < 0 and self._is_unit(self.rules[-step - 1]):
                found = self.states[below][self.rules[-step - 1][1]]
                step = self.states[found].get(kind, 0)
            self.renamed[key] = found
        return found

    @staticmethod
    def _is_unit(rule: tuple[str, str, int, int]) -> bool:
        name, origin, size, single = rule
        return bool(single) and size == 1 and name == origin and not origin.startswith("__")


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables of the grammar, loaded on first use (about 10 ms)."""
    from dagflow.lang._grammar import TABLES  # noqa: PLC0415 - 150 kB that only a compiler needs

    data = json.loads(TABLES)
    rules = [(str(name), str(origin), int(size), int(single)) for name, origin, size, single in data["rules"]]
    return Tables(data["start"], data["end"], frozenset(data["keywords"]), rules, data["states"])


def parse_file(text: str) -> tuple[File, list[Diagnostic]]:
    """Parse a `.flow` file of at most `limits.SOURCE_CHARS` characters; the caller has checked the size."""
    result, diagnostics = _parse(text, "start", _Inner(interpolate=True))
    return (result if isinstance(result, File) else File(())), diagnostics


def parse_expression(text: str, *, interpolate: bool = True) -> tuple[Expr, list[Diagnostic]]:
    """Parse one expression.

    Args:
        interpolate: whether `${…}` in strings is read as an expression; False is plain CEL.

    Returns:
        The tree, `Broken` where nothing could be made of it, and what is wrong.
    """
    return _parse_expression(text, _Inner(interpolate=interpolate))


def _parse_expression(text: str, inner: _Inner, offset: int = 0) -> tuple[Expr, list[Diagnostic]]:
    result, diagnostics = _parse(text, "expression", inner, offset)
    expr = result if isinstance(result, Expr) else BrokenExpr(Span(offset, offset + len(text)))
    return expr, diagnostics


@attrs.define(eq=False)
class _Inner:
    """Parses what stands in `${…}`, with the builder of the text around it."""

    interpolate: bool
    nesting: int = 0
    builder: Builder = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.builder = Builder(self, interpolate=self.interpolate)

    def __call__(self, text: str, offset: int) -> tuple[Expr, list[Diagnostic]]:
        if self.nesting >= limits.STRING_NESTING:  # pragma: no cover - the four kinds of quotes run out before
            span = Span(offset, offset + len(text))
            return BrokenExpr(span), [limits.too_deep(span)]
        self.nesting += 1
        result = _parse_expression(text, self, offset)
        self.nesting -= 1
        return result


def _parse(text: str, start: str, inner: _Inner, offset: int = 0) -> tuple[object, list[Diagnostic]]:
    builder = inner.builder
    lexed = lex(text, interpolate=inner.interpolate, offset=offset)
    if len(lexed.tokens) > limits.TOKENS:
        return None, [limits.too_many(lexed.tokens[-1].span)]
    tokens, diagnostics = mend_brackets(text, lexed.tokens, offset)
    diagnostics = lexed.diagnostics + diagnostics
    too_deep = deepest(tokens, limits.NESTING)
    if too_deep is not None:
        return None, [*diagnostics[:_MOST_ERRORS], limits.too_deep(too_deep.span)]
    if start == "start":
        tokens = with_newlines(tokens)
    end = offset + len(text.rstrip())
    tokens.append(Token("$END", "", end, end, starts_line=True))

    if inner.nesting == 0:
        builder.docs = lexed.docs
    n_before = len(builder.diagnostics)
    parser = _Parser(text, offset, tokens, builder, diagnostics, start)
    result = parser.run()
    found = sorted(parser.diagnostics + builder.diagnostics[n_before:], key=lambda d: d.span.start)
    del builder.diagnostics[n_before:]
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
    _builder: Builder
    diagnostics: list[Diagnostic]
    _start: str
    _states: list[int] = attrs.field(factory=list)
    _values: list[object] = attrs.field(factory=list)
    _syncs: list[Sync] = attrs.field(factory=list)
    _n_begun: int = 0
    _table: Tables = attrs.field(factory=tables)

    def run(self) -> object:
        """Parse all tokens; None if nothing could be saved."""
        self._states = [self._table.start[self._start]]
        position, depth = 0, 0
        while True:
            token = self._tokens[position]
            self._remember(position, depth)
            kind = self._kind(token)
            if kind is None or not self._feed(kind, token):
                follow = self._recover(position, depth)
                if follow is None:
                    return None
                position, depth = follow
                continue
            if kind == "$END":
                return self._values[0]
            if len(self._states) > limits.STACK or self._n_begun > limits.STATEMENTS:
                is_deep = len(self._states) > limits.STACK
                self.diagnostics.append(limits.too_deep(token.span) if is_deep else limits.too_many(token.span))
                return None
            depth += (token.type == "LBRACE") - (token.type == "RBRACE")
            position += 1

    def _kind(self, token: Token) -> str | None:
        """The terminal a token is in this state: the keyword of its text if there is room for it."""
        actions = self._table.states[self._states[-1]]
        if token.type == "IDENT":
            keyword = token.text.upper()
            if keyword in actions and token.text.islower() and keyword in self._table.keywords:
                return keyword
        return token.type if token.type in actions else None

    def _feed(self, kind: str, token: Token) -> bool:
        """Reduce as far as the lookahead says, then shift; False, with the stacks as they were, if the token fits nowhere."""
        table, states = self._table, self._states
        top, step = self._look(kind)
        if (step is None or step < 0) and not self._accepts(kind):
            return False
        states[-1] = top
        while step is not None and step < 0:
            name, origin, size, _ = table.rules[-step - 1]
            self._reduce(name, origin, size)
            top, step = self._look(kind)
            states[-1] = top
        if step is not None:
            states.append(step)
            self._values.append(token if kind == token.type else token.read_as(kind))
        return True

    def _look(self, kind: str) -> tuple[int, int | None]:
        """The state on top once unit rules are applied, and what a token of that kind leads to there."""
        states = self._states
        top = self._table.rename(states[-2], states[-1], kind) if len(states) > 1 else states[-1]
        return top, self._table.states[top].get(kind)

    def _reduce(self, name: str, origin: str, size: int) -> None:
        children = self._values[-size:] if size else []
        if size:
            del self._values[-size:]
            del self._states[-size:]
        value: object
        if origin.startswith("__"):
            # The list of a repetition grows in place, or a thousand statements would be copied a thousand times.
            head = children[0]
            value = _spliced(children[1:], into=head) if isinstance(head, Splice) else _spliced(children)
        else:
            value = self._builder.build(name, _spliced(children))
        self._values.append(value)
        self._states.append(self._table.states[self._states[-1]][origin])

    def _remember(self, position: int, depth: int) -> None:
        """Note a place where a statement, setting or item can begin: recovery goes back there."""
        if not self._may_begin(position):
            return
        actions = self._table.states[self._states[-1]]
        for kind in ("BROKEN_SETTING", "BROKEN", "BROKEN_ITEM"):
            if kind in actions and self._accepts(kind):
                while self._syncs and self._syncs[-1].depth >= depth:
                    self._syncs.pop()
                is_also_statement = kind == "BROKEN_SETTING" and self._accepts("BROKEN")
                lengths = [(i, len(value)) for i, value in enumerate(self._values) if isinstance(value, Splice)]
                self._n_begun += 1
                self._syncs.append(Sync(position, depth, self._states[:], self._values[:], lengths, kind, is_also_statement))
                return

    def _may_begin(self, position: int) -> bool:
        """Whether a statement could begin here; most tokens are told apart without asking the table. Settings need no new line."""
        if self._tokens[position].starts_line or position == 0 or (self._syncs and self._syncs[-1].kind == "BROKEN_SETTING"):
            return True
        return self._tokens[position - 1].type in {"_NL", "LBRACE"}

    def _recover(self, position: int, depth: int) -> tuple[int, int] | None:
        """Explain the token at `position`; mend it or skip its statement. Returns where to go on."""
        if len(self.diagnostics) >= _MOST_ERRORS:
            return None
        while self._syncs and self._syncs[-1].depth > depth:
            self._syncs.pop()
        sync = self._syncs[-1] if self._syncs else None
        in_settings = sync is not None and sync.kind == "BROKEN_SETTING"
        start = sync.position if sync else 0
        context = Context(
            self._text, self._offset, self._tokens, position, start, self._accepts, tables().keywords, in_settings
        )
        answer = explain(context)
        if not self._is_echo(answer.diagnostic, self._tokens[start].start):
            self.diagnostics.append(answer.diagnostic)
        if isinstance(answer, Mended):
            at = position - answer.back
            self._tokens[at : position + answer.replaced] = answer.tokens
            if not answer.back:
                return position, depth
        if sync is None:
            return None
        self._states, self._values = sync.states[:], sync.values[:]
        for i, length in sync.lengths:
            # Lists of statements grow in place; what was added since has been taken back.
            del cast("Splice", self._values[i])[length:]
        if isinstance(answer, Mended):
            return sync.position, sync.depth
        follow, broken = skip_statement(self._tokens, sync, position)
        if not self._feed(broken.type, broken):  # pragma: no cover - a place is noted only where this token fits
            return None
        return follow, sync.depth

    def _is_echo(self, diagnostic: Diagnostic, statement: int) -> bool:
        """Whether the lexer has spoken about this statement, or an earlier recovery about this place."""
        place = diagnostic.span.start
        return any(
            d.span.start <= place <= d.span.end or (d.code in {"E112", "E114"} and statement <= d.span.start <= place)
            for d in self.diagnostics
            if d.code != "E106"
        )

    def _accepts(self, kind: str) -> bool:
        """Whether a token of that kind would fit now: the reductions are walked through without being made."""
        table, own = self._table, self._states
        n_own = len(own)
        pushed: list[int] = []
        while True:
            top = pushed[-1] if pushed else own[n_own - 1]
            if n_own > 1 or len(pushed) > 1:
                below = pushed[-2] if len(pushed) > 1 else own[n_own - 1] if pushed else own[n_own - 2]
                top = table.rename(below, top, kind)
            step = table.states[top].get(kind)
            if step is None:
                return kind == "$END" and top == table.end[self._start]
            if step >= 0:
                return True
            _, origin, size, _ = table.rules[-step - 1]
            if size <= len(pushed):
                del pushed[len(pushed) - size :]
            else:
                n_own -= size - len(pushed)
                pushed.clear()
            pushed.append(table.states[pushed[-1] if pushed else own[n_own - 1]][origin])


def _spliced(children: list[object], into: Splice | None = None) -> Splice:
    """The children with the lists of helper rules put in place."""
    result = Splice() if into is None else into
    for child in children:
        if isinstance(child, Splice):
            result.extend(child)
        else:
            result.append(child)
    return result
