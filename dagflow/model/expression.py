"""A checked expression: the result of the compiler, and the input of drivers."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Span
from dagflow.model.types import Type


@attrs.frozen
class Expression:
    """A checked expression.

    Attributes:
        text: as the author wrote it.
        type: of its value; the value comes out in stored form (`model.values`).
        reads: names of the variables it reads, in order of first use.
        core: the checked form the emitter turns into code: nested tuples of str, int, float, bool and None.
        cost: the static bound on its evaluation steps.
    """

    text: str
    span: Span
    type: Type
    reads: tuple[str, ...]
    core: object
    cost: int = 0


@attrs.frozen
class Argument:
    """A named argument of a call."""

    name: str
    value: Expression
