"""`dagflow runs`: the runs of a store as a table."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, Count
from dagflow.cli.exit_codes import OK


@click.command(
    cls=Command,
    examples=[
        ("dagflow runs --unfinished", "list runs that have not ended"),
        ("dagflow runs --parent last", "list the child runs of the newest run"),
    ],
)
@click.option("--limit", type=Count(), default=20, metavar="N", help="List at most so many runs. Default: 20.")
@click.option("--unfinished", is_flag=True, help="List only runs that have not ended.")
@click.option(
    "--parent",
    metavar="RUN",
    type=options.RunId(),
    help="List only the child runs of this run: the items of its loops and the flows it called.",
)
@options.store
@options.as_json
def runs(*, limit: int, unfinished: bool, parent: str | None, store: str, is_json: bool) -> int:
    """List runs, newest first."""
    from rich.text import Text

    from dagflow.app.archive import Archive
    from dagflow.app.documents.runs import plain_rows
    from dagflow.cli.output.console import console
    from dagflow.cli.output.tables import runs_table
    from dagflow.cli.output.text import json_text, printable

    with Archive.open(store) as archive:
        parent_id = "" if parent is None else archive.find(parent)
        rows = archive.runs(unfinished=unfinished, limit=limit, parent=parent_id)
        quarantined = archive.quarantined()
    if is_json:
        print(json_text(plain_rows(rows, quarantined)))
    elif rows:
        out = console()
        out.print(runs_table(rows, out.width, quarantined))
        for row in rows:
            if row.blocked and row.id not in quarantined:
                out.print(Text(printable(f"run {row.id} is blocked: {row.blocked}")), soft_wrap=True)
    else:
        none = "no runs yet" if parent is None else f"run {parent_id} has no child runs"
        print("no unfinished runs" if unfinished else none, file=sys.stderr)
    return OK
