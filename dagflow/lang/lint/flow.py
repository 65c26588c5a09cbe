"""The linter: everything that is allowed in a sound flow and still is most likely a slip."""

from __future__ import annotations

from dagflow.lang.diagnostics import has_errors
from dagflow.lang.lint.lifetimes import lint_lifetimes
from dagflow.lang.lint.statements import lint_statements
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Flow


def lint_flow(builder: FlowBuilder, decl: s.FlowDecl, flow: Flow, *, n_found: int, skip_expensive_lints: bool) -> None:
    """Add the warnings of a flow to the diagnostics of its builder.

    Args:
        builder: everything lowering found out about the flow.
        decl: its syntax tree.
        flow: what became of it.
        n_found: how many diagnostics there were before the flow was lowered.
        is_hasty: leave out the most expensive check, for conditions with one outcome (W302).
    """
    lint_statements(builder, decl, skip_expensive_lints=skip_expensive_lints)
    if builder.lengths and not has_errors(builder.diagnostics[n_found:]):
        lint_lifetimes(builder, flow)
