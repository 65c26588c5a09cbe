"""`dagflow store`: a store as a whole is verified, copied, cleaned up and repaired."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Group, argument
from dagflow.cli.exit_codes import FAILED, OK

if TYPE_CHECKING:
    from dagflow.cli.output.documents import BackupDocument, SalvageDocument, VacuumDocument, VerifyDocument


@click.group(cls=Group)
def store() -> None:
    """Maintain the store: verify, backup, vacuum, salvage."""


@store.command(examples=[("dagflow store verify --store runs.db", "the exit code is 1 if it is damaged")])
@options.store
@options.as_json
def verify(*, store: str, is_json: bool) -> int:
    """Check the whole store for damage."""
    from dagflow.app.maintenance import verify as read_all
    from dagflow.cli.output.text import counted, json_text, printable

    findings = read_all(store)
    if is_json:
        document: VerifyDocument = {
            "runs": findings.n_runs,
            "records": findings.n_facts,
            "events": findings.n_events,
            "problems": findings.problems,
        }
        print(json_text(document))
        return FAILED if findings.problems else OK
    for problem in findings.problems:
        print(printable(problem))
    cure = "restore a backup, or run `dagflow store salvage` to move the damaged runs to a file"
    parts = (counted(findings.n_runs, "run"), counted(findings.n_facts, "record"), counted(findings.n_events, "event"))
    read = ", ".join(parts)
    print(
        f"{read}: {counted(len(findings.problems), 'problem')}; {cure}" if findings.problems else f"OK: {read}, no corruption"
    )
    return FAILED if findings.problems else OK


@store.command(examples=[("dagflow store backup copy.db", "copy dagflow.db")])
@argument("file", metavar="FILE", type=options.FilePath(".db"), about="the copy; the file must not exist")
@options.store
@options.as_json
def backup(*, file: str, store: str, is_json: bool) -> int:
    """Copy a store, even while it is in use."""
    from dagflow.app.maintenance import backup as back_up
    from dagflow.cli.output.text import json_text, printable
    from dagflow.store.open import shown

    back_up(store, file)
    print(f"copied {printable(shown(store))} to {printable(file)}", file=sys.stderr)
    if is_json:
        document: BackupDocument = {"store": shown(store), "copy": file}
        print(json_text(document))
    return OK


@store.command(examples=[("dagflow store vacuum --keep 12w", "remove runs that ended more than 12 weeks ago")])
@click.option("--keep", default="30d", metavar="DURATION", help="Remove runs that ended longer ago than this. Default: 30d.")
@options.store
@options.as_json
def vacuum(*, keep: str, store: str, is_json: bool) -> int:
    """Remove old ended runs and free their disk space.

    If a process drives the runs of the store, it removes them, and the space is used again.
    """
    from dagflow.app.maintenance import vacuum as remove_old
    from dagflow.app.run_filter import length_ns
    from dagflow.cli.live import live_process
    from dagflow.cli.output.text import json_text, printable
    from dagflow.clock import SystemClock
    from dagflow.store.open import shown

    before = SystemClock().now() - length_ns(keep, "--keep")
    process = live_process(store)
    if process is None:
        remove_old(store, before)
    else:
        process.client.prune(before)
    print(f"removed runs that ended more than {keep} ago from {printable(shown(store))}", file=sys.stderr)
    if is_json:
        document: VacuumDocument = {"store": shown(store), "keep": keep}
        print(json_text(document))
    return OK


@store.command()
@options.store
@options.as_json
def salvage(*, store: str, is_json: bool) -> int:
    """Move damaged runs to a file."""
    from dagflow.app.maintenance import salvage as move_damaged
    from dagflow.cli.output.text import json_text, printable

    done = move_damaged(store)
    if is_json:
        document: SalvageDocument = {
            "runs": {run: [*reasons] for run, reasons in done.runs.items()},
            "others": [*done.others],
            "file": None if done.file is None else str(done.file),
        }
        print(json_text(document))
        return OK
    for run, reasons in done.runs.items():
        print(f"run {printable(run)}: {printable(reasons[0])}")
    for other in done.others:
        print(printable(other))
    if done.file is None:
        print("no damaged runs", file=sys.stderr)
    else:
        print(f"moved to {printable(str(done.file))}; the other runs are unchanged", file=sys.stderr)
    return OK
