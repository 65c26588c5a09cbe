"""`dagflow resume`: unfinished runs are driven until they end."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.archive import Archive
    from dagflow.cli.live import LiveProcess
    from dagflow.cli.output.tables import RunReport
    from dagflow.ids import RunId
    from dagflow.model.flow import Flow


_MOST_RUNS = 1_000_000


@click.command(
    cls=Command,
    examples=[
        ("dagflow resume", "resume all unfinished runs"),
        ("dagflow resume 01J9 --actions app.py", "resume one run, even if it is quarantined"),
    ],
)
@argument("run", required=False, metavar="RUN", type=options.RunId(), about=f"{options.RUN_HELP}; default: all unfinished runs")
@options.store
@options.actions
@options.fast_forward
@options.quiet
@options.as_json
def resume(*, run: str | None, store: str, actions: str | None, fast_forward: bool, quiet: bool, is_json: bool) -> int:
    """Resume interrupted runs.

    A process that drives the runs of the store, such as `dagflow serve`, resumes them by itself.
    """
    from dagflow.app.archive import Archive
    from dagflow.cli.live import live_process
    from dagflow.cli.session import Session
    from dagflow.cli.sources import load_host

    process = live_process(store)
    if process is not None:
        return _driven(process, store, run, is_json=is_json)
    host = load_host(actions, None)
    with Archive.open(store) as archive:
        rows = archive.runs(unfinished=True, limit=_MOST_RUNS) if run is None else []
        wanted = [row.id for row in rows] if run is None else [archive.find(run)]
        reports = _reports(archive, wanted, is_one=run is not None)
    unfinished: dict[str, Flow] = {
        run_id: report.flow for run_id, report in reports.items() if not report.result.status.is_terminal
    }
    if not unfinished:
        ended = "every run has ended" if not wanted else "every unfinished run is blocked"
        if reports:
            ended = f"run {wanted[0]} has ended: {reports[wanted[0]].result.status.value}"
        print(f"nothing to resume: {ended}", file=sys.stderr)
        if is_json:
            print("[]")
        return OK
    session = Session(host=host, store=store, actions=actions, is_quiet=quiet, is_json=is_json, is_fast_forward=fast_forward)
    return session.resume(unfinished, unquarantine=() if run is None else wanted)


def _driven(process: LiveProcess, store: str, run: str | None, *, is_json: bool) -> int:
    """A process drives the runs already: only a blocked run needs a push."""
    from dagflow.app.archive import Archive
    from dagflow.cli.output.text import printable
    from dagflow.store.open import shown

    if run is not None:
        with Archive.open(store) as archive:
            run = archive.find(run)
        process.client.resume_run(run)
    what = "the runs" if run is None else f"run {run}"
    print(f"process {process.number} drives {what} of {printable(shown(store))}; `dagflow runs` shows them", file=sys.stderr)
    if is_json:
        print("[]")
    return OK


def _reports(archive: Archive, wanted: Collection[RunId], *, is_one: bool) -> dict[RunId, RunReport]:
    """Return the reports of these runs. A damaged one is reported and omitted, unless the user named it."""
    from dagflow.cli.output.tables import RunReport
    from dagflow.cli.output.text import printable
    from dagflow.errors import StoreError

    reports: dict[RunId, RunReport] = {}
    for run_id in wanted:
        try:
            reports[run_id] = RunReport(*archive.result(run_id))
        except StoreError as error:
            if is_one:
                raise
            print(f"dagflow: run {run_id} is blocked: {printable(str(error))}", file=sys.stderr)
    return reports
