"""From a text to flows: the passes in order. Nothing a text contains makes any of them raise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import attrs

from dagflow.diagnostic import Diagnostic, Span, few_suggestions
from dagflow.errors import DagflowBug, FlowInvalid, UsageError
from dagflow.gc_tuning import without_collecting
from dagflow.lang.bounds.run_limits import check_run_limits
from dagflow.lang.check.call_graph import in_call_order
from dagflow.lang.check.declarations import Declarations, collect_declarations
from dagflow.lang.check.imports import Import, Library, Module, Sources, check_imports, path_of, severe
from dagflow.lang.check.type_checker import Checker
from dagflow.lang.diagnostics import JsonDiagnostic, Source, capped, has_errors, render, to_json, without_cascades
from dagflow.lang.hooks import CompilerHooks
from dagflow.lang.limits import Limits, too_large
from dagflow.lang.lint.flow import lint_flow
from dagflow.lang.lowering.call_targets import with_callees
from dagflow.lang.lowering.flow import Unit, lower_flow
from dagflow.lang.lowering.tests import lower_tests
from dagflow.lang.syntax import tree as s
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.model.flow_test import FlowTest
from dagflow.model.types import Field, Type


@attrs.frozen
class Compilation:
    """The result of a compilation.

    Attributes:
        flows: the compiled flows, by name, in declared order; empty if anything in the file is an error.
        diagnostics: every finding, in source order; behind those of the text itself the errors of files it imports.
        interface: the declarations of file and host together.
        imported: the texts of imported files with errors, by the names that diagnostics have as `file`.
        tests: the `test` blocks of the text, in its order; empty if anything in the file is an error.
    """

    flows: dict[str, Flow]
    diagnostics: tuple[Diagnostic, ...]
    text: str = attrs.field(repr=False)
    filename: str
    interface: Interface = attrs.field(repr=False)
    imported: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    tests: tuple[FlowTest, ...] = attrs.field(default=(), repr=False)

    @property
    def has_errors(self) -> bool:
        """Whether something keeps the file from running; warnings do not."""
        return has_errors(self.diagnostics)

    def unwrap(self, name: str | None = None) -> Flow:
        """The compiled flow: the only one of the file, or the one of that name.

        Raises:
            FlowInvalid: the file has errors; it carries them all, and reads as a compiler's output.
            UsageError: the file has no flow, several without a name to choose one, or none of that name.
        """
        if self.has_errors:
            raise FlowInvalid(self.diagnostics, self.render())
        if name is not None and name in self.flows:
            return self.flows[name]
        names = ", ".join(self.flows) or "none"
        if name is not None:
            raise UsageError(f"{self.filename} has no flow `{name}`; it has: {names}")
        if len(self.flows) != 1:
            raise UsageError(
                f"{self.filename} has {len(self.flows)} flows ({names}); pass the flow name: unwrap({next(iter(self.flows), '')!r})"
            )
        return next(iter(self.flows.values()))

    def render(self) -> str:
        """All diagnostics as text for a person."""
        return "\n\n".join(render(found, text, name) for name, text, found in self._by_file())

    def to_json(self) -> list[JsonDiagnostic]:
        """All diagnostics as plain data, as `dagflow check --json` prints them."""
        return [plain for name, text, found in self._by_file() for plain in to_json(found, text, name)]

    def _by_file(self) -> Iterator[tuple[str, str, list[Diagnostic]]]:
        for name, found in itertools.groupby(self.diagnostics, lambda diagnostic: diagnostic.file):
            yield name, self.imported.get(name, self.text), list(found)


@few_suggestions()
@without_collecting()
def compile_text(
    text: str,
    interface: Interface,
    *,
    filename: str = "<flow>",
    limits: Limits | None = None,
    sources: Sources | None = None,
    hooks: CompilerHooks | None = None,
) -> Compilation:
    """Compile the flows of a text against a host's interface. Never raises for anything in the text.

    Args:
        text: of a `.flow` file.
        interface: the host's declarations.
        filename: the name of the text in messages; a relative path is also its place among `sources`.
        limits: by default those of the language.
        sources: the texts of the files it may import, by their paths, or a function from a path to its text.
        hooks: replacements for parts of the compiler; for editors.
    """
    compiler = _Compiler(interface, limits or Limits(), filename, sources, hooks or CompilerHooks())
    try:
        flows, known = compiler.root(text)
    except RecursionError as error:  # pragma: no cover - depth is bounded before; what gets here is a fault of ours
        raise DagflowBug("the compiler's depth limits do not hold; please report the flow") from error
    found = compiler.found
    is_wrong = has_errors(found)
    tests = () if is_wrong else tuple(compiler.tests)
    return Compilation({} if is_wrong else flows, tuple(found), text, filename, known, compiler.texts, tests)


class _Compiler:
    """Compiles a text and its imports, each file once."""

    def __init__(
        self, interface: Interface, limits: Limits, filename: str, sources: Sources | None, hooks: CompilerHooks
    ) -> None:
        self.hooks = hooks
        self.interface = interface
        self.limits = limits
        self.filename = filename
        self.path = path_of(filename)
        #: The diagnostics of the text that is compiled first.
        self.found: list[Diagnostic] = []
        #: The texts of other files with diagnostics, by their names in messages.
        self.texts: dict[str, str] = {}
        #: All flows in the order of lowering, by their keys.
        self.known: dict[str, Flow] = {}
        self.tests: list[FlowTest] = []
        self.library = Library(sources, limits, [self.path])

    def root(self, text: str) -> tuple[dict[str, Flow], Interface]:
        """The flows of the text, and the declarations of text and host."""
        unit, imports, found = self._file(text, self.filename, "")
        rest, self.found = self.found, list(found)
        self.found += rest
        if unit is None:
            return {}, self.interface
        qualified = tuple(f"{each.name.text}." for each in imports)
        declared = unit.declarations
        known = Interface(
            actions={name: spec for name, spec in declared.actions.items() if not name.startswith(qualified)},
            events=declared.events,
            types={name: type_ for name, type_ in declared.types.items() if not name.startswith(qualified)},
        )
        return {decl.name.text: self.known[decl.name.text] for decl in unit.flows}, known

    def _module(self, path: str, text: str) -> Module:
        """The exports of another file."""
        shown = (
            path
            if self.path == self.filename
            else self.filename.rpartition("/")[0] + "/" + path
            if "/" in self.filename
            else path
        )
        unit, _, found = self._file(text, shown, f"{path}#")
        errors = severe(found)
        if errors:
            self.found += errors
            self.texts[shown] = text
        if unit is None:
            return Module(is_broken=True)
        return unit.module(is_broken=bool(errors))

    def _file(self, text: str, filename: str, prefix: str) -> tuple[Unit | None, list[Import], tuple[Diagnostic, ...]]:
        """Lower the flows of a file into `known`, under keys with a prefix."""
        limits = self.limits
        if len(text) > limits.source_chars:
            return None, [], (_filed(too_large(len(text), limits.source_chars), filename),)
        file, diagnostics = self.hooks.parse(text, limits)
        source = Source(text, filename)
        imports = self._imports(file, diagnostics)
        checker = Checker(source, Declarations({}, {}, {}), diagnostics, check_expression=self.hooks.check)
        given = [(each.name.text, each.module) for each in imports]
        declarations = collect_declarations(
            file, self.interface, lambda decl, type_: _default(checker, decl, type_), given, text
        )
        checker.declarations = declarations
        diagnostics += declarations.diagnostics
        diagnostics += check_imports(imports, self.interface.actions, source)
        unit = Unit(source=source, declarations=declarations, checker=checker, limits=limits, file=file)
        unit.signatures.update(
            (each.qualified(name), signature) for each in imports for name, signature in each.module.flows.items()
        )
        self._lower(unit, prefix)
        return unit, imports, capped(_filed(diagnostic, filename) for diagnostic in without_cascades(diagnostics, text))

    def _imports(self, file: s.File, diagnostics: list[Diagnostic]) -> list[Import]:
        imports: list[Import] = []
        for item in file.items:
            if isinstance(item, s.ImportDecl):
                module, problem = self.library.find(item, self._module)
                imports.append(Import(item, module))
                if problem is not None:
                    diagnostics.append(problem)
        return imports

    def _lower(self, unit: Unit, prefix: str) -> None:
        """Lower all flows of a file, callees before their callers."""
        found = unit.checker.diagnostics
        ordered, circles = in_call_order(unit.flows, unit.source)
        found += circles
        for decl in ordered:
            key = prefix + decl.name.text
            n_found = len(found)
            lowered = lower_flow(unit, decl, key)
            if lowered.is_linted:
                lint_flow(
                    lowered.builder, decl, lowered.flow, n_found=n_found, skip_expensive_lints=self.hooks.skip_expensive_lints
                )
            self.hooks.on_lowered(decl, lowered.builder)
            unit.signatures.setdefault(decl.name.text, lowered.signature)
            flow = self.known.setdefault(key, with_callees(lowered.flow, self.known))
            if not self.limits.run.is_unlimited and not any(each.code[0] == "E" and each.code != "E503" for each in found):
                found += check_run_limits(flow, decl, unit.source, self.limits.run)
        found += _twice(unit.flows, unit)
        if not prefix and not has_errors(found):
            # A test of a flow with errors would report errors that are not its own. Only tests of the root text are lowered.
            self.tests = lower_tests(unit, self.known)


def _filed(diagnostic: Diagnostic, filename: str) -> Diagnostic:
    return attrs.evolve(diagnostic, file=filename)


def _default(checker: Checker, decl: s.FieldDecl, type_: Type) -> Field:
    assert decl.default is not None  # noqa: S101 - called for fields with a default
    value = checker.default(decl.default, type_)
    return Field(decl.name.text, type_, has_default=True, default=value)


def _twice(decls: Sequence[s.FlowDecl], unit: Unit) -> Iterator[Diagnostic]:
    """E210 for two things of one name that are called alike."""
    seen: dict[str, Span] = {}
    for decl in decls:
        name = decl.name
        if name.text in seen:
            line = unit.source.place(seen[name.text].start).line
            yield Diagnostic(
                code="E210", title=f"flow `{name.text}` is declared twice", span=name.span, label=f"the other one is on line {line}",
                help="rename one of them",
            )  # fmt: skip
        elif name.text in unit.declarations.actions:
            yield Diagnostic(
                code="E210", title=f"flow `{name.text}` has the name of an action", span=name.span,
                label="a call of that name could mean either", help="rename the flow",
            )  # fmt: skip
        seen.setdefault(name.text, name.span)
