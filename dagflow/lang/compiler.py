"""From a text to flows: the passes in order. Nothing a text contains makes any of them raise."""

from __future__ import annotations

import re

import attrs

from dagflow.diagnostic import Diagnostic, Fix, Span
from dagflow.errors import DagflowBug, FlowInvalid, UsageError
from dagflow.lang import syntax as s
from dagflow.lang.blocks import Blocks
from dagflow.lang.checking import Checker
from dagflow.lang.declarations import Declarations, collect_declarations
from dagflow.lang.diagnostics import JsonDiagnostic, Source, capped, has_errors, render, to_json, without_cascades
from dagflow.lang.drafts import FlowDraft, Place
from dagflow.lang.edges import build_edges, check_graph, count_edges
from dagflow.lang.endings import always_ends
from dagflow.lang.hygiene import check_hygiene
from dagflow.lang.limits import Limits, too_large
from dagflow.lang.modifiers import refusal
from dagflow.lang.parser import parse_file
from dagflow.lang.settings import Head, lower_head
from dagflow.lang.survey import statements_of, survey
from dagflow.model.action import Interface
from dagflow.model.flow import Edge, Flow, NodeKind, Scope
from dagflow.model.types import NULL, Field, OptionalType, Type

_SECRET = re.compile(r"\bsecrets\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")
_ROOT = "on_error"


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
    file, diagnostics = parse_file(text)
    source = Source(text, filename)
    nothing = Declarations({}, {}, {})
    checker = Checker(source, nothing, diagnostics)
    try:
        declarations = collect_declarations(file, interface, lambda decl, type_: _default(checker, decl, type_))
        checker.declarations = declarations
        diagnostics += declarations.diagnostics
        flows = {flow.name: flow for flow in _lower_flows(file, source, declarations, checker, limits)}
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


def _lower_flows(file: s.File, source: Source, declarations: Declarations, checker: Checker, limits: Limits) -> list[Flow]:
    flows: list[Flow] = []
    seen: dict[str, Span] = {}
    for item in file.items:
        match item:
            case s.FlowDecl():
                if item.name.text in seen:
                    checker.diagnostics.append(_twice(item, source, seen[item.name.text]))
                seen.setdefault(item.name.text, item.name.span)
                flows.append(_lower_flow(item, source, declarations, checker, limits))
            case s.ImportDecl():
                checker.diagnostics.append(refusal("import", Span(item.span.start, item.span.start + len("import"))))
            case s.TestDecl():
                checker.diagnostics.append(refusal("test", Span(item.span.start, item.span.start + len("test"))))
            case s.TypeDecl() | s.EventDecl() | s.ActionDecl() | s.BrokenItem():  # pragma: no branch - there are no others
                pass
    return flows


def _twice(item: s.FlowDecl, source: Source, first: Span) -> Diagnostic:
    line = source.place(first.start).line
    return Diagnostic(
        code="E210", title=f"flow `{item.name.text}` is declared twice", span=item.name.span, label=f"the other one is on line {line}",
        help="rename one of them",
    )  # fmt: skip


def _lower_flow(decl: s.FlowDecl, source: Source, declarations: Declarations, checker: Checker, limits: Limits) -> Flow:
    n_before = len(declarations.diagnostics)
    draft = FlowDraft(source, declarations, checker, checker.diagnostics)
    body_text = draft.text(decl.span)
    draft.secrets = dict.fromkeys(_SECRET.findall(body_text))
    draft.result = None if decl.result is None else declarations.resolve(decl.result)
    head = lower_head(draft, decl)
    statements = statements_of(decl)
    if len(statements) > limits.steps:
        _too_large(draft, decl, len(statements), limits.steps, "statements")
        return _flow(draft, decl, head, ())
    survey(draft, decl, statements)
    _lower_body(draft, decl)
    # Types named inside the flow were resolved after the file's own diagnostics had been taken over.
    checker.diagnostics += declarations.diagnostics[n_before:]
    if _is_too_large(draft, decl, limits):
        return _flow(draft, decl, head, ())
    edges = build_edges(draft)
    # Two steps of one name are one node, which would only look like a circle.
    has_twins = any(diagnostic.code in {"E204", "E205"} for diagnostic in checker.diagnostics)
    if not has_twins:
        check_graph(draft, edges)
        check_hygiene(draft, decl)
    return _flow(draft, decl, head, edges)


def _lower_body(draft: FlowDraft, decl: s.FlowDecl) -> None:
    blocks = Blocks(draft)
    if decl.handler is None:
        draft.scopes.append(Scope("", None, None))
        blocks.lower(decl.body.statements, Place(), ())
        return
    catch = f"{_ROOT}.catch"
    draft.scopes.append(Scope("", None, catch))
    draft.scopes.append(Scope(_ROOT, None, None))
    draft.names.define_gate(catch, 2)
    tails = blocks.lower(decl.body.statements, Place(condition=frozenset({(catch, 0)})), ())
    blocks.handle(decl.handler, catch, "", Place(scope=_ROOT), tails)


def _is_too_large(draft: FlowDraft, decl: s.FlowDecl, limits: Limits) -> bool:
    """E503, before the edges are made: two wide blocks in a row have as many as the product of their widths."""
    for count, limit, what in (
        (len(draft.drafts), limits.steps, "steps and conditions"),
        (count_edges(draft), limits.edges, "edges"),
    ):
        if count > limit:
            _too_large(draft, decl, count, limit, what)
            return True
    return False


def _too_large(draft: FlowDraft, decl: s.FlowDecl, count: int, limit: int, what: str) -> None:
    draft.report(
        "E503", f"this flow has {count} {what}, the limit is {limit}", decl.name.span, "too large to run",
        "split it: one flow emits an event that starts the next",
    )  # fmt: skip


def _flow(draft: FlowDraft, decl: s.FlowDecl, head: Head, edges: tuple[Edge, ...]) -> Flow:
    if draft.result is not None:
        _check_returns(draft, decl)
    used = {name for each in draft.drafts.values() if "secrets" in _reads(draft, each.node.id) for name in draft.secrets}
    return Flow(
        name=decl.name.text, doc=decl.doc, input=head.input, binding=head.binding, result=draft.result or NULL, triggers=head.triggers,
        policies=head.policies, timeout_ns=head.timeout_ns, nodes=tuple(each.node for each in draft.drafts.values()), edges=edges, scopes=tuple(draft.scopes),
        races=tuple(draft.races),         secrets=tuple(sorted(used)), source=draft.source.text, filename=draft.source.filename,
    )  # fmt: skip


def _reads(draft: FlowDraft, node_id: str) -> set[str]:
    node = draft.drafts[node_id].node
    expressions = [argument.value for argument in node.arguments] + [e for e in (node.expression, node.default) if e]
    return {name for expression in expressions for name in expression.reads}


def _check_returns(draft: FlowDraft, decl: s.FlowDecl) -> None:
    """E314: a flow that promises a result has to end in `return` on every way through it."""
    if (
        isinstance(draft.result, OptionalType)
        or always_ends(decl.body.statements, draft.complete, with_stop=False)
        or draft.broken
    ):
        return
    head = Span(decl.name.span.start, decl.name.span.end)
    has_return = any(each.node.kind is NodeKind.RETURN for each in draft.drafts.values())
    label = "some ways through it end without `return`" if has_return else "nothing in it returns one"
    fix = Fix("insert `return`", is_safe=False, edits=())
    draft.report(
        "E314",
        f"flow `{decl.name.text}` may end without its result",
        head,
        label,
        "end with `return value`, or make the result optional: `-> T?`",
        fix,
    )
