"""Exceptions of a host's code as failures that can be stored: the only place that reads the contents of an exception.

A host's exception can hold anything: its code may be half a character, its message 50 MB, its delay no number, and its
`__str__` may raise. The history stores codes, messages and delays, and must be readable at every start. So this module checks
each of them once; an invalid part becomes a failure with the code `bad_failure` that names the error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from dagflow.actions.failures import ActionFailed, Fatal, RetryAfter
from dagflow.actions.host_exceptions import class_name, passing, text_of
from dagflow.actions.secrets import Redactor
from dagflow.actions.tracebacks import shown_lines, traceback_of
from dagflow.model.values import Duration

#: A message is for people, and the history stores it.
MAX_MESSAGE: Final = 1_000
#: The form of a failure's code: `retry … only` and handlers compare it.
_CODE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}", re.ASCII)
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD: Final = re.compile(r"[^A-Za-z0-9_]", re.ASCII)
#: The longest delay before a next attempt.
MAX_DELAY_NS: Final = 365 * 86_400 * 1_000_000_000
BAD_FAILURE: Final = "bad_failure"


def failure_of(error: BaseException, redactor: Redactor) -> ActionFailed:
    """The failure of an attempt that raised this. No part of it contains a secret, and every part can be stored."""
    try:
        return _failure_of(error, redactor)
    except BaseException as problem:
        if passing(problem) is not None:
            raise
        return ActionFailed(f"the action raised a {class_name(error)} that cannot be read: {class_name(problem)}", BAD_FAILURE)


def shown(message: object, redactor: Redactor) -> str:
    """One line without secrets, bounded."""
    text = str.__str__(message) if isinstance(message, str) else str(message)
    text = redactor.beginning(text, 4 * MAX_MESSAGE)
    text = "".join([char if char.isprintable() else " " for char in text]).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def _failure_of(error: BaseException, redactor: Redactor) -> ActionFailed:
    match error:
        case ActionFailed():
            delay: object = error.retry_after_ns
            made = _made(error.code, error.message, error.fatal, delay, _nanoseconds, redactor)
        case Fatal():
            made = _made(error.code, error.message, True, None, _nanoseconds, redactor)
        case RetryAfter():
            made = _made(error.code, error.message, False, error.delay, _delay, redactor)
        case _:
            code = "exception." + _NO_WORD.sub("_", _WORD_START.sub("_", class_name(error)).lower())
            made = ActionFailed(shown(text_of(error), redactor), code)
    if isinstance(error, ActionFailed) and type(error.traceback) is str and error.traceback:
        # It has been converted before, by another performer.
        made.traceback = shown_lines(error.traceback, redactor)
        return made
    is_told = isinstance(error, ActionFailed | Fatal | RetryAfter)
    if not is_told or made.code == BAD_FAILURE or error.__cause__ is not None:
        # A failure that an action raises itself is complete; any other exception needs its place.
        made.traceback = traceback_of(error, redactor)
    return made


def _made(
    code: object, message: object, fatal: object, delay: object, read: Callable[[Any], int | str], redactor: Redactor
) -> ActionFailed:
    """A failure of these parts, or, if one of them cannot be stored, a failure that says so."""
    is_fatal = fatal is True
    wrong: list[str] = []
    kept_code = code if type(code) is str else str.__str__(code) if isinstance(code, str) else ""
    if len(kept_code) > 100 or _CODE.fullmatch(kept_code) is None:
        wrong.append(f"the code of a failure must be 1 to 100 letters, digits and `_.:-`; got {_described(code)}")
    elif redactor.text(kept_code) != kept_code:
        wrong.append("the code of a failure must hold no secret; got one")
    if not isinstance(message, str):
        wrong.append(f"the message of a failure must be a text; got {_described(message)}")
    if not isinstance(fatal, bool):
        wrong.append(f"`fatal` must be True or False; got {_described(fatal)}")
    kept_delay: int | None = None
    if delay is not None:
        found = read(delay)
        if isinstance(found, str):
            wrong.append(found)
        else:
            kept_delay = max(0, found)
    said = shown(message, redactor) if isinstance(message, str) else ""
    if not wrong:
        return ActionFailed(said, kept_code, is_fatal, kept_delay)
    told = f"; the action said: {said}" if said else ""
    return ActionFailed(shown("; ".join(wrong) + told, redactor), BAD_FAILURE, is_fatal)


def _nanoseconds(delay: object) -> int | str:
    if type(delay) is not int or delay > MAX_DELAY_NS:
        return f"`retry_after_ns` must be a whole number of nanoseconds, at most 365 days; got {_described(delay)}"
    return delay


def _delay(delay: object) -> int | str:
    """The delay of a `RetryAfter` in nanoseconds."""
    nanos: object = None
    match delay:
        case Duration():
            nanos = delay.nanos
        case timedelta():
            nanos = delay // timedelta(microseconds=1) * 1_000
        case bool():
            pass
        case int():
            nanos = int(delay) * 1_000_000_000
        case float() if math.isfinite(delay):
            nanos = round(min(max(float(delay), -1.0), 1e10) * 1_000_000_000)
        case _:
            pass
    if type(nanos) is not int or nanos > MAX_DELAY_NS:
        wanted = "a number of seconds, a timedelta or a Duration of at most 365 days"
        return f"the delay of `RetryAfter` must be {wanted}; got {_described(delay)}"
    return nanos


def _described(value: object) -> str:
    """An untrusted value in a few words: its `repr` may be huge, or raise."""
    if type(value) is float or (type(value) is int and -(10**20) < value < 10**20):
        return repr(value)
    if isinstance(value, str):
        text = str.__str__(value)
        shown_text = "".join([char if char.isprintable() else "\ufffd" for char in text[:40]])
        return f"`{shown_text}`" if len(text) <= 40 else f"a text of {len(text)} characters"
    return "a huge number" if type(value) is int else f"a {class_name(value)}"
