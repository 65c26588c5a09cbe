"""`dagflow run`: a flow is compiled, started and followed until it ends."""

from __future__ import annotations

import sys

import click

from dagflow.app.interpreter import Interpreter
from dagflow.app.run_handle import Run
from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import OK
from dagflow.cli.output.text import printable
from dagflow.cli.session import MEMORY, Session
from dagflow.cli.sources import example_input, load_flows, load_host, one_standard_input, problem_lines, read_value
from dagflow.errors import UsageError
from dagflow.model.flow import Flow
from dagflow.model.wire.codec import WireError


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
        _print_surroundings(session, wanted)

    async def body(interpreter: Interpreter) -> int:
        started = await _started(interpreter, wanted, event, value, id)
        if started is not None:
            return await session.follow(wanted, started)
        print(f"{wanted.name} ignores this event: the `when` condition of its trigger is false", file=sys.stderr)
        if is_json:
            print("null")
        return OK

    return session.drive(body)


async def _started(interpreter: Interpreter, flow: Flow, event: str | None, value: object, start_id: str | None) -> Run | None:
    try:
        if event is not None:
            return await interpreter.trigger(flow, event, value, id=start_id)
        return await interpreter.start(flow, value, id=start_id)
    except WireError as error:
        what = f"the payload of event {event!r}" if event is not None else f"the input of flow `{flow.name}`"
        if value is None:
            example = "" if event is not None else example_input(flow.input)
            raise UsageError(f"--input is missing; it must match {what}:{problem_lines(error)}{example}") from error
        raise UsageError(f"--input must match {what}:{problem_lines(error)}") from error


def _print_surroundings(session: Session, flow: Flow) -> None:
    """Print where state is stored, and which messages are written to files instead of being sent."""
    lines = [
        f"state: {session.store}" if session.store != MEMORY else "state: in memory only; an interrupted run cannot be resumed"
    ]
    if session.actions is None:
        used = {node.action for node in flow.nodes}
        outbox = session.host.settings.outbox
        if "email" in used and not session.host.settings.sends_mail:
            lines.append(
                f"email: no mail server is configured, so mails are written to {outbox}/*.eml; to send them, set DAGFLOW_SMTP_HOST"
            )
        if "slack" in used and not session.host.settings.sends_slack:
            lines.append(
                f"slack: no workspace is configured, so messages are written to {outbox}/slack.jsonl; to send them, set DAGFLOW_SLACK_WEBHOOK_URL"
            )
    if session.is_fast_forward:
        lines.append("time: virtual, so waits are skipped")
    print("\n".join(map(printable, lines)) + "\n", file=sys.stderr)
