"""The main function of a worker process: calls functions one after the other, and answers with their outcomes.

It is imported by each worker process, so it imports little.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeAlias, cast

import attrs

from dagflow.actions.failures import ActionFailed
from dagflow.actions.host_failures import failure_of
from dagflow.actions.secrets import Redactor


@attrs.frozen
class Request:
    """A call of a function in another process.

    Attributes:
        module: of the function. file: of the module, for one that is not on the path; "" if there is none.
        pickled: the function, with its arguments.
    """

    module: str
    file: str
    pickled: bytes


#: The value of a call, or None with its failure and the traceback of that.
Outcome: TypeAlias = tuple[object, tuple[ActionFailed, str] | None]


def serve(connection: Connection) -> None:
    """Answer requests until the other end is closed."""
    # Ctrl-C reaches every process of a terminal; the interpreter decides what it means for a call.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            request = cast("Request", connection.recv())
        except (EOFError, OSError):
            return
        _answer(connection, _outcome_of(request))


def _end_with_parent() -> None:
    """A function that computes for ever must not outlive an interpreter that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _outcome_of(request: Request) -> Outcome:
    try:
        _import(request)
        function = cast("Callable[[], Any]", pickle.loads(request.pickled))  # noqa: S301 - made by the parent process
        return function(), None
    except BaseException as error:  # noqa: BLE001 - any exception is the outcome of the call
        failure = failure_of(error, Redactor())
        return None, (failure, failure.traceback)


def _answer(connection: Connection, outcome: Outcome) -> None:
    try:
        connection.send(outcome)
    except Exception as error:  # noqa: BLE001 - pickling runs code of the host
        failure = ActionFailed(f"the result cannot be sent to another process: {error}"[:500], "bad_result", fatal=True)
        connection.send((None, (failure, "")))


def _import(request: Request) -> None:
    """Import a module that only its file names, as the command line imports one of actions."""
    if request.module in sys.modules or not request.file or request.module == "__main__":
        return
    try:
        importlib.import_module(request.module)
    except ModuleNotFoundError:
        spec = importlib.util.spec_from_file_location(request.module, request.file)
        if spec is None or spec.loader is None:
            raise
        module = sys.modules[request.module] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
