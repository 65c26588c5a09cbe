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
        ("dagflow retry --where status=failed --where text=timeout", "go on with all runs that failed with a time-out"),
    ],
)
@options.optional_run
@argument("steps", metavar="[STEP…]", nargs=-1, about="steps to repeat although their outcome is unknown")
@click.option("--by", metavar="NAME", help="Who asks, for the run's history. Default: the user.")
@options.bulk
@options.tenant
@options.store
@options.actions
@options.fast_forward
@options.quiet
@options.as_json
def retry(
    *,
    run: str | None,
    steps: tuple[str, ...],
    by: str | None,
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
    """Go on with a run that failed from the steps that did not succeed.

    Steps that succeeded keep their results; steps that failed or were stopped run again.

    If a process serves the store, it drives the run. Otherwise this command drives it until it ends.
    """
    from dagflow.cli.bulk import FAILURES, Bulk, check_one
    from dagflow.cli.going_on import Target, user_name

    check_one(run, where)
    who = user_name(by)
    if run is None:
        bulk = Bulk(
            words=where, limit=limit, rate=rate, is_dry=is_dry, store=store, tenant=tenant, actions=actions,
            is_quiet=quiet, is_json=is_json,
        )  # fmt: skip
        return bulk.perform(
            "retried", FAILURES, lambda client, each: client.retry(each, by=who), lambda here, each: here.retry(each, by=who)
        )
    target = Target(
        run=run, tenant=tenant, store=store, actions=actions, is_fast_forward=fast_forward, is_quiet=quiet, is_json=is_json
    )
    return target.go_on(
        lambda client, run_id: client.retry(run_id, steps=steps, by=who),
        lambda interpreter, run_id: interpreter.retry(run_id, steps=steps, by=who),
    )
