"""The tone of a line, which follows from its ends: taken or not, added or removed."""

from __future__ import annotations

from dagflow.pictures.links import Link
from dagflow.pictures.marks import Mark, Overlay, Tone
from dagflow.pictures.outline import Item, Leaf


def tone_of(link: Link, overlay: Overlay) -> Tone:
    """The tone of a line under an overlay."""
    if link.outcome is not None and link.source.key in overlay.outcomes:
        return overlay.outcomes[link.source.key].get(link.outcome, Tone.OFF)
    tones = {_of(link.source, overlay), _of(link.target, overlay)}
    return next((tone for tone in (Tone.REMOVED, Tone.ADDED, Tone.OFF) if tone in tones), Tone.PLAIN)


def _of(item: Item, overlay: Overlay) -> Tone:
    """The tone of an end of a line; the shape of an outcome has that of the outcome."""
    if isinstance(item, Leaf) and item.gate:
        if item.gate in overlay.outcomes:
            return overlay.outcomes[item.gate].get(item.outcome, Tone.OFF)
        return overlay.marks.get(item.gate, Mark(Tone.PLAIN)).tone
    return overlay.marks.get(item.key, Mark(Tone.PLAIN)).tone
