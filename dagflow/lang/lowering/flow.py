"""One flow of a file, from its syntax tree to nodes and edges."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from dagflow.diagnostic import Fix
from dagflow.lang.check.declarations import Declarations
from dagflow.lang.check.imports import Module
from dagflow.lang.check.reachability import always_ends
from dagflow.lang.check.signatures import Signature
from dagflow.lang.check.type_checker import Checker
from dagflow.lang.diagnostics import Source, has_errors
from dagflow.lang.limits import Limits
from dagflow.lang.lowering.binder import bind_names
from dagflow.lang.lowering.block_tree import blocks_of
from dagflow.lang.lowering.blocks import Blocks
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.lowering.call_targets import call_depth, repeating
from dagflow.lang.lowering.edges import build_edges, check_graph, count_edges
from dagflow.lang.lowering.former_names import check_former_names
from dagflow.lang.lowering.head import Head, lower_head
from dagflow.lang.lowering.triggers import explain_unnamed_event
from dagflow.lang.lowering.undo import add_undos, can_undo
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import statements_of
from dagflow.model.flow import Edge, Expression, Flow, Node, NodeKind, Scope
from dagflow.model.types import NULL, Field, OptionalType

_SECRET = re.compile(r"\bsecrets\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")
_ROOT = "on_error"


@attrs.frozen(kw_only=True)
class Unit:
    """A file while its flows are being lowered."""

    source: Source
    declarations: Declarations
    checker: Checker
    limits: Limits
    file: s.File
    #: The flows that may be called so far, by the names they are called by.
    signatures: dict[str, Signature] = attrs.field(factory=dict[str, Signature])

    @property
    def flows(self) -> list[s.FlowDecl]:
        """Its flows, in declared order."""
        return [item for item in self.file.items if isinstance(item, s.FlowDecl)]

    def module(self, *, is_broken: bool) -> Module:
        """Its exports for a file that imports it: all its own declarations."""
        declared, items = self.declarations, self.file.items
        return Module(
            types={
                i.name.text: declared.types[i.name.text]
                for i in items
                if isinstance(i, s.TypeDecl) and i.name.text in declared.types
            },
            events={i.name.value: declared.events[i.name.value] for i in items if isinstance(i, s.EventDecl)},
            actions={
                i.name.text: declared.actions[i.name.text]
                for i in items
                if isinstance(i, s.ActionDecl) and i.name.text in declared.actions
            },
            flows={decl.name.text: self.signatures[decl.name.text] for decl in self.flows},
            is_broken=is_broken,
        )


@attrs.frozen
class Lowered:
    """A flow, without those it calls.

    Attributes:
        signature: what its callers know of it.
        builder: everything the linter reads.
        is_linted: whether the linter has anything to read; a flow that is too large, or that uses a name twice, has no edges.
    """

    flow: Flow
    signature: Signature
    builder: FlowBuilder
    is_linted: bool


def lower_flow(unit: Unit, decl: s.FlowDecl, key: str) -> Lowered:
    """Lower a flow; its callees have been lowered before it, or are not among the signatures of the unit."""
    declarations, checker = unit.declarations, unit.checker
    n_before, n_found = len(declarations.diagnostics), len(checker.diagnostics)
    builder = FlowBuilder(
        unit.source,
        declarations,
        checker,
        checker.diagnostics,
        name=decl.name.text,
        limits=unit.limits,
        signatures=unit.signatures,
    )
    builder.secrets = dict.fromkeys(_SECRET.findall(builder.text(decl.span)))
    builder.result = None if decl.result is None else declarations.resolve(decl.result)
    head = lower_head(builder, decl)
    builder.timeout_ns = head.timeout_ns
    is_loose = decl.params is None and has_errors([*checker.diagnostics[n_found:], *declarations.diagnostics[n_before:]])
    n_head = len(checker.diagnostics)
    edges = _lower_statements(builder, decl)
    if decl.params is None:
        explain_unnamed_event(builder, [each for each in decl.settings if isinstance(each, s.OnSetting)], n_head)
    # Types named inside the flow were resolved after the file's own diagnostics had been copied.
    checker.diagnostics += declarations.diagnostics[n_before:]
    flow = _flow(builder, decl, head, edges or ())
    signature = Signature(
        key=key, params=(Field(flow.binding, flow.input),) if flow.binding else flow.input.fields, result=flow.result,
        can_undo=can_undo(builder), depth=call_depth(builder), is_loose=is_loose, repeats=repeating(builder),
    )  # fmt: skip
    return Lowered(flow, signature, builder, is_linted=edges is not None)


def _lower_statements(builder: FlowBuilder, decl: s.FlowDecl) -> tuple[Edge, ...] | None:
    """The edges of the flow; None where the flow cannot be linted."""
    statements = statements_of(decl)
    if len(statements) > builder.limits.steps:
        _too_large(builder, decl, len(statements), builder.limits.steps, "statements")
        return None
    bind_names(builder, decl, statements)
    check_former_names(builder, statements)
    _lower_body(builder, decl)
    add_undos(builder)
    if _is_too_large(builder, decl):
        return None
    # Two steps of one name are one node, which would only look like a circle.
    is_sound = not any(diagnostic.code in {"E204", "E205"} for diagnostic in builder.diagnostics)
    edges = _finish(builder, is_sound=is_sound)
    return edges if is_sound else None


def _lower_body(builder: FlowBuilder, decl: s.FlowDecl) -> None:
    blocks = Blocks(builder)
    if decl.handler is None:
        builder.scopes.append(Scope("", None, None))
        blocks.lower(decl.body.statements, Place(), ())
        return
    catch = f"{_ROOT}.catch"
    builder.scopes.append(Scope("", None, catch))
    builder.scopes.append(Scope(_ROOT, None, None))
    builder.names.define_gate(catch, 2)
    tails = blocks.lower(decl.body.statements, Place(condition=frozenset({(catch, 0)})), ())
    blocks.handle(decl.handler, catch, "", Place(scope=_ROOT), tails)


def _finish(builder: FlowBuilder, *, is_sound: bool) -> tuple[Edge, ...]:
    """Put the bodies of loops, which are whole now, into their nodes, and draw the edges."""
    for node_id, body in builder.bodies.items():
        inner = _finish(body, is_sound=is_sound)
        each = builder.nodes[node_id]
        if each.node.loop is None:
            continue  # another step has its name, which has been reported
        whole = attrs.evolve(
            each.node.loop.body, nodes=tuple(one.node for one in body.nodes.values()), edges=inner, scopes=tuple(body.scopes),
            races=tuple(body.races), secrets=_secrets(body),
        )  # fmt: skip
        each.node = attrs.evolve(each.node, loop=attrs.evolve(each.node.loop, body=whole))
    edges = build_edges(builder)
    if is_sound:
        check_graph(builder, edges)
    return edges


def _is_too_large(builder: FlowBuilder, decl: s.FlowDecl) -> bool:
    """E503, before the edges exist: two wide blocks in a row have as many as the product of their widths."""
    nodes = list(builder.all_bodies())
    for count, limit, what in (
        (sum(len(each.nodes) for each in nodes), builder.limits.steps, "steps and conditions"),
        (sum(count_edges(each) for each in nodes), builder.limits.edges, "edges"),
    ):
        if count > limit:
            _too_large(builder, decl, count, limit, what)
            return True
    return False


def _too_large(builder: FlowBuilder, decl: s.FlowDecl, count: int, limit: int, what: str) -> None:
    builder.report(
        "E503", f"this flow has {count} {what}, the limit is {limit}", decl.name.span, "too large to run",
        "split it: one flow emits an event that starts the next",
    )  # fmt: skip


def _flow(builder: FlowBuilder, decl: s.FlowDecl, head: Head, edges: tuple[Edge, ...]) -> Flow:
    if builder.result is not None:
        _check_returns(builder, decl)
    return Flow(
        name=decl.name.text, doc=decl.doc, input=head.input, binding=head.binding, result=builder.result or NULL, triggers=head.triggers,
        policies=head.policies, timeout_ns=head.timeout_ns, nodes=tuple(each.node for each in builder.nodes.values()), edges=edges,
        scopes=tuple(builder.scopes), races=tuple(builder.races), secrets=_secrets(builder),
        blocks=blocks_of(decl), source=builder.source.text, filename=builder.source.filename,
    )  # fmt: skip


def _secrets(builder: FlowBuilder) -> tuple[str, ...]:
    """The secrets that a flow or a body in it may read."""
    is_read = any(
        "secrets" in e.reads for each in builder.all_bodies() for one in each.nodes.values() for e in _expressions(one.node)
    )
    return tuple(sorted(builder.secrets)) if is_read else ()


def _expressions(node: Node) -> Iterator[Expression]:
    yield from (argument.value for argument in node.arguments)
    yield from (
        each for each in (node.expression, node.default, None if node.loop is None else node.loop.key) if each is not None
    )


def _check_returns(builder: FlowBuilder, decl: s.FlowDecl) -> None:
    """E314: a flow that promises a result has to end in `return` on every way through it."""
    if isinstance(builder.result, OptionalType) or builder.broken:
        return
    if always_ends(decl.body.statements, builder.complete, with_stop=False):
        return
    has_return = any(each.node.kind is NodeKind.RETURN for each in builder.nodes.values())
    label = "some ways through it end without `return`" if has_return else "nothing in it returns one"
    builder.report(
        "E314", f"flow `{decl.name.text}` may end without its result", decl.name.span, label,
        "end with `return value`, or make the result optional: `-> T?`", Fix("insert `return`", is_safe=False, edits=()),
    )  # fmt: skip
