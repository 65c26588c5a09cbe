"""A command that drives runs: it opens an interpreter on a store, follows the runs, and says how to resume them."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import attrs
import trio

from dagflow.app.documents.runs import plain_result
from dagflow.app.documents.types import RunDocument
from dagflow.app.interpreter import Interpreter
from dagflow.app.recovery import Quarantined
from dagflow.app.redaction import redactor_for, shown_result
from dagflow.app.run_handle import Run
from dagflow.cli.exit_codes import FAILED, OK, USAGE
from dagflow.cli.output.live import Progress, follow, progress
from dagflow.cli.output.tables import RunReport, print_report
from dagflow.cli.output.text import counted, json_text, printable
from dagflow.cli.signals import until_stopped
from dagflow.cli.sources import Host
from dagflow.clock import Clock, SystemClock, VirtualClock
from dagflow.errors import DagflowError
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus
from dagflow.store.open import shown

Body = Callable[[Interpreter], Awaitable[int]]
#: The store that keeps nothing, as `Interpreter.open` and SQLite call it.
MEMORY: Final = ":memory:"


@attrs.frozen(kw_only=True)
class Session:
    """The options of a command that drives runs.

    Attributes:
        actions: `--actions`, which `dagflow resume` needs again.
        is_quiet: show no progress. is_json: print documents instead of tables.
        is_fast_forward: use virtual time.
    """

    host: Host
    store: str
    actions: str | None = None
    is_quiet: bool = False
    is_json: bool = False
    is_fast_forward: bool = False

    def drive(self, body: Body, *, resume: Collection[str] = (), unquarantine: Collection[str] = ()) -> int:
        """Open the interpreter, run the body, and say how to resume if it is interrupted. Returns the exit code."""
        clock: Clock = SystemClock()
        if self.is_fast_forward:
            clock = VirtualClock(clock.now())

        async def main() -> int:
            async with Interpreter.open(
                self.store, catalog=self.host.catalog, clock=clock, resume=resume, unquarantine=unquarantine
            ) as interpreter:
                stopped_by, code = await until_stopped(interpreter, body)
            return code if stopped_by is None else self._interrupted(stopped_by)

        try:
            # Ctrl-C takes effect where the command waits, never in the middle of a step of the engine.
            return trio.run(main, strict_exception_groups=True, restrict_keyboard_interrupt_to_checkpoints=True)
        except KeyboardInterrupt:
            return self._interrupted()
        except BaseExceptionGroup as group:
            if group.split(KeyboardInterrupt)[0] is not None:
                return self._interrupted()
            ours, rest = group.split(DagflowError)
            if ours is None or rest is not None:
                raise
            raise _first(ours) from group

    async def follow(self, flow: Flow, run: Run) -> int:
        """Show a run until it ends, then its report. Returns the exit code."""
        redactor = redactor_for(flow, self.host.catalog)
        with progress(is_quiet=self.is_quiet or self.is_json, hint=self._hint()) as show:
            result = await follow(flow, run, show, redactor)
        if self.is_json:
            print(json_text(plain_result(flow, result)))
        else:
            print_report(RunReport(flow, shown_result(result, redactor)))
        return exit_code(result)

    def resume(
        self,
        unfinished: Mapping[str, Flow],
        first: Callable[[Interpreter], Awaitable[None]] | None = None,
        *,
        unquarantine: Collection[str] = (),
        document: Callable[[list[RunDocument]], object] = list,
    ) -> int:
        """Resume these runs until they end, and show their reports. Returns the exit code.

        Args:
            unfinished: the flows of the runs, by their ids.
            first: something to do once they are resumed. The runs then continue only until nothing is left but waiting, and
                the reports are those of the runs that have got further.
            unquarantine: runs to resume even if they are quarantined.
            document: returns what `--json` prints for the documents of the runs.
        """

        async def body(interpreter: Interpreter) -> int:
            before = {run.id: run.result() for run in interpreter.resumed}
            if first is not None:
                await first(interpreter)
            for run_id, problem in interpreter.blocked.items():
                hint = "" if isinstance(problem, Quarantined) else "; see --actions"
                print(f"dagflow: run {run_id} is blocked: {printable(str(problem))}{hint}", file=sys.stderr)
            is_silent = self.is_quiet or self.is_json
            with progress(is_quiet=is_silent, n_runs=len(unfinished), hint=self._hint()) as show:
                until = None if first is None else interpreter.rest
                results = await self._follow_all(interpreter.resumed, unfinished, show, until)
            if until is not None:
                results = [result for result in results if result != before[result.run]]
            self._print_all(unfinished, results, document)
            ended = [result for result in results if result.status.is_terminal]
            if len(ended) < len(results) and not is_silent:
                n_waiting = counted(len(results) - len(ended), "run")
                print(f"{n_waiting} not ended; to resume: `{self._resume_command()}`", file=sys.stderr)
            return max([USAGE if interpreter.blocked else OK, *map(exit_code, ended)])

        return self.drive(body, resume=frozenset(unfinished), unquarantine=unquarantine)

    async def _follow_all(
        self,
        runs: Collection[Run],
        flows: Mapping[str, Flow],
        show: Progress,
        until: Callable[[], Awaitable[None]] | None,
    ) -> list[RunResult]:
        """Follow the runs to their ends, or until that is over. Returns how each stands."""

        async def one(started: Run) -> None:
            flow = flows[started.id]
            await follow(flow, started, show, redactor_for(flow, self.host.catalog))

        async with trio.open_nursery() as following:
            for started in runs:
                following.start_soon(one, started)
            if until is not None:
                await until()
                following.cancel_scope.cancel()
        return [started.result() for started in runs]

    def _print_all(
        self,
        flows: Mapping[str, Flow],
        results: Collection[RunResult],
        document: Callable[[list[RunDocument]], object],
    ) -> None:
        if self.is_json:
            print(json_text(document([plain_result(flows[result.run], result) for result in results])))
            return
        for number, result in enumerate(results):
            print("\n" * bool(number), end="")
            flow = flows[result.run]
            print_report(RunReport(flow, shown_result(result, redactor_for(flow, self.host.catalog))))

    def _interrupted(self, stopped_by: int = signal.SIGINT) -> int:
        if self.store == MEMORY:
            print("\ninterrupted; the run is lost, because :memory: stores nothing", file=sys.stderr)
        else:
            print(f"\ninterrupted; to resume: `{self._resume_command()}`", file=sys.stderr)
        return 128 + stopped_by

    def _hint(self) -> str:
        if self.is_fast_forward or self.store == MEMORY:
            return ""
        return f"waiting; you can press Ctrl-C and resume later with `{self._resume_command()}`"

    def _resume_command(self) -> str:
        words = ["dagflow", "resume", "--store", shown(self.store)]
        if self.actions is not None:
            words += ["--actions", self.actions]
        return printable(shlex.join(words))


def exit_code(result: RunResult) -> int:
    """Return the exit code of a run that ended."""
    return OK if result.status is RunStatus.SUCCEEDED else FAILED


def _first(group: BaseExceptionGroup[DagflowError]) -> DagflowError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
