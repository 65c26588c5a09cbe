"""`dagflow why`: the conditions around a step, with the values that decided them."""

from __future__ import annotations

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK


@click.command(cls=Command, examples=[("dagflow why last follow_up", "explain a step of the newest run")])
@options.run_id
@argument("step", metavar="STEP", about="the name of the step")
@options.store
@options.as_json
def why(*, run: str, step: str, store: str, is_json: bool) -> int:
    """Explain why a step ran or did not run."""
    from rich.text import Text

    from dagflow.app.archive import Archive
    from dagflow.app.documents.dry_runs import reason_data
    from dagflow.cli.output import console
    from dagflow.cli.output.reasons import reason_lines
    from dagflow.cli.output.text import json_text

    with Archive.open(store) as archive:
        reason = archive.reason(archive.find(run), step)
    if is_json:
        print(json_text(reason_data(reason)))
        return OK
    out = console.lines()
    for line in reason_lines(reason):
        out.print(Text(line))
    return OK
