"""Redaction: results of runs as people see them, without the contents of secrets."""

from __future__ import annotations

import attrs

from dagflow.actions.catalog import Catalog
from dagflow.actions.secrets import Redactor
from dagflow.execution.results import NodeResult, RunFailure, RunResult
from dagflow.model.flow import Flow


def redactor_for(flow: Flow, catalog: Catalog | None = None) -> Redactor:
    """Return the redactor for the secrets of a flow; the catalogue knows their contents, or else the environment."""
    return (catalog or Catalog()).redactor(secrets_of(flow))


def secrets_of(flow: Flow) -> frozenset[str]:
    """The names of the secrets of a flow and of the flows it calls."""
    return frozenset({*flow.secrets, *(name for callee in flow.callees for name in callee.flow.secrets)})


def shown_result(result: RunResult, redactor: Redactor) -> RunResult:
    """Return the result without the contents of secrets."""
    if not redactor.is_needed:
        return result
    return attrs.evolve(
        result,
        output=redactor.value(result.output),
        reason=redactor.text(result.reason),
        failures=tuple(_failure(failure, redactor) for failure in result.failures),
        make_nodes=lambda: tuple(_node(node, redactor) for node in result.nodes),
    )


def _failure(failure: RunFailure, redactor: Redactor) -> RunFailure:
    text = redactor.text
    return attrs.evolve(failure, code=text(failure.code), message=text(failure.message), traceback=text(failure.traceback))


def _node(node: NodeResult, redactor: Redactor) -> NodeResult:
    failure = None if node.failure is None else _failure(node.failure, redactor)
    return attrs.evolve(node, output=redactor.value(node.output), failure=failure)
