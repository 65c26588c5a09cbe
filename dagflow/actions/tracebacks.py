"""Tracebacks of an action's exceptions, as texts that can be stored: the last frames, bounded, without secrets."""

from __future__ import annotations

import linecache
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, cast

from dagflow.actions.host_exceptions import text_of
from dagflow.actions.secrets import Redactor

#: The number of characters that are stored of a text.
MAX_TRACEBACK: Final = 8_192
_MOST_FRAMES: Final = 20
_MOST_MESSAGE: Final = 500
_MOST_LINE: Final = 200
#: The number of causes and group members that are included.
_MOST_RELATED: Final = 4
_OURS: Final = str(Path(__file__).parents[1]) + os.sep
_BETWEEN: Final = "\nThis led to:\n"


def traceback_of(error: BaseException, redactor: Redactor) -> str:
    """The traceback of an exception and its causes, the outermost first, as Python prints it.

    If it is too long, the end remains, which is nearest to the fault. Contents of secrets are redacted.
    """
    return shown_lines(_BETWEEN.join([_told(each, redactor) for each in _chain(error)]), redactor)


def shown_lines(text: str, redactor: Redactor) -> str:
    """The end of a text of several lines, without contents of secrets and without unprintable characters."""
    text = redactor.text(text[-4 * MAX_TRACEBACK :])
    text = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return text if len(text) <= MAX_TRACEBACK else "…" + text[len(text) - MAX_TRACEBACK + 1 :]


def _chain(error: BaseException) -> list[BaseException]:
    """The causes of an exception, then the exception; of a group its members first."""
    found: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left and len(found) <= _MOST_RELATED:
        each = left.pop(0)
        if each is None or any(each is known for known in found):
            continue
        found.append(each)
        members: tuple[BaseException, ...] = ()
        if isinstance(each, BaseExceptionGroup):
            members = cast("BaseExceptionGroup[BaseException]", each).exceptions[:_MOST_RELATED]
        left = [each.__cause__ or (None if each.__suppress_context__ else each.__context__), *members, *left]
    return found[::-1]


def _told(error: BaseException, redactor: Redactor) -> str:
    lines = ["Traceback (most recent call last):"] if error.__traceback__ is not None else []
    for name, line, function in _frames(error.__traceback__):
        lines.append(f'  File "{name[-_MOST_LINE:]}", line {line}, in {function[:_MOST_LINE]}')
        source = linecache.getline(name, line).strip()
        if source:
            lines.append(f"    {source[:_MOST_LINE]}")
    lines.append(_last_line(error, redactor))
    return "\n".join(lines)


def _frames(place: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    """File, line and function of the last frames; frames of dagflow before the first one of the host are omitted."""
    found = [(frame.f_code.co_filename, line, frame.f_code.co_qualname) for frame, line in traceback.walk_tb(place)]
    host = next((n for n, (name, *_) in enumerate(found) if not _is_between(name)), 0)
    yield from found[host:][-_MOST_FRAMES:]


def _is_between(name: str) -> bool:
    """Whether a file belongs to code between the driver and an action."""
    return name.startswith(_OURS) or f"{os.sep}trio{os.sep}" in name or f"{os.sep}outcome{os.sep}" in name


def _last_line(error: BaseException, redactor: Redactor) -> str:
    class_ = type(error)
    name = (
        class_.__qualname__ if class_.__module__ in {"builtins", "__main__"} else f"{class_.__module__}.{class_.__qualname__}"
    )
    said = redactor.beginning(text_of(error), _MOST_MESSAGE)
    return f"{name[:_MOST_LINE]}: {said}"
