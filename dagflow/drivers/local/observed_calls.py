"""An attempt under way, as the observers of an interpreter see it."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import attrs

from dagflow.actions.failures import ActionFailed
from dagflow.drivers.local.observer import CallEnd, CallOutcome, ObservedCall
from dagflow.engine.commands import StartAttempt
from dagflow.engine.state import Failure

_log: Final = logging.getLogger("dagflow.observers")


@contextmanager
def harmless() -> Generator[None]:
    """An observer that fails changes nothing in the work."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is, the work goes on
        _log.exception("an observer failed; what it should have seen is lost to it")


@attrs.define(eq=False)
class Calls:
    """One attempt, as its observers see it; only its first end counts."""

    calls: Sequence[ObservedCall]
    is_over: bool = False

    @contextmanager
    def surround(self) -> Generator[None]:
        """The contexts of all observers."""
        with ExitStack() as stack:
            for call in self.calls:
                with harmless():
                    stack.enter_context(call.surround())
            yield

    def returned(self, command: StartAttempt, failures: Sequence[Failure], now: int) -> None:
        """The action has returned; `failures` of the run may contain this node and attempt, since the result was refused."""
        place = command.node, command.attempt
        failure = next((each for each in reversed(failures) if (each.node, each.attempt) == place), None)
        if failure is None:
            self.ended(CallEnd(outcome=CallOutcome.SUCCEEDED, at=now))
        else:
            self.ended(CallEnd(outcome=CallOutcome.FAILED, code=failure.code, message=failure.message, at=now))

    def failed(self, failure: ActionFailed, now: int, retry_at: int | None) -> None:
        """The attempt has failed."""
        end = CallEnd(outcome=CallOutcome.FAILED, code=failure.code, message=failure.message, at=now, retry_at=retry_at)
        self.ended(end)

    def ended(self, end: CallEnd) -> None:
        """Tell all observers."""
        if self.is_over:
            return
        self.is_over = True
        for call in self.calls:
            with harmless():
                call.ended(end)
