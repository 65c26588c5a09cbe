"""Invocations of actions, and the exceptions by which calls fail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from dagflow.errors import DagflowError
from dagflow.model.values import Duration, Timestamp


@attrs.frozen(kw_only=True)
class Invocation:
    """One call of an action.

    Attributes:
        arguments: by name, in stored form.
        effect_key: the same for all attempts of one node of one run.
        tenant: of the run, or "".
        flow: the name of the flow; for a step of a called flow that of the called one.
        deadline: when its time is over and the call is stopped; None if it has no limit.
    """

    action: str
    arguments: Mapping[str, object]
    effect_key: str
    attempt: int
    run: str
    node: str
    tenant: str = ""
    flow: str = ""
    deadline: Timestamp | None = None


class ActionFailed(DagflowError):  # noqa: N818 - a fact about the world, not a fault of the program
    """A call failed.

    Args:
        message: the failure in words, for a person.
        code: the failure as a code, for `retry … only` and handlers, such as `timeout`.
        fatal: whether a retry is useless.
        retry_after_ns: how long to wait before the next attempt; overrides the policy.

    Attributes:
        traceback: of the underlying exception, without secrets; "" if it has none of use.
    """

    traceback: str = ""

    def __init__(self, message: str, code: str = "failed", fatal: bool = False, retry_after_ns: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fatal = fatal
        self.retry_after_ns = retry_after_ns

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.code, self.fatal, self.retry_after_ns)


class Fatal(DagflowError):  # noqa: N818 - raised by a host's action when a retry is useless
    """Raised by an action: it failed, and every further attempt would fail too.

    Args:
        code: for `retry … only` and handlers.
    """

    def __init__(self, message: str, code: str = "fatal") -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.code)


class RetryAfter(DagflowError):  # noqa: N818 - raised by a host's action to delay the next attempt
    """Raised by an action: it failed, and the next attempt, if the step has one left, should begin after `delay`.

    Args:
        delay: the least delay, at most 365 days; a bare number counts seconds. A negative delay counts as none.
    """

    def __init__(self, delay: timedelta | Duration | float, message: str = "busy", code: str = "busy") -> None:
        super().__init__(message)
        self.delay = delay
        self.message = message
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.delay, self.message, self.code)
