"""Single values as text: timestamps, durations, statuses and JSON, without characters that could steer a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from dagflow.app.documents.values import plain
from dagflow.model.lengths import parts_of
from dagflow.model.status import NodeStatus, RunStatus

_SIGNS: Final = {
    NodeStatus.SUCCEEDED: ("✓", "green"),
    NodeStatus.FAILED: ("✗", "bold red"),
    NodeStatus.PRUNED: ("–", "dim"),
    NodeStatus.CANCELLED: ("⊘", "yellow"),
    NodeStatus.RUNNING: ("▶", "cyan"),
    NodeStatus.READY: ("▷", "cyan"),
    NodeStatus.WAITING: ("◔", "blue"),
    NodeStatus.PENDING: ("·", "dim"),
}
RUN_STYLE: Final = {
    RunStatus.SUCCEEDED: "bold green",
    RunStatus.FAILED: "bold red",
    RunStatus.FAILED_DIRTY: "bold red reverse",
    RunStatus.CANCELLED: "bold yellow",
}


def instant(nanos: int | None, *, is_short: bool = False) -> str:
    """Return a timestamp in UTC to the second, or ""; a short one has no year."""
    if nanos is None:
        return ""
    try:
        return datetime.fromtimestamp(nanos // 1_000_000_000, UTC).strftime(f"{'' if is_short else '%Y-'}%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "far away"


def counted(number: int, word: str) -> str:
    """Return a number with its noun: `1 run`, `2 runs`."""
    return f"{number} {word}" + "s" * (number != 1)


def length(nanos: int) -> str:
    """Return a duration in its two largest units: `2d`, `1h 5m`, `3.2s`, `12ms`."""
    if nanos < 1_000_000_000:
        return f"{nanos / 1_000_000:.0f}ms"
    if nanos < 60_000_000_000:
        return f"{nanos / 1_000_000_000:.3g}s"
    return " ".join(parts_of(nanos // 1_000_000_000 * 1_000_000_000)[:2])


def sign(status: NodeStatus) -> Text:
    """Return a status as a sign and its word; its colour adds nothing to them."""
    mark, style = _SIGNS[status]
    return Text(f"{mark} {status.value}", style=style)


def printable(text: str) -> str:
    """Return a text as one line, with characters that could steer a terminal escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " if letter in "\n\t" else _escaped(letter) for letter in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines, tabs included, with characters that could steer a terminal escaped."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    """Escape a character as JSON does, so that escaped JSON keeps its meaning."""
    code = ord(letter)
    if code > 0xFFFF:
        return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"
    return f"\\u{code:04x}"


def json_text(value: object) -> str:
    """Return data as JSON; only characters that do not print are escaped."""
    return printable_lines(json.dumps(value, ensure_ascii=False, indent=2))


def compact(value: object) -> str:
    """Return a value of a run as one line of JSON."""
    return printable(json.dumps(plain(value), ensure_ascii=False))
