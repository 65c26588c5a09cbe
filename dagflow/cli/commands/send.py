"""`dagflow send`: an event is delivered to the waiting runs of a store.

The process that drives the runs takes it; if there is none, this command drives them until they end or wait.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.documents.types import RunDocument
    from dagflow.app.interpreter import Interpreter
    from dagflow.app.outcomes import Delivery
    from dagflow.cli.output.documents import SendDocument
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

    If a process drives the runs of the store, such as `dagflow serve`, it takes the event. Otherwise `dagflow resume` continues the
    runs that wait.
    """
    from dagflow.app.archive import Archive
    from dagflow.app.event_listeners import unheard
    from dagflow.app.outcomes import Delivery
    from dagflow.cli.live import live_process
    from dagflow.cli.output.text import counted, printable
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host, problem_lines, read_value
    from dagflow.errors import UsageError
    from dagflow.model.wire.codec import WireError

    value: object = {} if input is None else read_value(input)
    process = live_process(store)
    if process is not None:
        try:
            delivery = process.client.send(event, value, id=id)
        except WireError as error:
            raise UsageError(f"--input must match the payload of event {event!r}:{problem_lines(error)}") from error
        _report(event, delivery, process.number, is_quiet=quiet, is_json=is_json)
        return OK
    host = load_host(actions, None)
    with Archive.open(store) as archive:
        rows = archive.runs(unfinished=True, limit=1_000_000)
        unfinished: dict[str, Flow] = {row.id: archive.result(row.id)[0] for row in rows}

    deliveries: list[Delivery] = []

    async def deliver(interpreter: Interpreter) -> None:
        try:
            sending = await interpreter.deliver(event, value, id)
        except WireError as error:
            raise UsageError(f"--input must match the payload of event {event!r}:{problem_lines(error)}") from error
        n_reached = 0 if sending is None else sending.n_reached
        if not quiet and not is_json:
            print(f"the event {printable(event)} reached {counted(n_reached, 'run')}", file=sys.stderr)
        problem = "" if n_reached else unheard(event, unfinished.values())
        if problem and not quiet:
            print(f"dagflow: {printable(problem)}", file=sys.stderr)
        event_id = sending.event.id if sending is not None else id or ""
        deliveries.append(Delivery(event_id=event_id, is_duplicate=sending is None, n_waits=n_reached))

    session = Session(host=host, store=store, actions=actions, is_quiet=quiet, is_json=is_json)
    return session.resume(unfinished, deliver, document=lambda runs: _document(deliveries[0], None, runs))


def _report(event: str, delivery: Delivery, process: int, *, is_quiet: bool, is_json: bool) -> None:
    from dagflow.cli.output.text import counted, json_text, printable

    if is_json:
        print(json_text(_document(delivery, process, [])))
    elif not is_quiet:
        started = f" and started {counted(len(delivery.runs), 'run')}" if delivery.outcomes else ""
        print(
            f"the event {printable(event)} reached {counted(delivery.n_waits, 'run')}{started} in process {process}",
            file=sys.stderr,
        )
        for each in (*delivery.queued, *delivery.dropped):
            reason = f": {printable(str(each.reason))}" if each.reason else ""
            print(f"  {printable(each.flow)}: {each.stage.value}{reason}", file=sys.stderr)


def _document(delivery: Delivery, process: int | None, runs: list[RunDocument]) -> SendDocument:
    from dagflow.app.documents.runs import plain_delivery

    return {**plain_delivery(delivery), "process": process, "runs": runs}
