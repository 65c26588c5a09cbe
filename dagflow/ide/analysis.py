"""One text of an editor as it changes: compiled after each change, with results of the earlier text where they still hold.

Theory. Three components cache: the parser (`incremental_parser`), the checker of expressions (`expression_cache`), and this
module, which carries the warnings of the most expensive check (W302) over to the next text while the author types. So `update`
may guess in two ways: where brackets or quotes are not closed, and in those warnings. `settle` returns exactly the
diagnostics of the compiler; call it when the typing stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Span
from dagflow.ide.expression_cache import Memory, Seen
from dagflow.ide.incremental_parser import IncrementalParser, Parsed, difference
from dagflow.ide.positions import Encoding, Lines
from dagflow.ide.tree_shift import shifted_diagnostic
from dagflow.lang.check.imports import Sources
from dagflow.lang.check.symbols import Symbol
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import has_errors
from dagflow.lang.hooks import CompilerHooks
from dagflow.lang.limits import Limits
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import Token, lex
from dagflow.lang.syntax.parser import parse_file
from dagflow.model.action import Interface

#: The warnings that an approximate compilation omits.
_DEAR: Final = frozenset({"W302"})
#: Cached trees of other files, at most.
_MOST_FILES: Final = 64


@attrs.frozen
class FlowFacts:
    """The compiled facts of one flow of the text."""

    decl: s.FlowDecl
    builder: FlowBuilder

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """Its names, as they are at its end."""
        return self.builder.names.symbols


@attrs.frozen(kw_only=True, eq=False)
class Analysis:
    """A text with everything that the compiler knows of it.

    Attributes:
        file: its syntax tree. compilation: the result of the compiler.
        diagnostics: those of this text, not those of files it imports.
        flows: by name. seen: every expression that was checked, with its surroundings.
        is_exact: no part of it is a guess.
    """

    text: str
    lines: Lines
    file: s.File
    compilation: Compilation
    diagnostics: tuple[Diagnostic, ...]
    flows: Mapping[str, FlowFacts]
    seen: tuple[Seen, ...]
    is_exact: bool

    @property
    def interface(self) -> Interface:
        """The declarations of host, text and imported files together; names of the text hide those of imports."""
        known = next((each.builder.declarations for each in self.flows.values()), None)
        if known is None:
            return self.compilation.interface
        return Interface(actions=known.actions, events=known.events, types={**self.compilation.interface.types, **known.types})

    def tokens(self) -> list[Token]:
        """The tokens of the text."""
        return lex(self.text).tokens

    def flow_at(self, offset: int) -> FlowFacts | None:
        """The flow around a place."""
        return next((each for each in self.flows.values() if each.decl.span.start <= offset <= each.decl.span.end), None)


class Analyst:
    """Follows one text. `interface`, `sources` and `filename`: as for `compile_text`; `interface` may be exchanged."""

    def __init__(
        self,
        interface: Interface,
        *,
        filename: str = "<flow>",
        sources: Sources | None = None,
        limits: Limits | None = None,
        encoding: Encoding = Encoding.UTF16,
    ) -> None:
        self.interface = interface
        self._filename = filename
        self.sources = sources
        self._limits = limits or Limits()
        self._encoding = encoding
        self._parser = IncrementalParser()
        self._memory = Memory()
        self._files: dict[str, Parsed] = {}
        self._current: Analysis | None = None
        self._dear: tuple[str, tuple[Diagnostic, ...]] = ("", ())

    @property
    def current(self) -> Analysis | None:
        """The latest analysis."""
        return self._current

    def update(self, text: str) -> Analysis:
        """Return the analysis of a text; fast if it differs little from the text before."""
        current = self._current
        if current is not None and current.text == text:
            return current
        self._current = self._analysed(text, exact=False)
        return self._current

    def settle(self) -> Analysis:
        """Return the exact analysis of the text that `update` had last.

        Raises:
            LookupError: there was no text yet.
        """
        if self._current is None:
            raise LookupError("no text was given yet")
        if not self._current.is_exact:
            self._current = self._analysed(self._current.text, exact=True)
        return self._current

    def refresh(self) -> None:
        """Discard the results: something else changed, such as an imported file or the declarations of the host."""
        if self._current is not None:
            self._current = self._analysed(self._current.text, exact=False)

    def trial(self, text: str) -> Analysis:
        """Return the analysis of a text that is not the author's, such as the current one with a word at the cursor."""
        return self._analysed(text, exact=False)

    def _analysed(self, text: str, *, exact: bool) -> Analysis:
        parsed: list[Parsed] = []
        flows: dict[str, FlowFacts] = {}

        def parse(wanted: str, limits: Limits) -> tuple[s.File, list[Diagnostic]]:
            if parsed:
                return self._other(wanted, limits)
            parsed.append(self._parser.parse(wanted, limits, exact=exact))
            return parsed[0].file, list(parsed[0].diagnostics)

        def lowered(decl: s.FlowDecl, builder: FlowBuilder) -> None:
            if builder.source.text is text:
                flows[decl.name.text] = FlowFacts(decl, builder)

        self._memory.begin()
        hooks = CompilerHooks(parse=parse, check=self._memory.check, on_lowered=lowered, skip_expensive_lints=not exact)
        compilation = compile_text(
            text, self.interface, filename=self._filename, limits=self._limits, sources=self.sources, hooks=hooks
        )
        self._memory.done()
        own = tuple(each for each in compilation.diagnostics if each.file == self._filename)
        return Analysis(
            text=text, lines=Lines(text, self._encoding), file=parsed[0].file if parsed else s.File(()), compilation=compilation,
            diagnostics=self._with_dear(text, own, exact=exact), flows=flows,
            seen=tuple(each for each in self._memory.seen if each.environment.source is text), is_exact=exact,
        )  # fmt: skip

    def _with_dear(self, text: str, found: tuple[Diagnostic, ...], *, exact: bool) -> tuple[Diagnostic, ...]:
        """Add the omitted warnings, as they were for the text before."""
        if exact:
            self._dear = (text, tuple(each for each in found if each.code in _DEAR))
            return found
        before, dear = self._dear
        if not dear or has_errors(found):
            return found
        change, delta = difference(before, text)
        kept = [moved for each in dear if (moved := _carried(each, change, delta)) is not None]
        return tuple(sorted([*found, *kept], key=lambda each: each.span.start))

    def _other(self, text: str, limits: Limits) -> tuple[s.File, list[Diagnostic]]:
        """The tree of an imported file, which seldom changes."""
        known = self._files.get(text)
        if known is None:
            file, diagnostics = parse_file(text, limits)
            known = Parsed(text, file, tuple(diagnostics))
            if len(self._files) >= _MOST_FILES:
                self._files.clear()
            self._files[text] = known
        return known.file, list(known.diagnostics)


def _carried(diagnostic: Diagnostic, change: Span, delta: int) -> Diagnostic | None:
    """Carry a diagnostic over to the new text, if its place did not change."""
    edits = diagnostic.fix.edits if diagnostic.fix is not None else ()
    spans = [diagnostic.span, *(edit.span for edit in edits)]
    if all(span.end < change.start for span in spans):
        return diagnostic
    if all(span.start > change.end for span in spans):
        return shifted_diagnostic(diagnostic, delta)
    return None
