"""What a call is made of, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dagflow.errors import DagflowError


@attrs.frozen(kw_only=True)
class Invocation:
    """One call of an action.

    Attributes:
        arguments: by name, in stored form.
        effect_key: the same for all attempts of one node of one run.
    """

    action: str
    arguments: Mapping[str, object]
    effect_key: str
    attempt: int
    run: str
    node: str


class ActionFailed(DagflowError):  # noqa: N818 - a fact about the world, not a fault of the program
    """A call failed.

    Args:
        code: for `retry … only` and handlers, such as `timeout`.
        fatal: never worth a retry.
        retry_after_ns: how long to wait before the next attempt; overrides the policy.
    """

    def __init__(self, code: str, message: str, fatal: bool = False, retry_after_ns: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fatal = fatal
        self.retry_after_ns = retry_after_ns

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message, self.fatal, self.retry_after_ns)
