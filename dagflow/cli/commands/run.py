"""`dagflow run`: a flow is compiled, started and followed until it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter


@click.command(
    cls=Command,
    examples=[
        ("""dagflow run lead.flow --input '{"lead": {…}}'""", "start with an input"),
        ("dagflow run lead.flow --event crm/lead.changed --input @event.json", "start as an event would"),
        ("dagflow run lead.flow --input @lead.json --fast-forward --store :memory:", "try it, without waiting or storing"),
    ],
)
@options.flow_path
@options.flow_name
@options.event_name
@options.flow_input
@click.option("--id", metavar="ID", help="Idempotency key of the run: if a run with this id exists, it is continued.")
@options.store
@options.actions
@options.fast_forward
@options.quiet
@options.as_json
def run(
    *,
    file: str,
    flow: str | None,
    event: str | None,
    input: str | None,  # noqa: A002 - the option is called so
    id: str | None,  # noqa: A002 - likewise
    store: str,
    actions: str | None,
    fast_forward: bool,
    quiet: bool,
    is_json: bool,
) -> int:
    """Run a flow until it ends.

    The exit code is 0 if the run succeeds, else 1. An interrupted run resumes with `dagflow resume`. With `--json`, the document
    is `null` if the flow ignores the event.
    """
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_flows, load_host, one_standard_input, read_value
    from dagflow.cli.starting import print_surroundings, start_run
    from dagflow.errors import UsageError

    one_standard_input(file, input)
    host = load_host(actions, file)
    compilation = load_flows(file, host.catalog)
    wanted = compilation.unwrap(flow)
    if compilation.diagnostics and not quiet:
        print(compilation.render() + "\n", file=sys.stderr)
    value = read_value(input)
    if event is not None and value is None:
        raise UsageError("`--event` requires the event's payload: add `--input '{…}'` or `--input @file.json`")
    session = Session(host=host, store=store, actions=actions, is_quiet=quiet, is_json=is_json, is_fast_forward=fast_forward)
    if not quiet:
        print_surroundings(session, wanted)

    async def body(interpreter: Interpreter) -> int:
        started = await start_run(interpreter, wanted, event, value, id)
        if started is not None:
            return await session.follow(wanted, started)
        print(f"{wanted.name} ignores this event: the `when` condition of its trigger is false", file=sys.stderr)
        if is_json:
            print("null")
        return OK

    return session.drive(body)
