"""The end of the commands that do the same to many runs: a list of them, or one after the other at a steady rate."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Final

import attrs
import trio

from dagflow.app.archive import Archive
from dagflow.app.run_filter import filter_of
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.live import live_process
from dagflow.cli.output.text import json_text, printable
from dagflow.cli.session import Session
from dagflow.cli.sources import load_host
from dagflow.clock import SystemClock
from dagflow.errors import DagflowError, StoreError, UsageError
from dagflow.model.status import RunStatus
from dagflow.store.api import RunRow

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter
    from dagflow.cli.output.documents import BulkDocument
    from dagflow.client import Client

ENDED: Final = frozenset(status for status in RunStatus if status.is_terminal)
UNFINISHED: Final = frozenset(RunStatus) - ENDED
FAILURES: Final = frozenset({RunStatus.FAILED, RunStatus.FAILED_DIRTY})


@attrs.frozen(kw_only=True)
class Bulk:
    """What is done to many runs.

    Attributes:
        words: of the filter. limit: runs, at most. rate: runs per second.
        is_dry: list the runs only.
    """

    words: tuple[str, ...]
    limit: int
    rate: int
    is_dry: bool
    store: str
    tenant: str = ""
    actions: str | None = None
    is_quiet: bool = False
    is_json: bool = False

    def perform(
        self,
        done: str,
        statuses: Collection[RunStatus],
        ask: Callable[[Client, str], object],
        act: Callable[[Interpreter, str], Awaitable[object]],
    ) -> int:
        """Do it, and say what became of each run. Returns the exit code: whether none refused.

        Args:
            done: the word for it, such as `cancelled`. statuses: of the runs that it can be done to.
            ask: asks the process that drives the store. act: does it here, if there is no such process.
        """
        wanted = filter_of(self.words, SystemClock().now())
        wanted = attrs.evolve(wanted, statuses=frozenset(wanted.statuses or statuses) & frozenset(statuses))
        if wanted.tenant is None:
            wanted = attrs.evolve(wanted, tenant=self.tenant)
        if not wanted.statuses:
            raise UsageError(f"a run with that status cannot be {done}; give one of {', '.join(sorted(statuses))}")
        with Archive.open(self.store) as archive:
            rows = wanted.select(archive, self.limit)
        if self.is_dry:
            return self._report(rows, {}, f"would be {done}")
        process = live_process(self.store, wanted.tenant or "")
        problems: dict[str, str] = {}
        if process is not None:
            for number, row in enumerate(rows):
                time.sleep(1 / self.rate if number else 0)
                try:
                    ask(process.client, row.id)
                except StoreError:
                    raise
                except DagflowError as error:
                    problems[row.id] = str(error)
            return self._report(rows, problems, done)

        async def body(interpreter: Interpreter) -> int:
            for number, row in enumerate(rows):
                await trio.sleep(1 / self.rate if number else 0)
                try:
                    await act(interpreter, row.id)
                except StoreError:
                    raise
                except DagflowError as error:
                    problems[row.id] = str(error)
            await interpreter.rest()
            return self._report(rows, problems, done)

        return Session(host=load_host(self.actions, None), store=self.store, actions=self.actions).drive(body)

    def _report(self, rows: Collection[RunRow], problems: dict[str, str], done: str) -> int:
        if self.is_json:
            document: list[BulkDocument] = [
                {"run": row.id, "flow": row.flow, "status": row.status.value, "problem": problems.get(row.id)} for row in rows
            ]
            print(json_text(document))
        elif not self.is_quiet:
            for row in rows:
                problem = problems.get(row.id)
                said = done if problem is None else f"not {done}: {problem}"
                print(f"run {row.id} of {printable(row.flow)}, which was {row.status.value}, {printable(said)}")
            if not rows:
                print("no runs fit", file=sys.stderr)
        return FAILED if problems else OK


def check_one(run: str | None, words: tuple[str, ...]) -> None:
    """Raise UsageError unless there is a run or a filter, and not both."""
    if (run is None) == (not words):
        got = "neither" if run is None else "both"
        raise UsageError(f"the command must have either a run or `--where`; got {got}")
