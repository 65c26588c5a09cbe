"""`dagflow cancel`: one run is cancelled, and its steps are undone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import FAILED, OK

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter
    from dagflow.cli.output.documents import CancelDocument
    from dagflow.execution.results import RunResult


@click.command(
    cls=Command,
    examples=[
        ("dagflow cancel last", "cancel the newest run"),
        (
            "dagflow cancel --where flow=orders --where older=7d --dry-run",
            "list the unfinished runs of `orders` that are older",
        ),
    ],
)
@options.optional_run
@options.bulk
@options.store
@options.actions
@options.as_json
def cancel(
    *,
    run: str | None,
    where: tuple[str, ...],
    is_dry: bool,
    limit: int,
    rate: int,
    store: str,
    actions: str | None,
    is_json: bool,
) -> int:
    """Cancel a run, or all unfinished runs that fit a filter.

    If a process drives the runs of the store, such as `dagflow serve`, it cancels the run.
    """
    from dagflow.app.archive import Archive
    from dagflow.cli.bulk import UNFINISHED, Bulk, check_one
    from dagflow.cli.live import live_process
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host

    check_one(run, where)
    if run is None:
        bulk = Bulk(words=where, limit=limit, rate=rate, is_dry=is_dry, store=store, actions=actions, is_json=is_json)
        return bulk.perform(
            "cancelled", UNFINISHED, lambda client, each: client.cancel_run(each), lambda here, each: here.cancel(each)
        )
    with Archive.open(store) as archive:
        run_id = archive.find(run)
        _, before = archive.result(run_id)
    if before.status.is_terminal:
        print(f"run {run_id} has ended: {before.status.value}", file=sys.stderr)
        if is_json:
            _print_document({"run": run_id, "status": before.status.value})
        return OK

    process = live_process(store)
    if process is not None:
        return _report(run_id, process.client.cancel_run(run_id), is_json=is_json)

    async def body(interpreter: Interpreter) -> int:
        return _report(run_id, await interpreter.cancel(run_id), is_json=is_json)

    # Not resumed, so nothing of it starts while it is being cancelled; only what undoes its steps needs actions.
    return Session(host=load_host(actions, None), store=store, actions=actions).drive(body)


def _report(run_id: str, result: RunResult, *, is_json: bool) -> int:
    from dagflow.model.status import RunStatus

    if is_json:
        _print_document({"run": run_id, "status": result.status.value})
    else:
        print(f"run {run_id} {result.status.value}")
    return OK if result.status is RunStatus.CANCELLED else FAILED


def _print_document(document: CancelDocument) -> None:
    from dagflow.cli.output.text import json_text

    print(json_text(document))
