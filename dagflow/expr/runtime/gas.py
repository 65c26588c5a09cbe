"""Gas: the steps and sizes that one evaluation may use, so that no expression takes long or much memory, whatever its input.

A step is an element visited times the operators applied to it; a kibibyte read is a step too. Sizes count the output of the
evaluation: characters, bytes, and eight for each element of a list or map. Prices are measured (`tests/expr/test_gas.py`): a
step takes at most 5 µs, all of the steps 50 ms.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Final, NoReturn, TypeVar

from dagflow.errors import EvaluationError

STEP_LIMIT: Final = 10_000
SIZE_LIMIT: Final = 1 << 20
#: The size of one element of a list or map.
ELEMENT_SIZE: Final = 8

#: From here on `str.find` takes linear time, whatever the part.
_LONG_TEXT: Final = 30_000

_S = TypeVar("_S", bound=Sized)


class Exhausted(EvaluationError):  # noqa: N818 - says what happened
    """The gas is used up. Unlike other errors `&&`, `||`, `all` and `exists` do not absorb it."""


class Gas:
    """The budget of one evaluation; every method raises `Exhausted` when it is used up."""

    __slots__ = ("_seen", "size", "steps")

    steps: int
    size: int
    _seen: set[str] | None

    def __init__(self) -> None:
        self.steps = STEP_LIMIT
        self.size = SIZE_LIMIT
        self._seen = None

    def is_new(self, pattern: str) -> bool:
        """Whether the evaluation has not asked for this pattern before."""
        if self._seen is None:
            self._seen = set()
        if pattern in self._seen:
            return False
        self._seen.add(pattern)
        return True

    def each(self, items: _S, cost: int) -> _S:
        """The items, paid for: `cost` steps for each."""
        self.steps -= len(items) * cost
        if self.steps < 0:
            _out_of_steps()
        return items

    def scan(self, value: _S) -> _S:
        """The value, paid for reading all of it."""
        self.steps -= len(value) >> 10
        if self.steps < 0:
            _out_of_steps()
        return value

    def search(self, text: str, part: str, *, is_backwards: bool = False) -> str:
        """The text, paid for looking for a part in it.

        Python looks in about `len(text) * len(part)` where the text is short or it looks from the end, and in linear time otherwise.
        """
        length = len(text)
        self.steps -= (length >> 10) + (length * min(len(part), 8 if length >= _LONG_TEXT and not is_backwards else 100) >> 13)
        if self.steps < 0:
            _out_of_steps()
        return text

    def use(self, steps: int) -> None:
        """Pay for work that is neither an element nor a text."""
        self.steps -= steps
        if self.steps < 0:
            _out_of_steps()

    def make(self, size: int) -> None:
        """Pay for `size` characters or bytes, before making them."""
        self.size -= size
        if self.size < 0:
            raise Exhausted("too_large", f"this expression makes more than {SIZE_LIMIT} characters or bytes")


def _out_of_steps() -> NoReturn:
    raise Exhausted("out_of_gas", f"this expression needs more than {STEP_LIMIT} steps")
