"""Exceptions of a host's code: the part that belongs to the call, and the message. Reading one can run arbitrary code."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from typing import Final, cast

import anyio

#: The name of a class, whatever its metaclass returns for it.
_NAME_OF: Final[Callable[[type], str]] = type.__dict__["__name__"].__get__


def passing(raised: BaseException) -> BaseException | None:
    """The part of an exception that is not the call's: a cancellation from around it, or a Ctrl-C. None: all is the call's.

    Nothing else stops more than the step: not `sys.exit()`, not a `KeyboardInterrupt` or a cancellation of another event loop that the
    action raises by itself.
    """
    if isinstance(raised, Exception):
        return None
    leaves = list(_leaves(raised))
    pressed = next((each for each in leaves if isinstance(each, KeyboardInterrupt) and _is_pressed(each)), None)
    if pressed is not None:
        return pressed
    if not _is_in_loop():
        # The loop has ended, and the rest of its tasks is being discarded.
        return raised
    cancelled = anyio.get_cancelled_exc_class()
    if anyio.current_effective_deadline() != -math.inf:
        return None
    if isinstance(raised, cancelled):
        return raised
    if isinstance(raised, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", raised)
        # Errors beside the cancellation have no effect any more.
        return group.split(cancelled)[0]
    return None


def text_of(error: BaseException) -> str:
    """The message of an exception, or its class if it has no message or cannot return one."""
    try:
        said = str(error)
    except BaseException as problem:
        if passing(problem) is not None:
            raise
        said = ""
    return said or class_name(error)


def class_name(value: object) -> str:
    """The name of its class, bounded and printable."""
    return "".join([char if char.isprintable() else "_" for char in _NAME_OF(type(value))[:80]])


def _leaves(raised: BaseException) -> list[BaseException]:
    """The exceptions in a group, of groups in it as well."""
    found: list[BaseException] = []
    left = [raised]
    while left:
        each = left.pop()
        if isinstance(each, BaseExceptionGroup):
            left += cast("BaseExceptionGroup[BaseException]", each).exceptions
        else:
            found.append(each)
    return found


def _is_pressed(raised: KeyboardInterrupt) -> bool:
    """Whether it comes from the handler of SIGINT, rather than from a `raise` of the action's."""
    code = getattr(signal.getsignal(signal.SIGINT), "__code__", None)
    place = raised.__traceback__
    while place is not None:
        if code is not None and place.tb_frame.f_code is code:
            return True
        place = place.tb_next
    return False


def _is_in_loop() -> bool:
    try:
        anyio.get_cancelled_exc_class()
    except RuntimeError:
        return False
    return True
