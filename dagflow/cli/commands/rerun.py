"""`dagflow rerun`: a run with the input of another one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import FAILED, OK

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter
    from dagflow.cli.live import LiveProcess


@click.command(
    cls=Command,
    examples=[
        ("dagflow rerun last", "start a run with the flow and the input of the newest run"),
        ("dagflow rerun 01J9 --id second-try", "start it once, however often the command runs"),
    ],
)
@options.run_id
@click.option("--id", metavar="ID", help="Idempotency key: a second run of this key is not started.")
@options.tenant
@options.store
@options.actions
@options.fast_forward
@options.quiet
def rerun(
    *,
    run: str,
    id: str | None,  # noqa: A002 - the option is called so
    tenant: str,
    store: str,
    actions: str | None,
    fast_forward: bool,
    quiet: bool,
) -> int:
    """Start a run with the flow and the input of another one, which stays as it is.

    If a process serves the store, it starts the run: of the newest version, by its settings. Otherwise this command drives the run
    until it ends.
    """
    from dagflow.app.archive import Archive
    from dagflow.cli.live import live_process
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host

    with Archive.open(store) as archive:
        run_id = archive.find(run)
        flow, _ = archive.result(run_id)
    process = live_process(store, tenant)
    if process is not None:
        return _asked(process, run_id, id, is_quiet=quiet)
    host = load_host(actions, None)
    session = Session(host=host, store=store, actions=actions, is_quiet=quiet, is_fast_forward=fast_forward)

    async def body(interpreter: Interpreter) -> int:
        return await session.follow(flow, await interpreter.rerun(run_id, id=id))

    return session.drive(body)


def _asked(process: LiveProcess, run_id: str, name: str | None, *, is_quiet: bool) -> int:
    from dagflow.cli.output.text import printable

    outcome = process.client.rerun(run_id, id=name)
    if not is_quiet:
        what = f"run {outcome.run}" if outcome.run else f"request {printable(outcome.id)}"
        reason = f": {printable(str(outcome.reason))}" if outcome.reason else ""
        print(f"{what} is {outcome.stage.value}{reason} in process {process.number}", file=sys.stderr)
    return OK if outcome.run or outcome.stage.is_open else FAILED
