"""The start of a run by `dagflow run`."""

from __future__ import annotations

import sys

from dagflow.app.interpreter import Interpreter
from dagflow.app.run_handle import Run
from dagflow.cli.output.text import printable
from dagflow.cli.session import MEMORY, Session
from dagflow.cli.sources import example_input, problem_lines
from dagflow.errors import UsageError
from dagflow.model.flow import Flow
from dagflow.model.wire.codec import WireError
from dagflow.store.open import shown


async def start_run(interpreter: Interpreter, flow: Flow, event: str | None, value: object, start_id: str | None) -> Run | None:
    """Start a run as `--event` and `--input` say; None if the flow ignores the event. Raises UsageError: wrong input."""
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


def print_surroundings(session: Session, flow: Flow) -> None:
    """Print where state is stored, and which messages are written to files instead of being sent."""
    lines = [
        f"state: {shown(session.store)}"
        if session.store != MEMORY
        else "state: in memory only; an interrupted run cannot be resumed"
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
