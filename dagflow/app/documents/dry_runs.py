"""Dry runs, and reasons why a step ran or not, as documents."""

from __future__ import annotations

from dagflow.app.documents.types import DryRunDocument, DryStepDocument, ReasonDocument
from dagflow.app.documents.values import plain
from dagflow.app.simulation.dry_run import DryRun, DryRunStep
from dagflow.app.why import Reason, line_of
from dagflow.model.label import label_of
from dagflow.model.lengths import as_written


def reason_data(reason: Reason) -> ReasonDocument:
    """Return the reason as a document."""
    return {
        "step": reason.node.id,
        "status": reason.node.status.value,
        "because": reason.because,
        "line": reason.line,
        "text": reason.text,
        "conditions": [
            {
                "line": decision.line,
                "text": decision.text,
                "outcome": decision.said or None,
                "wanted": decision.wanted,
                "values": {text: plain(value) for text, value in decision.values.items()},
            }
            for decision in reason.decisions
        ],
    }


def dry_run_data(found: DryRun) -> DryRunDocument:
    """Return a dry run as a document."""
    result = found.simulation.result
    return {
        "status": result.status.value,
        "output": None if result.output is None else plain(result.output),
        "elapsed": as_written((result.ended_at or result.started_at) - result.started_at),
        "steps": [_step_data(found, step) for step in found.steps],
        "pruned": [reason_data(reason) for reason in found.pruned],
        "failures": [{"step": f.node, "code": f.code, "message": f.message} for f in result.failures],
    }


def _step_data(found: DryRun, step: DryRunStep) -> DryStepDocument:
    flow = found.simulation.progress.program.flow
    return {
        "at": as_written(step.at_ns),
        "child_run": step.part or None,
        "step": step.node.id,
        "label": label_of(step.node),
        "line": line_of(flow, step.node)[0],
        "calls": called(step) or None,
        "input": None if step.given is None else {name: plain(each) for name, each in step.given.items()},
        "status": step.result.status.value,
        "outcome": step.result.outcome or None,
        "sample": step.is_made_up,
    }


def called(step: DryRunStep) -> str:
    """Return the action, flow or event of a step, or ""."""
    return step.node.action or step.node.flow or step.node.event
