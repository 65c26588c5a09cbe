"""Worker processes for functions of actions that compute: a call that is stopped ends with its process, unlike a thread.

Processes are started when they are needed, one for each call under way, and kept for the calls to come.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, cast

import attrs
import trio

from dagflow.actions.failures import ActionFailed
from dagflow.actions.host_function import without_partials
from dagflow.drivers.local.process_worker import Outcome, Request, serve

#: A process whose pipe is closed is about to end; so long it has for that.
_ENDING_SECONDS: Final = 1.0


@attrs.define(eq=False)
class _Worker:
    """A process with this end of the pipe to it. `has_answered`: at least one call."""

    process: BaseProcess
    connection: Connection
    has_answered: bool = False

    def ask(self, request: Request) -> Outcome | None:
        """The outcome of a call; None if the process ended first, or was killed. The thread that reads a pipe is the one that closes it."""
        try:
            self.connection.send(request)
            outcome = cast("Outcome", self.connection.recv())
        except (EOFError, OSError):
            self.connection.close()
            return None
        except Exception as error:  # noqa: BLE001 - unpickling runs code of the host
            failure = ActionFailed(f"the result cannot be read from another process: {error}"[:500], "bad_result", fatal=True)
            outcome = None, (failure, "")
        self.has_answered = True
        return outcome

    def stop(self, seconds: float = 0.0) -> int | None:
        """Wait so long for the process to end, kill it if it does not, and return its exit code."""
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        exit_code = self.process.exitcode
        self.process.close()
        return exit_code


@attrs.define(eq=False)
class Processes:
    """Runs functions in processes, at most `limit` at once.

    Attributes:
        limit: how many calls there is room for.
    """

    limit: int
    _idle: list[_Worker] = attrs.field(factory=list[_Worker])
    _limiter: trio.CapacityLimiter = attrs.field(init=False)
    #: Waiting for a process takes a thread, which must not wait for room among other threads.
    _waiting: trio.CapacityLimiter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._limiter = trio.CapacityLimiter(self.limit)
        self._waiting = trio.CapacityLimiter(2 * self.limit)

    async def run(self, function: Callable[[], object]) -> object:
        """Run a function in a process and return its value. A cancelled call kills its process.

        Raises:
            ActionFailed: the function raised, cannot be sent to a process, or the process ended.
        """
        request = _request_of(function)
        async with self._limiter:
            worker = self._idle.pop() if self._idle else await self._started()
            try:
                outcome = await trio.to_thread.run_sync(worker.ask, request, abandon_on_cancel=True, limiter=self._waiting)
            except BaseException:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(worker.stop)
                raise
            if outcome is None:
                exit_code = None
                with trio.CancelScope(shield=True):
                    exit_code = await trio.to_thread.run_sync(worker.stop, _ENDING_SECONDS)
                raise _ended(exit_code, is_new=not worker.has_answered)
            self._idle.append(worker)
        value, failed = outcome
        if failed is not None:
            failure, failure.traceback = failed[0], failed[1]
            raise failure
        return value

    async def close(self) -> None:
        """Stop the processes; no call is under way any more."""
        idle, self._idle = self._idle, []
        for worker in idle:
            await trio.to_thread.run_sync(worker.stop)
            worker.connection.close()

    async def _started(self) -> _Worker:
        # Not abandoned: a process that nothing knows would stay.
        return await trio.to_thread.run_sync(_start, limiter=self._waiting)


def _ended(exit_code: int | None, *, is_new: bool) -> ActionFailed:
    message = f"the process of the action ended with the exit code {exit_code}"
    if is_new and exit_code == 1:
        message += '; if the program is a script, begin its main part with `if __name__ == "__main__":`'
    return ActionFailed(message, "process_ended")


def _start() -> _Worker:
    # Spawned: a fork of a process with threads may hang in a lock that another thread held.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), name="dagflow action", daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)  # pyright: ignore[reportArgumentType] - on Windows a class of the same methods


def _request_of(function: Callable[[], object]) -> Request:
    inner, _ = without_partials(function)
    module = str(getattr(inner, "__module__", None) or type(inner).__module__)
    try:
        pickled = pickle.dumps(function)
    except Exception as error:  # noqa: BLE001 - pickling runs code of the host
        raise ActionFailed(f"the call cannot be sent to another process: {error}"[:500], "bad_arguments", fatal=True) from None
    return Request(module, getattr(sys.modules.get(module), "__file__", None) or "", pickled)
