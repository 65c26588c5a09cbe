"""The exceptions of dagflow, split by who has to act.

Anything else that escapes from a public function is a bug; please report it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagflow.diagnostic import Diagnostic


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


class ExpressionError(FlowInvalid):
    """An expression does not parse or check, or (`EvaluationError`) failed while it was evaluated."""


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
        super().__init__((), message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message)


class UsageError(DagflowError):
    """dagflow was called in a way that cannot work; the caller has to act."""


class StoreError(DagflowError):
    """The store cannot be opened, read or written; the operator has to act."""


class DagflowBug(DagflowError):  # noqa: N818 - says whose fault it is
    """dagflow broke one of its own rules. Please report it with the message."""
