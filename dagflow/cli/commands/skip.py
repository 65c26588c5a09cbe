"""`dagflow skip`: a step gets its result by hand."""

from __future__ import annotations

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument


@click.command(
    cls=Command,
    examples=[
        ("""dagflow skip last charge --result '{"id": "ch_1"}'""", "go on as if `charge` had returned this"),
        ("dagflow skip 01J9 wait_1", "end a wait at once"),
    ],
)
@options.run_id
@argument("step", metavar="STEP", about="the step: one that waits, or one that did not succeed in a run that failed")
@click.option("--result", metavar="JSON|@FILE|-", help="The result, of the step's type. A wait for time has none.")
@click.option("--by", metavar="NAME", help="Who asks, for the run's history. Default: the user.")
@options.tenant
@options.store
@options.actions
@options.fast_forward
@options.quiet
@options.as_json
def skip(
    *,
    run: str,
    step: str,
    result: str | None,
    by: str | None,
    tenant: str,
    store: str,
    actions: str | None,
    fast_forward: bool,
    quiet: bool,
    is_json: bool,
) -> int:
    """Give a step its result instead of letting it run.

    A run that failed goes on by that.

    If a process serves the store, it drives the run. Otherwise this command drives it until it ends.
    """
    from dagflow.cli.going_on import Target, user_name
    from dagflow.cli.sources import read_value

    value, who = read_value(result, "--result"), user_name(by)
    target = Target(
        run=run, tenant=tenant, store=store, actions=actions, is_fast_forward=fast_forward, is_quiet=quiet, is_json=is_json
    )
    return target.go_on(
        lambda client, run_id: client.skip(run_id, step, value, by=who),
        lambda interpreter, run_id: interpreter.skip(run_id, step, value, by=who),
    )
