"""The linter: everything that is allowed in a sound flow and still is most likely a slip."""

from __future__ import annotations

from dagflow.lang.diagnostics import has_errors
from dagflow.lang.lint.lifetimes import check_lifetimes
from dagflow.lang.lint.statements import check_statements
from dagflow.lang.lowering.draft import FlowDraft
from dagflow.lang.lowering.head import check_enforced
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Flow


def lint_flow(draft: FlowDraft, decl: s.FlowDecl, flow: Flow, *, n_found: int, is_hasty: bool) -> None:
    """Add the warnings of a flow to the diagnostics of its draft.

    Args:
        draft: what lowering found out about the flow.
        decl: its syntax tree.
        flow: what became of it.
        n_found: how many diagnostics there were before the flow was lowered.
        is_hasty: leave out the most expensive check, for conditions with one outcome (W302).
    """
    check_statements(draft, decl, is_hasty=is_hasty)
    if not has_errors(draft.diagnostics[n_found:]):
        check_lifetimes(draft, flow)
        check_enforced(draft, decl)
