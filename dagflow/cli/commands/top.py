"""`dagflow top`: the runs of a store by flow, as they change."""

from __future__ import annotations

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, Count
from dagflow.cli.exit_codes import OK


@click.command(
    cls=Command,
    examples=[
        ("dagflow top --store runs.db", "watch a store, until Ctrl-C"),
        ("dagflow top --once", "print it once"),
    ],
)
@click.option("--once", is_flag=True, help="Print once and end; also where standard output is no terminal.")
@click.option("--every", type=Count(), default=2, metavar="SECONDS", help="Seconds between two looks. Default: 2.")
@click.option("--limit", type=Count(), default=10, metavar="N", help="Show so many of the newest runs. Default: 10.")
@options.tenant
@options.store
@options.as_json
def top(*, once: bool, every: int, limit: int, tenant: str, store: str, is_json: bool) -> int:
    """Show how many runs each flow has, and the newest runs, as they change.

    It reads the store, so it also works while no process drives the runs.
    """
    from dagflow.cli.output.overview import Watcher

    watcher = Watcher(store=store, tenant=tenant, limit=limit)
    if is_json:
        watcher.print_json()
    elif once or not watcher.is_live:
        watcher.print_once()
    else:
        watcher.watch(every)
    return OK
