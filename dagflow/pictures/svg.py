"""A picture as SVG. Every word is escaped as text; nothing in a flow can become markup, a link or a script."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from dagflow.model.blocks import BlockKind
from dagflow.pictures.labels import Shape, Style, words_of
from dagflow.pictures.links import LinkKind
from dagflow.pictures.marks import NOTHING, Overlay, Tone
from dagflow.pictures.measure import Face, Written
from dagflow.pictures.metrics import plain, shortened
from dagflow.pictures.outline import Leaf
from dagflow.pictures.place import Drawn, Framed, Label, Line, Sheet
from dagflow.pictures.svg_measure import EXTRA, SIZES, measure_of
from dagflow.pictures.themes import Theme, style_of
from dagflow.pictures.tones import tone_of

_MARGIN: Final = 24
_RADIUS: Final = 7
_TIP: Final = 8
_FACES: Final = "Inter,'Segoe UI','Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
BASE: Final = f"""text{{font-family:{_FACES};font-size:11px}}
.title{{font-size:{SIZES[Style.TITLE]}px;font-weight:600}}
.condition{{font-size:{SIZES[Style.CONDITION]}px}}
.join{{font-style:italic}}
.heading{{font-size:17px;font-weight:600}}
.middle{{text-anchor:middle}}
.shape{{stroke-width:1.3}}
.frame{{stroke-width:1.2}}
.line{{fill:none;stroke-width:1.5}}
.after{{stroke-width:2.4}}
.data{{stroke-dasharray:2 4}}
.failed{{stroke-dasharray:6 4}}
.icon{{fill:none;stroke-width:1.5;stroke-linecap:round}}
.removed{{text-decoration:line-through}}
"""
_CLASSES: Final = {
    Shape.DIAMOND: "gate",
    Shape.WAIT: "wait",
    Shape.VALUE: "value",
    Shape.FINISH: "finish",
    Shape.FAILURE: "failure",
}
_KINDS: Final = {LinkKind.ORDER: "", LinkKind.AFTER: " after", LinkKind.DATA: " data", LinkKind.FAILURE: " failed"}


def to_svg(sheet: Sheet, heading: tuple[str, str], overlay: Overlay = NOTHING, theme: Theme = Theme.LIGHT) -> str:
    """A laid out picture as an SVG document, with a heading and marks."""
    lines = _heading(heading, overlay)
    width = max(sheet.width, *(width for width, _, _ in lines)) + 2 * _MARGIN
    top = _MARGIN + sum(height for _, height, _ in lines) + 12
    height = top + sheet.height + _MARGIN
    left = _MARGIN + (width - 2 * _MARGIN - sheet.width) // 2
    drawing = _Drawing(overlay)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{_text(heading[0])}</title>",
        f"<style>{BASE}{style_of(theme)}</style>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
    ]
    y = _MARGIN
    for _, step, part in lines:
        y += step
        parts.append(part.replace("@y", str(y - 6)))
    parts.append(f'<g transform="translate({left} {top})">')
    parts += (part for frame in sheet.frames for part in drawing.frame(frame))
    parts += (part for line in sheet.lines for part in drawing.line(line))
    parts += (part for line in sheet.lines for part in drawing.label(line))
    parts += (part for drawn in sheet.shapes for part in drawing.shape(drawn))
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def _heading(heading: tuple[str, str], overlay: Overlay) -> list[tuple[int, int, str]]:
    """The lines above a picture: how wide and high each is, and the element, whose y is still open."""
    found: list[tuple[int, int, str]] = []
    for text, style, size in ((heading[0], "heading", 17), (heading[1], "more", 11), (overlay.title, "title", 13)):
        if text:
            measure = measure_of(Style.TITLE)
            shown = shortened(plain(text), 900 * 13 // size, measure)
            tone = f" is-{overlay.tone.value}" if text == overlay.title and overlay.tone is not Tone.PLAIN else ""
            element = f'<text class="{style}{tone}" x="{_MARGIN}" y="@y">{_text(shown).replace("@", "&#64;")}</text>'
            found.append((measure(shown) * size // 13, size + 7, element))
    return found


class _Drawing:
    """Makes elements of the parts of a sheet."""

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay

    def frame(self, frame: Framed) -> Iterator[str]:
        region = frame.region
        if region.kind is BlockKind.ROOT:
            return
        tone = self._tone(region.key).replace("is-", "in-")  # its border alone: the items in it have tones of their own
        yield f"<g data-region={quoteattr(plain(region.key))}>"
        where = f'width="{frame.width}" height="{frame.height}" rx="10"'
        if region.kind is BlockKind.FOR:
            # Two more edges behind: this is done many times.
            for shift in (6, 3):
                yield f'<rect class="frame {region.kind.value}" x="{frame.x + shift}" y="{frame.y + shift}" {where}/>'
        yield f'<rect class="frame {region.kind.value}{tone}" x="{frame.x}" y="{frame.y}" {where}/>'
        for line in frame.head.lines:
            yield _words(line, frame.x + 12, frame.y + line.base, "more")
        yield "</g>"

    def shape(self, drawn: Drawn) -> Iterator[str]:
        yield f"<g data-{'step' if isinstance(drawn.item, Leaf) else 'region'}={quoteattr(plain(drawn.item.key))}>"
        tip = _tip(drawn)
        if tip:
            yield f"<title>{_text(tip)}</title>"
        mark = self.overlay.marks.get(drawn.item.key)
        yield from _outline(drawn.face, drawn.x, drawn.y, self._tone(drawn.item.key))
        before, behind = EXTRA.get(drawn.face.shape, (0, 0))
        middle = drawn.x + (drawn.face.width + before - behind) // 2
        for line in drawn.face.lines:
            is_struck = mark is not None and mark.tone is Tone.REMOVED and line.style is Style.TITLE
            yield _words(line, middle, drawn.y + line.base, "middle removed" if is_struck else "middle")
        yield "</g>"

    def line(self, line: Line) -> Iterator[str]:
        tone = self._line_tone(line)
        kind = _KINDS[line.link.kind]
        x, y = line.points[-1]
        points = [*line.points[:-1], (x, y - _TIP + 2)]
        parts = "".join(_path(part) for part in _around(points, line.label))
        ends = f"data-from={quoteattr(plain(line.link.source.key))} data-to={quoteattr(plain(line.link.target.key))}"
        yield f'<g {ends}><path class="line{kind}{tone}" d="{parts}"/>'
        yield f'<path class="tip{kind}{tone}" d="M{x - 4} {y - _TIP}h8L{x} {y}z"/></g>'

    def label(self, line: Line) -> Iterator[str]:
        label = line.label
        if label is None:
            return
        tone = self._line_tone(line)
        yield (f'<text class="sub middle{tone}" x="{label.x + label.width // 2}" y="{label.y + 12}">{_text(label.text)}</text>')

    def _tone(self, key: str) -> str:
        mark = self.overlay.marks.get(key)
        return "" if mark is None or mark.tone is Tone.PLAIN else f" is-{mark.tone.value}"

    def _line_tone(self, line: Line) -> str:
        tone = tone_of(line.link, self.overlay)
        return "" if tone is Tone.PLAIN else f" is-{tone.value}"


def _outline(face: Face, x: int, y: int, tone: str) -> Iterator[str]:
    width, height = face.width, face.height
    kind = f"shape {_CLASSES.get(face.shape, '')}".strip() + tone
    where = f'class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"'
    match face.shape:
        case Shape.START:
            yield f'<circle class="dot" cx="{x + width // 2}" cy="{y + height // 2}" r="{width // 2}"/>'
        case Shape.WAY:
            yield f'<circle class="shape" cx="{x + width // 2}" cy="{y + height // 2}" r="{width // 2}"/>'
        case Shape.END:
            yield f'<circle class="shape" cx="{x + width // 2}" cy="{y + height // 2}" r="{width // 2}"/>'
            yield f'<circle class="dot" cx="{x + width // 2}" cy="{y + height // 2}" r="3"/>'
        case Shape.DIAMOND:
            half, rise = width // 2, height // 2
            yield f'<path class="{kind}" d="M{x + half} {y}l{half} {rise}l{-half} {rise}l{-half} {-rise}z"/>'
        case Shape.SIGNAL:
            edge = width - 12
            yield f'<path class="{kind}" d="M{x} {y}h{edge}l12 {height // 2}l-12 {height - height // 2}h{-edge}z"/>'
        case Shape.WAIT:
            yield f'<rect {where} rx="{min(18, height // 2)}"/>'
            cx, cy = x + 19, y + height // 2
            yield f'<circle class="icon" cx="{cx}" cy="{cy}" r="7.5"/><path class="icon" d="M{cx} {cy - 4}v4l3 2"/>'
        case Shape.FINISH | Shape.FAILURE:
            yield f'<rect {where} rx="{min(16, height // 2)}"/>'
        case Shape.CALL:
            yield f'<rect {where} rx="3"/>'
            yield f'<path class="{kind}" d="M{x + 5} {y}v{height}M{x + width - 5} {y}v{height}"/>'
        case Shape.STACK:
            for shift in (6, 3):
                yield f'<rect class="{kind}" x="{x + shift}" y="{y + shift}" width="{width - 6}" height="{height - 6}" rx="6"/>'
            yield f'<rect class="{kind}" x="{x}" y="{y}" width="{width - 6}" height="{height - 6}" rx="6"/>'
        case _:
            yield f'<rect {where} rx="6"/>'


def _words(line: Written, x: int, y: int, more: str) -> str:
    tone = "" if line.tone is Tone.PLAIN else f" is-{line.tone.value}"
    anchor = more if more != "more" else ""
    return f'<text class="{f"{line.style.value} {anchor}".strip()}{tone}" x="{x}" y="{y}">{_text(line.text)}</text>'


def _around(points: list[tuple[int, int]], label: Label | None) -> list[list[tuple[int, int]]]:
    """A line in two parts, one that comes to its word and one that goes on behind it."""
    if label is None:
        return [points]
    top, bottom = label.y, label.y + label.height
    for at, ((x, start), (_, end)) in enumerate(itertools.pairwise(points), start=1):
        if start <= top and bottom <= end and label.x <= x <= label.x + label.width:
            return [[*points[:at], (x, top)], [(x, bottom), *points[at:]]]
    return [points]  # pragma: no cover - a word has a row of its own, through which its line goes down


def _path(points: Sequence[tuple[int, int]]) -> str:
    """A line with round corners."""
    parts = [f"M{points[0][0]} {points[0][1]}"]
    for before, corner, behind in zip(points, points[1:], points[2:], strict=False):
        reach = min(_RADIUS, _length(before, corner) // 2, _length(corner, behind) // 2)
        start, end = _towards(corner, before, reach), _towards(corner, behind, reach)
        parts.append(f"L{start[0]} {start[1]}Q{corner[0]} {corner[1]} {end[0]} {end[1]}")
    parts.append(f"L{points[-1][0]} {points[-1][1]}")
    return "".join(parts)


def _length(one: tuple[int, int], other: tuple[int, int]) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(corner: tuple[int, int], goal: tuple[int, int], reach: int) -> tuple[int, int]:
    def step(a: int, b: int) -> int:
        return a + (reach if b > a else -reach if b < a else 0)

    return step(corner[0], goal[0]), step(corner[1], goal[1])


def _tip(drawn: Drawn) -> str:
    """The tooltip of a step: the author's comment above it, and its words if they are cut."""
    item = drawn.item
    if not isinstance(item, Leaf) or item.node is None:
        return ""
    is_cut = any(line.text.endswith("…") for line in drawn.face.lines)
    whole = [text for text, _ in words_of(item).lines] if is_cut else []
    return "\n".join(plain(text) for text in (item.node.doc, *whole) if text)


def _text(text: str) -> str:
    return escape(text, {'"': "&quot;"})
