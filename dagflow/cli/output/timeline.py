"""A timeline in the terminal: a line for each step, with a bar for each attempt and wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Group
from rich.text import Text

from dagflow.app.timelines import timeline_of
from dagflow.cli.output.console import console
from dagflow.cli.output.picture_files import png_of, write_picture
from dagflow.cli.output.text import length, printable
from dagflow.clock import SystemClock
from dagflow.errors import UsageError
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow
from dagflow.pictures.marks import Tone
from dagflow.pictures.themes import Theme
from dagflow.pictures.timeline import Row, Timeline
from dagflow.pictures.timeline_svg import draw_timeline, page_of
from dagflow.store.api import Record

#: The character and the style of a bar; the characters alone tell the tones apart.
_BARS: Final = {
    Tone.GOOD: ("█", "green"),
    Tone.BAD: ("▓", "red"),
    Tone.STOPPED: ("▒", "yellow"),
    Tone.BUSY: ("▌", "blue"),
    Tone.WAITING: ("░", "magenta"),
    Tone.OFF: ("·", "dim"),
}
_KEY: Final = (
    (Tone.GOOD, "succeeded"),
    (Tone.BAD, "failed"),
    (Tone.STOPPED, "stopped"),
    (Tone.BUSY, "under way"),
    (Tone.WAITING, "waiting"),
    (Tone.OFF, "pause"),
)
_MOST_LABEL: Final = 40
_LEAST_BARS: Final = 20


def print_timeline(flow: Flow, result: RunResult, history: Sequence[Record], output: str | None) -> None:
    """Print the timeline of a run, or write it to a file.

    Raises:
        UsageError: the name of the file means no format, or it cannot be written.
    """
    timeline = timeline_of(flow, result, history, SystemClock().now(), printable)
    if output is None:
        out = console()
        out.print(drawn(timeline, out.width))
        return
    suffix = Path(output).suffix.lower()
    if suffix not in {".svg", ".png", ".html"}:
        raise UsageError(f"the file of a timeline must end in .svg, .png or .html; got {output}")
    svg = draw_timeline(timeline, length, Theme.LIGHT if suffix == ".png" else Theme.AUTO)
    match suffix:
        case ".png":
            write_picture(output, png_of(svg))
        case ".html":
            write_picture(output, page_of(svg, timeline.title).encode())
        case _:
            write_picture(output, svg.encode())


def drawn(timeline: Timeline, width: int) -> Group:
    """Return the timeline in lines of that many cells, if the labels leave room for the bars."""
    label_width = min(_MOST_LABEL, max((Text(row.label).cell_len for row in timeline.rows), default=0))
    ends = [f"{row.status} {length(row.end - row.start)}" for row in timeline.rows]
    bars = max(_LEAST_BARS, width - label_width - max(map(len, ends), default=0) - 4)
    lines = [Text(timeline.title, style="bold", no_wrap=True, overflow="ignore")]
    whole = length(timeline.end - timeline.start)
    scale = Text(" " * (label_width + 2) + "0" + " " * max(1, bars - 1 - len(whole)) + whole, style="dim", no_wrap=True)
    lines.append(scale)
    for row, end in zip(timeline.rows, ends, strict=True):
        line = Text(row.label, no_wrap=True, overflow="ignore")
        line.truncate(label_width, overflow="ellipsis", pad=True)
        lines.append(line.append("  ").append_text(_bar(timeline, row, bars)).append(f"  {end}"))
    lines.append(_key(timeline))
    return Group(*lines)


def _bar(timeline: Timeline, row: Row, width: int) -> Text:
    """The bar of a step: a stretch that is shorter than a cell still takes one."""
    cells: list[tuple[str, str]] = [(" ", "")] * width
    for stretch in row.stretches:
        first = min(width - 1, int(width * timeline.share(stretch.start)))
        last = max(first, min(width, round(width * timeline.share(stretch.end))) - 1)
        cells[first : last + 1] = [_BARS[stretch.tone]] * (last + 1 - first)
    bar = Text(no_wrap=True)
    for letter, style in cells:
        bar.append(letter, style=style or None)
    return bar


def _key(timeline: Timeline) -> Text:
    """What the characters mean that are there."""
    tones = {stretch.tone for row in timeline.rows for stretch in row.stretches}
    key = Text(no_wrap=True, overflow="ignore")
    for tone, word in _KEY:
        if tone in tones:
            letter, style = _BARS[tone]
            key.append("  " if key else "").append(letter, style=style).append(f" {word}", style="dim")
    return key
