"""A timeline as SVG: a row for each step, a bar for each attempt and wait. Words are escaped as in every picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from xml.sax.saxutils import escape

from dagflow.pictures.labels import Style
from dagflow.pictures.metrics import plain, shortened
from dagflow.pictures.svg import BASE
from dagflow.pictures.svg_measure import measure_of
from dagflow.pictures.themes import Theme, style_of
from dagflow.pictures.timeline import Row, Stretch, Timeline

_MARGIN: Final = 24
_ROW: Final = 26
_BAR: Final = 14
_BARS: Final = 640
_MOST_LABEL: Final = 260
_LENGTHS: Final = 120
_LEAST_BAR: Final = 2
_TICKS: Final = 4
_TOP: Final = 64


def draw_timeline(timeline: Timeline, length: Callable[[int], str], theme: Theme = Theme.LIGHT) -> str:
    """Return the picture. `length` writes a number of nanoseconds in words."""
    measure = measure_of(Style.TITLE)
    labels = [shortened(plain(row.label), _MOST_LABEL, measure) for row in timeline.rows]
    left = _MARGIN + max((measure(label) for label in labels), default=0) + 16
    width = left + _BARS + _LENGTHS + _MARGIN
    height = _TOP + _ROW * len(timeline.rows) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{_text(timeline.title)}</title>",
        f"<style>{BASE}{style_of(theme)}</style>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
        f'<text class="title" x="{_MARGIN}" y="28">{_text(shortened(plain(timeline.title), width - 2 * _MARGIN, measure))}</text>',
        *_ticks(timeline, length, left, height),
    ]
    for number, (row, label) in enumerate(zip(timeline.rows, labels, strict=True)):
        y = _TOP + _ROW * number
        parts.append(f'<text class="title" x="{_MARGIN}" y="{y + 11}">{_text(label)}</text>')
        parts += [_bar(timeline, stretch, left, y) for stretch in row.stretches]
        parts.append(
            f'<text class="more" x="{left + _BARS + 8}" y="{y + 11}">{_text(f"{row.status} {length(_took(row))}")}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def page_of(svg: str, title: str) -> str:
    """Return an HTML page that shows a picture and nothing else."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n<body>\n{svg}</body>\n</html>\n"
    )


def _ticks(timeline: Timeline, length: Callable[[int], str], left: int, height: int) -> Iterator[str]:
    whole = timeline.end - timeline.start
    for number in range(_TICKS + 1):
        x = left + _BARS * number // _TICKS
        yield f'<path class="line data" d="M{x} {_TOP - 8}V{height - _MARGIN}"/>'
        yield f'<text class="more middle" x="{x}" y="{_TOP - 14}">{_text(length(whole * number // _TICKS))}</text>'


def _bar(timeline: Timeline, stretch: Stretch, left: int, y: int) -> str:
    start, end = (round(_BARS * timeline.share(at)) for at in (stretch.start, stretch.end))
    start, width = min(start, _BARS - _LEAST_BAR), max(end - start, _LEAST_BAR)
    where = f'x="{left + start}" y="{y}" width="{width}" height="{_BAR}"'
    return f'<rect class="shape is-{stretch.tone.value}" rx="2" {where}><title>{_text(stretch.words)}</title></rect>'


def _took(row: Row) -> int:
    return row.end - row.start


def _text(text: str) -> str:
    return escape(plain(text))
