"""Lints for valid code that is most likely a slip: W302, W402, W403, W405, W901."""

from __future__ import annotations

from itertools import pairwise

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.check.reachability import always_ends
from dagflow.lang.diagnostics import has_errors
from dagflow.lang.lint.constant_conditions import lint_constant_conditions
from dagflow.lang.lint.stops import lint_stops
from dagflow.lang.lowering.builder import FlowBuilder, deletion
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import blocks, has_after
from dagflow.model.action import Effect
from dagflow.model.flow import NodeKind


def lint_statements(builder: FlowBuilder, decl: s.FlowDecl, *, skip_expensive_lints: bool) -> None:
    """Warn of unused values and of needless waiting between steps; `skip_expensive_lints` omits constant conditions (W302)."""
    for each in builder.all_bodies():
        _check_lets(each)
    if not skip_expensive_lints and not has_errors(builder.diagnostics):
        lint_constant_conditions(builder, decl)
    _check_order(builder, decl.body.statements)
    _check_reached(builder, decl.body.statements)
    lint_stops(builder, decl.body.statements)
    if decl.handler is not None:
        _check_reached(builder, decl.handler.block.statements)
        lint_stops(builder, decl.handler.block.statements)


def _check_lets(builder: FlowBuilder) -> None:
    for name, span in builder.lets.items():
        if name in builder.checker.read:
            continue
        node = builder.nodes[name].node
        builder.report(
            "W901", f"`{name}` is never used", span, "defined here, never read", "remove it", deletion(builder, node.span)
        )


def _check_order(builder: FlowBuilder, statements: tuple[s.Statement, ...]) -> None:
    """W402 for two neighbours that are idempotent or pure and do not need each other.

    The order of effectful steps is visible to customers, so these get no warning.
    """
    for first, second in pairwise(statements):
        if not (isinstance(first, s.CallStep) and isinstance(second, s.CallStep)):
            continue
        if _is_free(builder, first) and _is_free(builder, second) and not _depends(builder, second, first):
            name = second.name or second.call.callee
            span = first.span.to(second.span)
            indent = " " * (builder.source.place(first.span.start).column - 1)
            body = builder.text(span).replace("\n", "\n  ")
            fix = Fix("wrap", is_safe=False, edits=(Edit(span, f"parallel {{\n{indent}  {body}\n{indent}}}"),))
            first_name = (first.name or first.call.callee).text
            line = builder.line(first.span)
            builder.report(
                "W402", "these steps could run in parallel", name.span, f"does not use `{first_name}` (line {line})",
                "put both in `parallel { }`", fix,
            )  # fmt: skip


def _check_reached(builder: FlowBuilder, statements: tuple[s.Statement, ...]) -> None:
    """W405 for the first statement of each sequence that stands behind the end of the run."""
    end: s.Statement | None = None
    is_reported = False
    for statement in statements:
        if has_after(statement):
            end = None  # it does not wait for the statements above
        elif end is not None and not is_reported:
            is_reported = True
            _report_unreached(builder, statement, end)
        if always_ends((statement,), builder.complete, with_stop=True):
            end = statement
        for block in blocks(statement):
            if isinstance(statement, s.Group) and statement.is_parallel and block is statement.block.statements:
                for branch in block:
                    _check_reached(builder, (branch,))
            else:
                _check_reached(builder, block)


def _report_unreached(builder: FlowBuilder, statement: s.Statement, end: s.Statement) -> None:
    first_line = builder.text(statement.span).partition("\n")[0]
    word = builder.text(end.span).split(maxsplit=1)[0]
    is_end = isinstance(end, s.Return | s.Stop | s.Fail)
    line = builder.line(end.span)
    builder.report(
        "W405", "this can never run", Span(statement.span.start, statement.span.start + len(first_line)),
        f"nothing comes after `{word}` on line {line}" if is_end else f"unreachable after `{word}` on line {line}",
        f"remove it, or move it above line {line}",
    )  # fmt: skip


def _is_free(builder: FlowBuilder, step: s.CallStep) -> bool:
    spec = builder.declarations.actions.get(step.call.callee.text)
    has_order = step.mods.after is not None or step.mods.when is not None
    return spec is not None and spec.effect in {Effect.PURE, Effect.IDEMPOTENT} and not has_order


def _depends(builder: FlowBuilder, step: s.CallStep, other: s.CallStep) -> bool:
    mine, theirs = (each.name.text if each.name else each.call.callee.text.rpartition(".")[2] for each in (step, other))
    reader = builder.nodes.get(mine)
    return reader is None or reader.node.kind is not NodeKind.ACTION or theirs in reader.reads
