"""The exceptions of dagflow, by the person who has to act.

Anything else that escapes from a public function is a bug; please report it.
"""

from __future__ import annotations

import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from dagflow.diagnostic import Diagnostic

#: The number of characters of a reason and of a traceback; of a longer text its end remains, which contains the error itself.
_MOST_REASON: Final = 1_000
_MOST_TRACE: Final = 8_000


class DagflowError(Exception):
    """The base of every exception dagflow raises on purpose."""


class FlowInvalid(DagflowError):  # noqa: N818 - a verdict on the flow, not a fault of the program
    """A flow or an expression does not compile; its author has to act.

    Args:
        diagnostics: everything the compiler found, in source order.
        rendered: the same as text for a person.
    """

    diagnostics: tuple[Diagnostic, ...]
    rendered: str

    def __init__(self, diagnostics: Sequence[Diagnostic], rendered: str) -> None:
        super().__init__(rendered)
        self.diagnostics = tuple(diagnostics)
        self.rendered = rendered

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.diagnostics, self.rendered)


class ExpressionError(DagflowError):
    """The base of `ExpressionInvalid` and `EvaluationError`."""


class ExpressionInvalid(ExpressionError, FlowInvalid):  # noqa: N818 - named as `FlowInvalid` is
    """An expression does not parse or check; its author has to act."""


class EvaluationError(ExpressionError):
    """An expression failed while it was evaluated.

    Args:
        code: what happened, one word for programs: `divide_by_zero`, `overflow`, `no_such_key`, `no_such_field`,
            `index_out_of_range`, `bad_conversion`, `bad_argument`, `type_mismatch`, `no_such_overload`, `unknown_name`,
            `duplicate_key`, `absent`, `out_of_gas`, `too_large`, `too_deep`.
        message: the same for a person.
    """

    code: str
    message: str

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message)


class UsageError(DagflowError):
    """dagflow was called in a way that cannot work; the caller has to act."""


class NotFound(UsageError):  # noqa: N818 - says what happened
    """There is no run, flow, version or request of that name, or another tenant has it."""


class NotRetried(UsageError):  # noqa: N818 - says what happened
    """The run cannot go on from where it failed, or the step cannot be skipped, as the message says."""


class StoreError(DagflowError):
    """The store cannot be opened, read or written; the operator has to act."""


class StoreInUse(StoreError):  # noqa: N818 - says what happened
    """Another process drives the store; it can be opened when that stops."""


class WriteRefused(StoreError):  # noqa: N818 - says what happened
    """The store refuses one write: an unsuitable value, or a place or an id in use. It stored no part of it, and is sound."""


class NotServed(DagflowError):  # noqa: N818 - a state of the world
    """No process drives the runs of a store at the moment, or it stopped during the call; the caller may try again.

    Repeat a `send` or a `start` with the same id: what may have happened then happens once.
    """


class RunBlocked(DagflowError):  # noqa: N818 - a state of the run
    """One run cannot be driven any further; other runs are not affected. The operator of the host application has to act.

    The run stays in the store as it was committed last, and is tried again when the interpreter is opened again.

    Args:
        run: the id of the run.
        reason: why, in one sentence.
        trace: the traceback of the error behind it as text, or "".
    """

    run: str
    reason: str
    trace: str

    def __init__(self, run: str, reason: str, trace: str = "") -> None:
        super().__init__(f"run {run} is blocked: {reason}")
        self.run = run
        self.reason = reason
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.run, self.reason, self.trace)

    @classmethod
    def caused_by(cls, run: str, error: BaseException) -> RunBlocked:
        """The same for an error in driving the run; an error that is a RunBlocked already is returned unchanged."""
        if isinstance(error, RunBlocked):
            return error
        is_ours = isinstance(error, DagflowError) and not isinstance(error, DagflowBug)
        said = _printable(str(error)) if is_ours else f"{type(error).__name__} in dagflow: {_printable(str(error))}"
        blocked = cls(run, said, _printable("".join(traceback.format_exception(error)), _MOST_TRACE))
        blocked.__cause__ = error
        return blocked


class DagflowBug(DagflowError):  # noqa: N818 - says whose fault it is
    """dagflow broke one of its own rules. Please report it with the message."""


@contextmanager
def reading_run(run: str) -> Generator[None]:
    """Attribute errors to a run while its history is read. Raises StoreError or RunBlocked."""
    try:
        yield
    except (StoreError, RunBlocked):
        raise
    except Exception as error:
        blocked = RunBlocked.caused_by(run, error)
        raise RunBlocked(run, f"its history cannot be read: {blocked.reason}", blocked.trace) from error


def _printable(text: str, most: int = _MOST_REASON) -> str:
    """The end of a text without NUL and halves of surrogate pairs, so that any store can keep it."""
    return text[-most:].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
