"""The command `send`."""

from __future__ import annotations

import argparse
import sys

from dagflow.app.archive import Archive
from dagflow.app.event_listeners import unheard
from dagflow.app.interpreter import Interpreter
from dagflow.cli.commands.run import go_on, listed
from dagflow.cli.output.text import counted, printable
from dagflow.cli.sources import load_host, read_value
from dagflow.errors import UsageError
from dagflow.model.flow import Flow
from dagflow.model.wire.codec import WireError


def send(arguments: argparse.Namespace) -> int:
    """Send an event to the runs of a store, go on with them, and show how they went."""
    value: object = {} if arguments.input is None else read_value(arguments.input)
    host = load_host(arguments.actions, None)
    with Archive.open(arguments.store) as archive:
        rows = archive.runs(unfinished=True, limit=1_000_000)
        unfinished: dict[str, Flow] = {row.id: archive.result(row.id)[0] for row in rows}

    async def first(interpreter: Interpreter) -> None:
        try:
            n_reached = await interpreter.send(arguments.event, value, arguments.id)
        except WireError as error:
            raise UsageError(f"--input must match the payload of event {arguments.event!r}:{listed(error)}") from error
        if not arguments.quiet and not arguments.json:
            print(f"the event {printable(arguments.event)} reached {counted(n_reached, 'run')}", file=sys.stderr)
        problem = "" if n_reached else unheard(arguments.event, unfinished.values())
        if problem and not arguments.quiet:
            print(f"dagflow: {printable(problem)}", file=sys.stderr)

    return go_on(arguments, host, unfinished, first)
