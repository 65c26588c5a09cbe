"""Perform the call of a client, whichever way it came in."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from dagflow.app.control.messages import Call, encode_error, encode_result
from dagflow.errors import DagflowBug, DagflowError, UsageError

#: Performs a call for a tenant, with the arguments that the client named.
Handler: TypeAlias = Callable[..., Awaitable[object]]
_logger = logging.getLogger("dagflow.control")


async def performed(handlers: Mapping[str, Handler], call: Call) -> object:
    """Perform a call and return its result.

    Raises:
        UsageError: there is no such call, or its arguments do not fit.
        Exception: whatever the call raises.
    """
    handler = handlers.get(call.name)
    if handler is None:
        raise UsageError(f"`{call.name}` needs a service; this process drives runs without one")
    try:
        inspect.signature(handler).bind(call.tenant, **call.arguments)
    except TypeError as error:
        raise UsageError(f"the arguments of `{call.name}` do not fit: {error}") from None
    return await handler(call.tenant, **call.arguments)


async def line_of(perform: Callable[[], Awaitable[object]]) -> bytes:
    """Return the line with the result of a call, or with its error. Only cancellation is raised."""
    try:
        return encode_result(await perform())
    except DagflowError as error:
        return encode_error(error)
    except Exception as error:
        _logger.exception("a call failed")
        return encode_error(
            DagflowBug(f"the call failed in the process that drives the runs: {type(error).__name__}; see its log")
        )
