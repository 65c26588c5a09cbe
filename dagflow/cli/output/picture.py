"""Pictures on a terminal: their tones as its colours."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from dagflow.pictures.canvas import Span
from dagflow.pictures.marks import Overlay, Tone
from dagflow.pictures.picture import Subject
from dagflow.pictures.terminal import to_text

_STYLES: Final = {
    Tone.PLAIN: "",
    Tone.GOOD: "green",
    Tone.BAD: "red",
    Tone.OFF: "dim",
    Tone.BUSY: "cyan",
    Tone.WAITING: "blue",
    Tone.STOPPED: "yellow",
    Tone.ADDED: "green",
    Tone.REMOVED: "red",
    Tone.CHANGED: "yellow",
}


def drawing(subject: Subject, overlay: Overlay, heading: tuple[str, str], width: int) -> Text:
    """Return a picture no wider than this."""
    text = Text(no_wrap=True, overflow="ignore")
    for number, row in enumerate(to_text(subject, heading, width, overlay)):
        if number:
            text.append("\n")
        for span in row:
            text.append(span.text, style=_style(span))
    return text


def _style(span: Span) -> str:
    style = _STYLES[span.tone]
    if span.is_strong:
        return f"bold {style}".strip()
    return f"dim {style}".strip() if span.is_faint and span.tone is Tone.PLAIN else style
