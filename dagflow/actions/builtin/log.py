"""The action `log`: a line in the host's log."""

from __future__ import annotations

import logging
from typing import Any, Final

from dagflow.actions.builtin.registrar import ActionRegistrar
from dagflow.actions.failures import Invocation
from dagflow.actions.secrets import Redactor

_logger: Final = logging.getLogger("dagflow.flow")


def add_log(catalog: ActionRegistrar) -> None:
    """Add `log` to a catalogue. Lines go to the standard logger `dagflow.flow`, level INFO, with `tenant`, `flow`, `run`,
    `step`, `attempt` and `data`.

    Contents of secrets that a call received are redacted.
    """

    @catalog.action("log", effect="idempotent", runs="trio")
    async def log(message: str, invocation: Invocation, redactor: Redactor, data: Any | None = None) -> None:
        """Write a line to the log."""
        # As an argument, never as the format: `%` has no meaning in a flow's text.
        call = {"tenant": invocation.tenant, "flow": invocation.flow, "run": invocation.run, "step": invocation.node}
        extra = {**call, "attempt": invocation.attempt, "data": redactor.value(data)}
        _logger.info("%s", redactor.text(message), extra=extra)
