"""Overlays of a picture: a run, the coverage of a test, or changes. Signs and words carry the meaning; colour repeats it."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs


class Tone(enum.StrEnum):
    """The colour of a mark."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    #: Did not happen.
    OFF = "off"
    #: Under way.
    BUSY = "busy"
    WAITING = "waiting"
    STOPPED = "stopped"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@attrs.frozen
class Mark:
    """The mark of one item. `notes`: lines below its words, the first behind its sign."""

    tone: Tone
    sign: str = ""
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Overlay:
    """The marks of a whole picture.

    Attributes:
        title: such as how the run ended; a line above the picture.
        marks: by the keys of items.
        outcomes: for conditions, by key, the tone of each outcome, by its index.
    """

    title: str = ""
    tone: Tone = Tone.PLAIN
    marks: Mapping[str, Mark] = attrs.field(factory=dict[str, Mark])
    outcomes: Mapping[str, Mapping[int, Tone]] = attrs.field(factory=dict[str, Mapping[int, Tone]])


#: No marks.
NOTHING = Overlay()
