"""`dagflow retry`: a run that failed goes on."""

from __future__ import annotations

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument


@click.command(
    cls=Command,
    examples=[
        ("dagflow retry last", "go on with the newest run from the steps that did not succeed"),
        ("dagflow retry 01J9 charge", "repeat `charge` although it may have had its effect"),
    ],
)
@options.run_id
@argument("steps", metavar="[STEP…]", nargs=-1, about="steps to repeat although their outcome is unknown")
@click.option("--by", metavar="NAME", help="Who asks, for the run's history. Default: the user.")
@options.tenant
@options.store
@options.actions
@options.fast_forward
@options.quiet
@options.as_json
def retry(
    *,
    run: str,
    steps: tuple[str, ...],
    by: str | None,
    tenant: str,
    store: str,
    actions: str | None,
    fast_forward: bool,
    quiet: bool,
    is_json: bool,
) -> int:
    """Go on with a run that failed. Steps that succeeded keep their results; steps that failed or were stopped run again.

    If a process serves the store, it drives the run. Otherwise this command drives it until it ends.
    """
    from dagflow.cli.going_on import Target, user_name

    target = Target(
        run=run, tenant=tenant, store=store, actions=actions, is_fast_forward=fast_forward, is_quiet=quiet, is_json=is_json
    )
    who = user_name(by)
    return target.go_on(
        lambda client, run_id: client.retry(run_id, steps=steps, by=who),
        lambda interpreter, run_id: interpreter.retry(run_id, steps=steps, by=who),
    )
