"""The end of the commands that let a run go on: in the process that drives the store, or in this one."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from dagflow.app.archive import Archive
from dagflow.app.documents.runs import plain_result
from dagflow.cli.exit_codes import OK
from dagflow.cli.live import live_process
from dagflow.cli.output.text import json_text
from dagflow.cli.session import Session
from dagflow.cli.sources import load_host

if TYPE_CHECKING:
    from dagflow.app.interpreter import Interpreter
    from dagflow.app.run_handle import Run
    from dagflow.client import Client
    from dagflow.execution.results import RunResult


@attrs.frozen(kw_only=True)
class Target:
    """The run that goes on, and how.

    Attributes:
        run: its id, or the beginning of it. store: where it is.
    """

    run: str
    tenant: str
    store: str
    actions: str | None
    is_fast_forward: bool
    is_quiet: bool
    is_json: bool

    def go_on(self, ask: Callable[[Client, str], RunResult], begin: Callable[[Interpreter, str], Awaitable[Run]]) -> int:
        """Ask the process that drives the store, or drive the run until it ends. Returns the exit code."""
        with Archive.open(self.store) as archive:
            run_id = archive.find(self.run)
            flow, _ = archive.result(run_id)
        process = live_process(self.store, self.tenant)
        if process is not None:
            result = ask(process.client, run_id)
            if self.is_json:
                print(json_text(plain_result(flow, result)))
            elif not self.is_quiet:
                print(f"run {run_id} is {result.status.value} in process {process.number}", file=sys.stderr)
            return OK
        session = Session(
            host=load_host(self.actions, None), store=self.store, actions=self.actions,
            is_quiet=self.is_quiet, is_fast_forward=self.is_fast_forward, is_json=self.is_json,
        )  # fmt: skip

        async def body(interpreter: Interpreter) -> int:
            return await session.follow(flow, await begin(interpreter, run_id))

        return session.drive(body, resume=frozenset({run_id}))


def user_name(by: str | None) -> str:
    """Return who asks: `--by`, or the user of this process; "" if the system has no name for it."""
    if by is not None:
        return by
    try:
        return getpass.getuser()[:200]
    except (KeyError, OSError):
        return ""
