"""Timing of a simulated run's calls, and their order at one instant: all that a crash may change about a run."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import attrs

from dagflow.ids import RunId

#: A run, a node of it, and which of the node's calls: how many have failed before; or when its timer is due.
Key: TypeAlias = tuple[RunId, int, int]
_UNKNOWN: Final = math.nextafter(math.inf, 0)


@attrs.define(eq=False)
class Timing:
    """The timing that a simulated run records, for another run to follow.

    Attributes:
        began: when each call began for the first time. A call that a crash interrupted is repeated, and is the same one.
        lengths: how long each took from then on, and whether that was too long for its step.
        order: which calls were answered and timers fired, numbered from 1.
        turns: which call of its script each was, from 0.
        n_turns: how many calls each script has had, by its identity.
    """

    began: dict[Key, int] = attrs.field(factory=dict)
    lengths: dict[Key, tuple[int, bool]] = attrs.field(factory=dict)
    order: dict[Key, int] = attrs.field(factory=dict)
    turns: dict[Key, int] = attrs.field(factory=dict)
    n_turns: dict[int, int] = attrs.field(factory=dict)

    def begin(self, key: Key, now: int, ends_at: int, is_late: bool) -> None:
        """A call begins, or begins again."""
        self.lengths[key] = (ends_at - self.began.setdefault(key, now), is_late)

    def happened(self, key: Key) -> None:
        """A call was answered, or a timer fired."""
        self.order[key] = len(self.order) + 1

    def tie(self, key: Key) -> float:
        """Where something stands among what happens at one instant."""
        return self.order.get(key, _UNKNOWN)

    def keep_turns(self, like: Timing) -> None:
        """Each call is the same call of its script as in another run."""
        self.turns |= like.turns
        self.n_turns |= like.n_turns

    def turn(self, key: Key, script: int, n_scripts: int) -> int:
        """Which of the answers that a script has in turn a call gets: the next one, and the last one for ever."""
        if key not in self.turns:
            self.turns[key] = self.n_turns[script] = self.n_turns.get(script, -1) + 1
        return min(self.turns[key], n_scripts - 1)
