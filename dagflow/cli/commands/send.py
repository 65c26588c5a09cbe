"""`dagflow send`: an event is delivered to the waiting runs of a store, which are then driven until they end or wait."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter
    from dagflow.model.flow import Flow


@click.command(
    cls=Command,
    examples=[("""dagflow send crm/lead.replied --input '{"lead": "L-1"}'""", "deliver an event with a payload")],
)
@argument("event", metavar="EVENT", about="the event's name")
@click.option("--input", metavar="JSON|@FILE|-", help="The event's payload. Default: {}.")
@click.option("--id", metavar="ID", help="Idempotency key of the event: an event with the same id is delivered only once.")
@options.store
@options.actions
@options.quiet
@options.as_json
def send(
    *,
    event: str,
    input: str | None,  # noqa: A002 - the option is called so
    id: str | None,  # noqa: A002 - likewise
    store: str,
    actions: str | None,
    quiet: bool,
    is_json: bool,
) -> int:
    """Deliver an event to waiting runs and continue them until they end or wait again.

    `dagflow resume` continues the runs that wait.
    """
    from dagflow.app.archive import Archive
    from dagflow.app.event_listeners import unheard
    from dagflow.cli.output.text import counted, printable
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host, problem_lines, read_value
    from dagflow.errors import UsageError
    from dagflow.model.wire.codec import WireError

    value: object = {} if input is None else read_value(input)
    host = load_host(actions, None)
    with Archive.open(store) as archive:
        rows = archive.runs(unfinished=True, limit=1_000_000)
        unfinished: dict[str, Flow] = {row.id: archive.result(row.id)[0] for row in rows}

    async def deliver(interpreter: Interpreter) -> None:
        try:
            n_reached = await interpreter.send(event, value, id)
        except WireError as error:
            raise UsageError(f"--input must match the payload of event {event!r}:{problem_lines(error)}") from error
        if not quiet and not is_json:
            print(f"the event {printable(event)} reached {counted(n_reached, 'run')}", file=sys.stderr)
        problem = "" if n_reached else unheard(event, unfinished.values())
        if problem and not quiet:
            print(f"dagflow: {printable(problem)}", file=sys.stderr)

    session = Session(host=host, store=store, actions=actions, is_quiet=quiet, is_json=is_json)
    return session.resume(unfinished, deliver)
