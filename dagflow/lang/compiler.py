"""From a text to flows: the passes in order. Nothing a text contains makes any of them raise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dagflow.diagnostic import Diagnostic, Span
from dagflow.errors import DagflowBug, FlowInvalid, UsageError
from dagflow.lang import syntax as s
from dagflow.lang.call_order import in_call_order
from dagflow.lang.checking import Checker
from dagflow.lang.declarations import Declarations, collect_declarations
from dagflow.lang.diagnostics import JsonDiagnostic, Source, capped, has_errors, render, to_json, without_cascades
from dagflow.lang.drafts import Signature
from dagflow.lang.limits import Limits, too_large
from dagflow.lang.lowering import Unit, lower_flow
from dagflow.lang.modifiers import refusal
from dagflow.lang.parser import parse_file
from dagflow.lang.subflows import with_callees
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.model.types import Field, Type


@attrs.frozen
class Compilation:
    """What became of a text.

    Attributes:
        flows: those without an error, by name, in declared order; empty if anything in the file is an error.
        diagnostics: every finding, in source order.
        interface: what the file and the host declare together.
    """

    flows: dict[str, Flow]
    diagnostics: tuple[Diagnostic, ...]
    text: str = attrs.field(repr=False)
    filename: str
    interface: Interface = attrs.field(repr=False)

    @property
    def has_errors(self) -> bool:
        """Whether something keeps the file from running; warnings do not."""
        return has_errors(self.diagnostics)

    def unwrap(self, name: str | None = None) -> Flow:
        """The compiled flow: the only one of the file, or the one of that name.

        Raises:
            FlowInvalid: the file has errors; it carries them all, and reads as a compiler's output.
            UsageError: the file has no flow, several and no name was given, or none of that name.
        """
        if self.has_errors:
            raise FlowInvalid(self.diagnostics, self.render())
        if name is not None and name in self.flows:
            return self.flows[name]
        names = ", ".join(self.flows) or "none"
        if name is not None:
            raise UsageError(f"{self.filename} has no flow `{name}`; it has: {names}")
        if len(self.flows) != 1:
            raise UsageError(f"{self.filename} has {len(self.flows)} flows ({names}); name the one you mean")
        return next(iter(self.flows.values()))

    def render(self) -> str:
        """All diagnostics as text for a person."""
        return render(self.diagnostics, self.text, self.filename)

    def to_json(self) -> list[JsonDiagnostic]:
        """All diagnostics as plain data, as `dagflow check --format json` prints them."""
        return to_json(self.diagnostics, self.text, self.filename)


def compile_text(text: str, interface: Interface, *, filename: str = "<flow>", limits: Limits | None = None) -> Compilation:
    """Compile the flows of a text against what a host declares. Never raises for anything in the text."""
    limits = limits or Limits()
    if len(text) > limits.source_chars:
        return Compilation({}, (_filed(too_large(len(text), limits.source_chars), filename),), text, filename, interface)
    file, diagnostics = parse_file(text, limits)
    source = Source(text, filename)
    nothing = Declarations({}, {}, {})
    checker = Checker(source, nothing, diagnostics)
    try:
        declarations = collect_declarations(file, interface, lambda decl, type_: _default(checker, decl, type_))
        checker.declarations = declarations
        diagnostics += declarations.diagnostics
        unit = Unit(source=source, declarations=declarations, checker=checker, limits=limits)
        flows = {flow.name: flow for flow in _lower_flows(file, unit)}
    except RecursionError as error:  # pragma: no cover - depth is bounded before; what gets here is a fault of ours
        raise DagflowBug("the compiler's depth limits do not hold; please report the flow") from error
    found = capped(_filed(diagnostic, filename) for diagnostic in without_cascades(diagnostics, text))
    known = Interface(actions=declarations.actions, events=declarations.events, types=declarations.types)
    return Compilation({} if has_errors(found) else flows, found, text, filename, known)


def _filed(diagnostic: Diagnostic, filename: str) -> Diagnostic:
    return attrs.evolve(diagnostic, file=filename)


def _default(checker: Checker, decl: s.FieldDecl, type_: Type) -> Field:
    assert decl.default is not None  # noqa: S101 - called for fields with a default
    value = checker.default(decl.default, type_)
    return Field(decl.name.text, type_, has_default=True, default=value)


def _lower_flows(file: s.File, unit: Unit) -> list[Flow]:
    """Lower all flows, those that are called before those that call them; they come out in declared order."""
    found = unit.checker.diagnostics
    decls = [item for item in file.items if isinstance(item, s.FlowDecl)]
    signatures: dict[str, Signature] = {}
    known: dict[str, Flow] = {}
    flows: dict[int, Flow] = {}
    ordered, circles = in_call_order(decls, unit.source)
    found += circles
    for decl in ordered:
        lowered = lower_flow(unit, decl, decl.name.text, signatures)
        flow = with_callees(lowered.flow, known)
        flows[id(decl)] = flow
        signatures.setdefault(decl.name.text, lowered.signature)
        known.setdefault(decl.name.text, flow)
    found += _refused(file)
    found += _twice(decls, unit)
    return [flows[id(decl)] for decl in decls]


def _refused(file: s.File) -> Iterator[Diagnostic]:
    for item in file.items:
        match item:
            case s.ImportDecl():
                yield refusal("import", Span(item.span.start, item.span.start + len("import")))
            case s.TestDecl():
                yield refusal("test", Span(item.span.start, item.span.start + len("test")))
            case _:
                pass


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
