"""Runs as the documents of `--json`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dagflow.app.documents.types import (
    DeliveryDocument,
    FailureDocument,
    ItemsDocument,
    NodeDocument,
    RequestDocument,
    RerunPlanDocument,
    RunDocument,
    RunRowDocument,
    VersionDocument,
)
from dagflow.app.documents.values import rfc3339
from dagflow.app.outcomes import Delivery, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.execution.results import ItemCounts, NodeResult, RunFailure, RunResult
from dagflow.model.flow import Flow
from dagflow.model.label import label_of
from dagflow.model.types import JSON, NULL
from dagflow.model.wire import codec as wire
from dagflow.store.api import RunRow


def plain_result(flow: Flow, result: RunResult) -> RunDocument:
    """Return a run with all its nodes."""
    return {
        "run": result.run,
        "flow": result.flow,
        "status": result.status.value,
        "reason": result.reason or None,
        "output": None if result.output is None else wire.encode(result.output, JSON),
        "started_at": rfc3339(result.started_at),
        "ended_at": rfc3339(result.ended_at),
        "nodes": [_plain_node(flow, node) for node in result.nodes],
        "failures": [_plain_failure(failure) for failure in result.failures],
    }


def _plain_failure(failure: RunFailure) -> FailureDocument:
    return {
        "node": failure.node,
        "code": failure.code,
        "message": failure.message,
        "attempt": failure.attempt,
        "traceback": failure.traceback,
    }


def _plain_items(items: ItemCounts) -> ItemsDocument:
    return {
        "total": items.total,
        "begun": items.begun,
        "succeeded": items.succeeded,
        "unsuccessful": items.unsuccessful,
    }


def _plain_node(flow: Flow, node: NodeResult) -> NodeDocument:
    declared = flow.node(node.id)
    has_output = node.output is not None and declared.type is not NULL
    return {
        "id": node.id,
        "label": label_of(declared),
        "kind": node.kind.value,
        "status": node.status.value,
        "reason": None if node.reason is None else node.reason.value,
        "attempts": node.attempts,
        "started_at": rfc3339(node.started_at),
        "ended_at": rfc3339(node.ended_at),
        "due_at": rfc3339(node.due_at),
        "outcome": node.outcome or None,
        "items": None if node.items is None else _plain_items(node.items),
        "skipped_by": node.skipped_by,
        "kept_from": node.kept_from or None,
        "output": wire.encode(node.output, JSON) if has_output else None,
        "failure": None if node.failure is None else {"code": node.failure.code, "message": node.failure.message},
    }


def plain_rerun_plan(plan: RerunPlan) -> RerunPlanDocument:
    """Return the plan of a rerun."""
    return {
        "flow": plan.flow,
        "run": plan.run,
        "from_step": plan.step,
        "kept": [{"step": each.id, "why": each.why} for each in plan.kept],
        "again": [{"step": each.id, "why": each.why} for each in plan.again],
    }


def plain_delivery(delivery: Delivery) -> DeliveryDocument:
    """Return the document of an event's outcome."""
    return {
        "event": delivery.event_id,
        "duplicate": delivery.is_duplicate,
        "waits": delivery.n_waits,
        "requests": [plain_request(each) for each in delivery.outcomes],
    }


def plain_request(outcome: Outcome) -> RequestDocument:
    """Return a request with its stage."""
    return {
        "flow": outcome.flow,
        "id": outcome.id,
        "stage": outcome.stage.value,
        "run": outcome.run or None,
        "reason": str(outcome.reason) or None,
    }


def plain_version(version: Version) -> VersionDocument:
    """Return a version of a published flow."""
    manifest = version.manifest
    return {
        "flow": version.flow,
        "version": version.number,
        "digest": version.digest,
        "state": version.state,
        "problem": version.problem or None,
        "published_at": rfc3339(version.published_at),
        "author": version.author,
        "comment": version.comment,
        "manifest": {
            "events": [*manifest.events],
            "emits": [*manifest.emits],
            "webhooks": [*manifest.webhooks],
            "crons": [[*cron] for cron in manifest.crons],
            "actions": [*manifest.actions],
            "secrets": [*manifest.secrets],
        },
    }


def plain_rows(rows: Sequence[RunRow], quarantined: Collection[str] = ()) -> list[RunRowDocument]:
    """Return the list of runs; `quarantined`: runs that seem to crash the process and are not resumed."""
    return [
        {
            "run": row.id,
            "flow": row.flow,
            "status": row.status.value,
            "quarantined": row.id in quarantined,
            "blocked": row.blocked or row.problem or None,
            "started_at": rfc3339(row.created_at),
            "ended_at": rfc3339(row.ended_at),
            "due_at": rfc3339(row.due_at),
            "digest": row.digest,
            "parent": row.parent or None,
        }
        for row in rows
    ]
