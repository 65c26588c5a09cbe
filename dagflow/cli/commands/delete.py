"""`dagflow delete`: runs that have ended are removed with their histories."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter
    from dagflow.cli.output.documents import DeletedRunDocument


@click.command(
    cls=Command,
    examples=[
        ("dagflow delete 01J9", "delete one run that has ended"),
        ("dagflow delete --where status=cancelled --where older=30d --dry-run", "list the runs that would be deleted"),
    ],
)
@options.optional_run
@options.bulk
@options.tenant
@options.store
@options.quiet
@options.as_json
def delete(
    *,
    run: str | None,
    where: tuple[str, ...],
    is_dry: bool,
    limit: int,
    rate: int,
    tenant: str,
    store: str,
    quiet: bool,
    is_json: bool,
) -> int:
    """Delete runs that have ended, with their histories.

    Their child runs are deleted too. Nothing that they did is undone.

    `dagflow store vacuum` frees the disk space.
    """
    from dagflow.app.archive import Archive
    from dagflow.cli.bulk import ENDED, Bulk, check_one
    from dagflow.cli.live import live_process
    from dagflow.cli.output.text import json_text
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host

    check_one(run, where)
    if run is None:
        bulk = Bulk(
            words=where, limit=limit, rate=rate, is_dry=is_dry, store=store, tenant=tenant, is_quiet=quiet, is_json=is_json
        )
        return bulk.perform(
            "deleted", ENDED, lambda client, each: client.delete_run(each), lambda here, each: here.delete(each)
        )
    with Archive.open(store) as archive:
        run_id = archive.find(run)
    process = None if is_dry else live_process(store, tenant)
    if process is not None:
        process.client.delete_run(run_id)
    elif not is_dry:

        async def body(interpreter: Interpreter) -> int:
            await interpreter.delete(run_id)
            return OK

        Session(host=load_host(None, None), store=store).drive(body)
    if is_json:
        document: DeletedRunDocument = {"run": run_id}
        print(json_text(document))
    elif not quiet:
        print(f"run {run_id} {'would be' if is_dry else 'is'} deleted", file=sys.stderr)
    return OK
