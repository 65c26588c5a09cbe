"""A flow as a picture: from a compiled flow to a laid out sheet, and to SVG."""

from __future__ import annotations

import attrs

from dagflow.model.flow import Flow
from dagflow.pictures.folding import MOST_SHAPES, fold
from dagflow.pictures.labels import heading_of
from dagflow.pictures.links import Link, wire
from dagflow.pictures.marks import NOTHING, Overlay
from dagflow.pictures.measure import Looks
from dagflow.pictures.outline import Outline, outline_of
from dagflow.pictures.place import Sheet, place
from dagflow.pictures.svg import to_svg
from dagflow.pictures.svg_measure import SvgLooks
from dagflow.pictures.themes import Theme


@attrs.frozen
class Subject:
    """The subject of a picture: the steps in their blocks, and the lines."""

    outline: Outline
    links: tuple[Link, ...]

    @classmethod
    def of(cls, flow: Flow, most: int = MOST_SHAPES) -> Subject:
        """A flow, with at most so many shapes if it has regions to fold; 0 for all there are."""
        outline = outline_of(flow)
        if most:
            fold(outline, most)
        return cls(outline, tuple(wire(outline)))


def lay_out(subject: Subject, looks: Looks, overlay: Overlay = NOTHING) -> Sheet:
    """Lay out a subject on a sheet."""
    return place(subject.outline, subject.links, looks, overlay)


def draw_svg(flow: Flow, overlay: Overlay = NOTHING, theme: Theme = Theme.LIGHT, most: int = MOST_SHAPES) -> str:
    """A flow as SVG."""
    subject = Subject.of(flow, most)
    return to_svg(lay_out(subject, SvgLooks(), overlay), heading_of(flow), overlay, theme)
