"""Check the values that a caller passes to an interpreter, so that no history has values that a store cannot keep.

Every public method calls these before it changes anything. A caller that hands in something else gets a UsageError.
"""

from __future__ import annotations

from typing import Final

import trio

from dagflow.errors import UsageError
from dagflow.ids import RunId

#: Characters of the name and of the id of an event, and of the id of a run that a caller chooses.
MOST_NAME: Final = 200
#: Bytes of JSON that a compiled flow may have: the store takes it whole.
MAX_FLOW: Final = 8 * 1024 * 1024
#: Characters of the id of a run: those of child runs have the names of all steps above.
_MOST_RUN_ID: Final = 100_000
_INT64_MAX: Final = 2**63 - 1


def checked_text(text: object, what: str) -> str:
    """A name or an id. Raises UsageError: it is no text of 1 to 200 characters that UTF-8 can encode.

    `what` begins the message: "the name of an event".
    """
    if not isinstance(text, str):
        raise UsageError(f"{what} must be a text; got {type(text).__name__}")
    if not 0 < len(text) <= MOST_NAME:
        raise UsageError(f"{what} must have 1 to {MOST_NAME} characters; got {len(text)}")
    if not _is_unicode(text):
        raise UsageError(f"{what} must be Unicode; got half of a surrogate pair")
    return str.__str__(text)


def checked_run(run_id: object) -> RunId:
    """The id of a run. Raises UsageError: no run has such an id."""
    if not isinstance(run_id, str) or len(run_id) > _MOST_RUN_ID or not _is_unicode(run_id):
        raise UsageError(f"the id of a run must be a text; got {_shown(run_id)}")
    return RunId(run_id)


def checked_count(number: object, what: str) -> int:
    """A limit. Raises UsageError: it is no whole number, or negative."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise UsageError(f"{what} must be a whole number of 0 or more; got {_shown(number)}")
    return min(number, _INT64_MAX)


def checked_instant(instant: object, what: str) -> int:
    """Nanoseconds since 1970 UTC. Raises UsageError: it is no whole number of 64 bits."""
    if not isinstance(instant, int) or isinstance(instant, bool) or not -_INT64_MAX <= instant <= _INT64_MAX:
        raise UsageError(f"{what} must be nanoseconds since 1970 as an int of 64 bits; got {_shown(instant)}")
    return instant


def check_rates(*, concurrency: int, **rates: int | None) -> None:
    """Raises UsageError: there is no room for a single call, or a rate is less than one a second."""
    if concurrency < 1:
        raise UsageError(f"concurrency is {concurrency}; at least one attempt has to run at a time")
    for name, rate in rates.items():
        if rate is not None and rate < 1:
            raise UsageError(f"{name} is {rate}; it has to be at least 1, or None for no bound")


def _shown(value: object) -> str:
    """A short value itself, of others the type: the text of a value may be as large as the value is hostile."""
    if isinstance(value, str):
        return f"{value[:40]!r}"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 1 << 70):
        return repr(value)
    return type(value).__name__


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_in_trio() -> None:
    """Raises UsageError: another event loop than trio's runs here, or none."""
    if not trio.lowlevel.in_trio_run():
        raise UsageError(
            "the interpreter must run inside trio: call `trio.run(main)`. In an asyncio program use `dagflow.asyncio`, and without an event"
            " loop `dagflow.blocking`"
        )


def checked_by(by: str) -> str:
    """Return who asks for something, for a history: a short text, or "". Raises UsageError."""
    return checked_text(by, "`by`") if by else ""
