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
    from dagflow.app.rerunning import RerunPlan
    from dagflow.cli.live import LiveProcess
    from dagflow.client import Client


@click.command(
    cls=Command,
    examples=[
        ("dagflow rerun last", "start a run with the flow and the input of the newest run"),
        ("dagflow rerun 01J9 --id second-try", "start it once, however often the command runs"),
        ("dagflow rerun last --from charge --dry-run", "show which steps keep their results if a run begins with `charge`"),
    ],
)
@options.optional_run
@click.option("--id", metavar="ID", help="Idempotency key: a second run of this key is not started.")
@click.option(
    "--from", "from_step", metavar="STEP", help="Begin with this step; steps that do not depend on it keep their results."
)
@options.bulk
@options.tenant
@options.store
@options.actions
@options.fast_forward
@options.quiet
@options.as_json
def rerun(
    *,
    run: str | None,
    id: str | None,  # noqa: A002 - the option is called so
    from_step: str | None,
    where: tuple[str, ...],
    is_dry: bool,
    limit: int,
    rate: int,
    tenant: str,
    store: str,
    actions: str | None,
    fast_forward: bool,
    quiet: bool,
    is_json: bool,
) -> int:
    """Start a run with the flow and the input of another one, which stays as it is.

    With --from, the new run keeps the results of all steps that do not depend on that step, and the command shows which. If a process serves the store, it starts the run: of the newest version, by its settings. Otherwise this command drives the run
    until it ends.
    """
    from dagflow.app.archive import Archive
    from dagflow.cli.bulk import ENDED, Bulk, check_one
    from dagflow.cli.live import live_process
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host
    from dagflow.errors import UsageError

    check_one(run, where)
    if run is None:
        if id is not None or from_step is not None:
            raise UsageError("`--id` and `--from` are for one run; leave them out beside `--where`")
        bulk = Bulk(
            words=where, limit=limit, rate=rate, is_dry=is_dry, store=store, tenant=tenant, actions=actions,
            is_quiet=quiet, is_json=is_json,
        )  # fmt: skip
        return bulk.perform("rerun", ENDED, _ask_again, lambda here, each: here.rerun(each))
    with Archive.open(store) as archive:
        run_id = archive.find(run)
        flow, _ = archive.result(run_id)
    if is_dry and from_step is None:
        raise UsageError("`--dry-run` needs a step to begin with; give `--from STEP`")
    process = live_process(store, tenant)
    if process is not None:
        plan = None if from_step is None else process.client.plan_rerun(run_id, from_step)
        _show(plan, is_json=is_dry and is_json, is_quiet=quiet and not is_dry)
        return OK if is_dry else _asked(process, run_id, id, from_step, is_quiet=quiet, is_json=is_json)
    host = load_host(actions, None)
    session = Session(host=host, store=store, actions=actions, is_quiet=quiet, is_fast_forward=fast_forward, is_json=is_json)

    async def body(interpreter: Interpreter) -> int:
        plan = None if from_step is None else await interpreter.plan_rerun(run_id, from_step)
        _show(plan, is_json=is_dry and is_json, is_quiet=quiet and not is_dry)
        if is_dry:
            return OK
        return await session.follow(flow, await interpreter.rerun(run_id, id=id, from_step=from_step))

    return session.drive(body)


def _ask_again(client: Client, run_id: str) -> None:
    """Ask for another run. Raises UsageError: the settings of the flow let none begin."""
    from dagflow.errors import UsageError

    outcome = client.rerun(run_id)
    if not (outcome.run or outcome.stage.is_open):
        raise UsageError(f"its request is {outcome.stage.value}: {outcome.reason}")


def _show(plan: RerunPlan | None, *, is_json: bool, is_quiet: bool) -> None:
    """Print the plan of a rerun: as a document, or for people."""
    from dagflow.app.documents.runs import plain_rerun_plan
    from dagflow.cli.output.text import json_text, printable

    if plan is None:
        return
    if is_json:
        print(json_text(plain_rerun_plan(plan)))
        return
    if is_quiet:
        return
    for word, steps in (("keeps", plan.kept), ("runs", plan.again)):
        for step in steps:
            print(f"{word:5} {printable(step.id)}: it {printable(step.why)}", file=sys.stderr)


def _asked(process: LiveProcess, run_id: str, name: str | None, from_step: str | None, *, is_quiet: bool, is_json: bool) -> int:
    from dagflow.app.documents.runs import plain_request
    from dagflow.cli.output.text import json_text, printable

    outcome = process.client.rerun(run_id, id=name, from_step=from_step)
    if is_json:
        print(json_text(plain_request(outcome)))
    elif not is_quiet:
        what = f"run {outcome.run}" if outcome.run else f"request {printable(outcome.id)}"
        reason = f": {printable(str(outcome.reason))}" if outcome.reason else ""
        print(f"{what} is {outcome.stage.value}{reason} in process {process.number}", file=sys.stderr)
    return OK if outcome.run or outcome.stage.is_open else FAILED
