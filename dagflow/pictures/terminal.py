"""A picture of boxes and lines for a terminal; a picture that is too wide becomes a list."""

from __future__ import annotations

from typing import Final

from dagflow.model.blocks import BlockKind
from dagflow.pictures.canvas import Canvas, Span
from dagflow.pictures.labels import Shape, Style
from dagflow.pictures.links import LinkKind
from dagflow.pictures.listing import listed
from dagflow.pictures.marks import NOTHING, Mark, Overlay, Tone
from dagflow.pictures.metrics import columns, plain, shortened
from dagflow.pictures.picture import Subject, lay_out
from dagflow.pictures.place import Drawn, Framed, Line, Sheet
from dagflow.pictures.terminal_measure import TextLooks
from dagflow.pictures.tones import tone_of

#: How wide words may be, the best first.
_WIDTHS: Final = (30, 24, 18, 14)
_DOTS: Final = {Shape.START: "●", Shape.END: "◉", Shape.WAY: "○"}
_ROUND: Final = frozenset({Shape.WAIT, Shape.FINISH, Shape.FAILURE})


def to_text(subject: Subject, heading: tuple[str, str], width: int, overlay: Overlay = NOTHING) -> list[list[Span]]:
    """A picture in rows of at most `width` cells."""
    rows = [[Span(shortened(plain(heading[0]), width, columns), is_strong=True)]]
    rows += [[Span(shortened(plain(heading[1]), width, columns), is_faint=True)]] if heading[1] else []
    rows += [[Span(shortened(plain(overlay.title), width, columns), overlay.tone)]] if overlay.title else []
    rows.append([])
    for widest in _WIDTHS:
        sheet = lay_out(subject, TextLooks(widest, width - 8), overlay)
        if sheet.width <= width:
            return rows + _drawn(sheet, overlay)
    return rows + listed(subject.outline, width, overlay)


def _drawn(sheet: Sheet, overlay: Overlay) -> list[list[Span]]:
    canvas = Canvas(sheet.width, sheet.height)
    for frame in sheet.frames:
        if frame.region.kind is not BlockKind.ROOT:
            _frame(canvas, frame, overlay)
    for drawn in sheet.shapes:
        _shape(canvas, drawn, overlay)
    for line in sheet.lines:
        _line(canvas, line, overlay)
    for line in sheet.lines:
        if line.label is not None:
            canvas.write(line.label.x, line.label.y, line.label.text, tone=tone_of(line.link, overlay), is_faint=True)
    for frame in sheet.frames:
        if frame.region.kind is not BlockKind.ROOT:
            _words(canvas, frame)
    return list(canvas.rows())


def _tone(key: str, overlay: Overlay) -> Tone:
    return overlay.marks.get(key, Mark(Tone.PLAIN)).tone


def _frame(canvas: Canvas, frame: Framed, overlay: Overlay) -> None:
    tone = _tone(frame.region.key, overlay)
    canvas.box(frame.x, frame.y, frame.width, frame.height, tone=tone, is_round=True, is_faint=True)


def _words(canvas: Canvas, frame: Framed) -> None:
    for line in frame.head.lines:
        if line.base == 0:
            text = f" {'⟳ ' if frame.region.kind is BlockKind.FOR else ''}{line.text} "
            canvas.write(frame.x + 2, frame.y, text, is_strong=True)
        else:
            canvas.write(frame.x + 2, frame.y + line.base, line.text, tone=line.tone, is_faint=line.tone is Tone.PLAIN)


def _line(canvas: Canvas, line: Line, overlay: Overlay) -> None:
    tone = tone_of(line.link, overlay)
    x, y = line.points[-1]
    kind = line.link.kind
    is_dashed = kind in {LinkKind.DATA, LinkKind.FAILURE}
    if kind is LinkKind.FAILURE and tone is Tone.PLAIN:
        tone = Tone.BAD
    start_x, start_y = line.points[0]
    # From within the border it leaves, so that the two join.
    canvas.line(
        [(start_x, start_y - 1), *line.points[:-1], (x, y - 1)], tone=tone, is_heavy=kind is LinkKind.AFTER, is_dashed=is_dashed
    )
    canvas.write(x, y - 1, "▼", tone=tone, is_faint=True)


def _shape(canvas: Canvas, drawn: Drawn, overlay: Overlay) -> None:
    face, x, y, tone = drawn.face, drawn.x, drawn.y, _tone(drawn.item.key, overlay)
    if face.shape in _DOTS:
        canvas.write(x, y, _DOTS[face.shape])
        return
    canvas.clear(x, y, face.width, face.height)
    canvas.box(x, y, face.width, face.height, tone=tone, is_round=face.shape in _ROUND)
    side = {Shape.DIAMOND: "◇", Shape.CALL: "║"}.get(face.shape)
    if side is not None:
        for level in (y + face.height // 2,) if face.shape is Shape.DIAMOND else range(y + 1, y + face.height - 1):
            canvas.write(x, level, side, tone=tone)
            canvas.write(x + face.width - 1, level, side, tone=tone)
    for line in face.lines:
        at = x + (face.width - columns(line.text)) // 2
        is_title = line.style is Style.TITLE
        is_faint = line.tone is Tone.PLAIN and line.style in {Style.SUB, Style.JOIN}
        canvas.write(at, y + line.base, line.text, tone=line.tone, is_strong=is_title, is_faint=is_faint)
