"""`Interpreter` for programs without an event loop: Django, Flask, Celery, scripts and the REPL.

    from dagflow.blocking import Interpreter

    with Interpreter.open("runs.db", catalog=catalog) as interpreter:
        run = interpreter.start(flow, {"customer": customer})
        result = run.wait()

The interpreter itself runs in a thread of its own; its methods may be called from any thread. Open it after a fork, not before: a forked process has no such
thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import attrs

import dagflow
from dagflow.actions.catalog import Catalog
from dagflow.bridge import Bridge
from dagflow.drivers.local.statistics import Statistics
from dagflow.errors import DagflowError, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.model.flow import Flow
from dagflow.store.api import Record, RunRow

_Value = TypeVar("_Value")
_END: Final = object()


@attrs.define(eq=False)
class _Calls:
    """Calls from any thread into the bridge."""

    bridge: Bridge[dagflow.Interpreter]
    process: int

    def __call__(self, function: Callable[..., Awaitable[_Value]], /, *args: Any, **options: Any) -> _Value:
        """Call a function in trio and wait for its result."""
        _refuse_loops()
        if os.getpid() != self.process:
            raise UsageError("the interpreter was opened before this process was forked; open it in the process that uses it")
        is_done, found = threading.Event(), list[tuple[Any, BaseException | None]]()

        def done(value: Any, error: BaseException | None) -> None:
            found.append((value, error))
            is_done.set()

        cancel = self.bridge.submit(partial(function, *args, **options), done)
        try:
            is_done.wait()
        except BaseException:  # such as KeyboardInterrupt
            cancel()
            raise
        value, error = found[0]
        if error is not None:
            raise error
        result: _Value = value
        return result


@attrs.define(eq=False, repr=False)
class Run:
    """A run of an open interpreter; see `dagflow.Run`."""

    _run: dagflow.Run
    _calls: _Calls

    @property
    def id(self) -> RunId:
        """Its id, which sorts by the time the run began."""
        return self._run.id

    @property
    def flow(self) -> str:
        """The name of its flow."""
        return self._run.flow

    def result(self) -> RunResult:
        """Return the current state of the run."""

        async def read() -> RunResult:
            return self._run.result()

        return self._calls(read)

    def wait(self) -> RunResult:
        """Wait until the run has ended and its end is in the store.

        Raises:
            StoreError: the store failed.
            UsageError: the interpreter was closed first.
        """
        return self._calls(self._run.wait)

    def watch(self) -> Iterator[RunResult]:
        """Iterate over the states of the run: now, after each commit, and at its end. Raises as `wait`."""
        states = self._run.watch()

        async def step() -> object:
            return await anext(states, _END)

        while isinstance(found := self._calls(step), RunResult):
            yield found

    def cancel(self) -> RunResult:
        """Cancel the run and wait until it has ended. Raises as `wait`, and UsageError while the interpreter drains."""
        return self._calls(self._run.cancel)

    def __repr__(self) -> str:
        return repr(self._run)


@attrs.define(eq=False)
class Interpreter:
    """Runs flows for a program without an event loop; made by `Interpreter.open`. The methods are those of `dagflow.Interpreter`.

    Attributes:
        resumed: the runs that were in progress when the store was opened.
    """

    _calls: _Calls
    resumed: tuple[Run, ...]

    @classmethod
    @contextmanager
    def open(cls, path: str | os.PathLike[str], *, catalog: Catalog, **options: Any) -> Generator[Interpreter]:
        """Open a store, resume its unfinished runs, and drive runs until the block ends.

        Args:
            path: of the store's file; `":memory:"` stores nothing.
            catalog: the actions; async ones run under trio.
            options: as of `dagflow.Interpreter.open`.

        Raises:
            StoreError: the store cannot be opened, or failed while it was open.
            UsageError: an option is invalid, or an event loop runs in this thread.
        """
        _refuse_loops()
        bridge = Bridge(partial(dagflow.Interpreter.open, path, catalog=catalog, **options))
        bridge.start()
        try:
            calls = _Calls(bridge, os.getpid())
            yield cls(calls, tuple(Run(run, calls) for run in bridge.inner.resumed))
        finally:
            bridge.close()

    @property
    def _inner(self) -> dagflow.Interpreter:
        return self._calls.bridge.inner

    @property
    def blocked(self) -> dict[RunId, DagflowError]:
        """The runs that cannot be driven, by id, with the reason."""
        return dict(self._inner.blocked)

    def start(
        self,
        flow: Flow,
        input: object = None,  # noqa: A002 - the word of the API
        *,
        trigger: Origin | None = None,
        id: str | None = None,  # noqa: A002
    ) -> Run:
        """Start a run. See `dagflow.Interpreter.start`."""
        return Run(self._calls(self._inner.start, flow, input, trigger=trigger, id=id), self._calls)

    def rerun(self, run_id: str, *, id: str | None = None) -> Run:  # noqa: A002
        """Start a run with the flow and the input of another one. See `dagflow.Interpreter.rerun`."""
        return Run(self._calls(self._inner.rerun, run_id, id=id), self._calls)

    def trigger(self, flow: Flow, event: str, payload: object, *, id: str | None = None) -> Run | None:  # noqa: A002
        """Start a run as an event would. See `dagflow.Interpreter.trigger`."""
        run = self._calls(self._inner.trigger, flow, event, payload, id=id)
        return None if run is None else Run(run, self._calls)

    def send(self, event: str, payload: object, id: str | None = None) -> int:  # noqa: A002
        """Send an event to waiting runs; returns how many received it. See `dagflow.Interpreter.send`."""
        return self._calls(self._inner.send, event, payload, id)

    def get_run(self, run_id: str) -> Run:
        """Return a run. See `dagflow.Interpreter.get_run`."""
        return Run(self._calls(self._inner.get_run, run_id), self._calls)

    def unfinished(self, limit: int = 1_000) -> list[Run]:
        """Return the unfinished runs, newest first. See `dagflow.Interpreter.unfinished`."""
        return [Run(run, self._calls) for run in self._calls(self._inner.unfinished, limit)]

    def cancel(self, run_id: str) -> RunResult:
        """Cancel a run and wait until it has ended. See `dagflow.Interpreter.cancel`."""
        return self._calls(self._inner.cancel, run_id)

    def rest(self) -> None:
        """Wait until every run has ended or only waits. See `dagflow.Interpreter.rest`."""
        self._calls(self._inner.rest)

    def drain(self, seconds: float = float("inf")) -> bool:
        """Begin nothing new, and wait for the calls under way. See `dagflow.Interpreter.drain`."""
        return self._calls(self._inner.drain, seconds)

    def runs(
        self, *, unfinished: bool = False, limit: int = 100, before: RunId | None = None, parent: str = ""
    ) -> list[RunRow]:
        """Return the runs in the store, newest first. See `dagflow.Interpreter.runs`."""
        return self._calls(self._inner.runs, unfinished=unfinished, limit=limit, before=before, parent=parent)

    def result(self, run_id: str) -> RunResult:
        """Return the state of a run from the store. See `dagflow.Interpreter.result`."""
        return self._calls(self._inner.result, run_id)

    def history(self, run_id: str) -> list[Record]:
        """Return the events of a run's history. See `dagflow.Interpreter.history`."""
        return self._calls(self._inner.history, run_id)

    def statistics(self) -> Statistics:
        """Return a snapshot of the load. See `dagflow.Interpreter.statistics`."""
        return self._calls(self._inner.statistics)

    def prune(self, before: int) -> None:
        """Remove runs that ended before that instant. See `dagflow.Interpreter.prune`."""
        self._calls(self._inner.prune, before)


def _refuse_loops() -> None:
    """Raises UsageError: waiting here would stop an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError("`dagflow.blocking` would stop the event loop that runs here; use `dagflow.asyncio`")
