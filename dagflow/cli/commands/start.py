"""`dagflow start`: a run of a published flow is asked for, as a trigger would."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import FAILED, OK


@click.command(
    cls=Command,
    examples=[
        ("""dagflow start deliver --input '{"id": "A-1"}'""", "ask for a run"),
        ("dagflow start report --id 2026-12 --wait", "ask once for a run of this name, and wait until it has ended"),
    ],
)
@argument("flow", metavar="FLOW", about="the name of a published flow")
@click.option("--input", metavar="JSON|@FILE|-", help="The flow's input.")
@click.option("--id", metavar="ID", help="A name for this request: a second one of this name asks for nothing.")
@click.option("--wait", is_flag=True, help="Wait until the run has ended; exit with 1 unless it has succeeded.")
@options.tenant
@options.store
@options.as_json
def start(
    *,
    flow: str,
    input: str | None,  # noqa: A002 - the option is called so
    id: str | None,  # noqa: A002 - likewise
    wait: bool,
    tenant: str,
    store: str,
    is_json: bool,
) -> int:
    """Ask for a run of a published flow; its settings decide when it begins, and whether.

    `dagflow serve` must drive the runs of the store. `dagflow run` runs a flow of a file.
    """
    from dagflow.app.documents.runs import plain_request
    from dagflow.cli.output.text import json_text, printable
    from dagflow.cli.sources import read_value
    from dagflow.client import Client
    from dagflow.model.status import RunStatus

    client = Client(store, tenant=tenant)
    outcome = client.start(flow, read_value(input), id=id)
    if is_json:
        print(json_text(plain_request(outcome)))
    else:
        what = f"run {outcome.run}" if outcome.run else f"request {printable(outcome.id)}"
        reason = f": {printable(str(outcome.reason))}" if outcome.reason else ""
        print(f"{what} is {outcome.stage.value}{reason}", file=sys.stderr)
    if not wait or not outcome.run:
        return OK if outcome.run or outcome.stage.is_open else FAILED
    result = client.wait(outcome.run)
    if not is_json:
        print(f"run {outcome.run} {result.status.value}", file=sys.stderr)
    return OK if result.status is RunStatus.SUCCEEDED else FAILED
