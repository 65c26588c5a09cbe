"""The timeline of a run as data: for each step the stretches of time that it took, in the order in which the steps began."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.pictures.marks import Tone


@attrs.frozen
class Stretch:
    """A stretch of time of a step.

    Attributes:
        start, end: nanoseconds since 1970 UTC.
        tone: GOOD, BAD and STOPPED for an attempt that has ended so, BUSY for one under way, WAITING for time or an event, and OFF for the
            pause before another attempt.
        words: what it was, such as `attempt 2: timeout`.
    """

    start: int
    end: int
    tone: Tone
    words: str


@attrs.frozen
class Row:
    """A step: its label, how it ended as a word, and its stretches, none of which overlap."""

    label: str
    status: str
    stretches: Sequence[Stretch]

    @property
    def start(self) -> int:
        """When it began."""
        return self.stretches[0].start

    @property
    def end(self) -> int:
        """When it ended, or how far it has come."""
        return self.stretches[-1].end


@attrs.frozen
class Timeline:
    """The time of a run. `end`: when it ended; for a run that goes on, the instant it is looked at. `title`: the run in a line."""

    title: str
    start: int
    end: int
    rows: Sequence[Row]

    def share(self, at: int) -> float:
        """How far an instant lies between the start and the end, from 0 to 1."""
        return min(1.0, max(0.0, (at - self.start) / max(1, self.end - self.start)))
