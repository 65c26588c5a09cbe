"""The fenced blocks of a Markdown page: flows, programs, and what a command line says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)(?P=ticks) *$", re.DOTALL | re.MULTILINE
)
_TITLE: Final = re.compile(r'title="([^"]+)"')
#: A file that a page uses and does not show.
_HIDDEN: Final = re.compile(r"^<!-- file (\S+)\n(.*?)^-->$", re.DOTALL | re.MULTILINE)


@attrs.frozen
class Fence:
    """A fenced block.

    Attributes:
        language: the first word behind the backquotes.
        title: the file it is written to, or "".
        text: what stands in it, without the indentation of the fence.
        start, end: where that text is on the page.
        line: of the fence, from 1.
        is_hidden: it stands in a comment.
    """

    language: str
    title: str
    text: str
    start: int
    end: int
    line: int
    is_hidden: bool = False


def documents() -> list[Path]:
    """Every page that people read, of which something can be run."""
    pages = [*(ROOT / "docs").rglob("*.md")]
    return [ROOT / "README.md", ROOT / "grammar" / "SPEC.md", *sorted(pages)]


def fences(page: str) -> list[Fence]:
    """The blocks of a page in their order; files in comments too."""
    return sorted((*_shown(page), *_hidden(page)), key=lambda fence: fence.start)


def _shown(page: str) -> Iterator[Fence]:
    for match in _FENCE.finditer(page):
        info = match["info"].strip()
        title = _TITLE.search(info)
        indent = match["indent"]
        text = "".join(line.removeprefix(indent) for line in match["text"].splitlines(keepends=True))
        language = info.split(" ", 1)[0]
        yield Fence(
            language, title[1] if title else "", text, match.start("text"), match.end("text"), _line(page, match.start())
        )


def _hidden(page: str) -> Iterator[Fence]:
    for match in _HIDDEN.finditer(page):
        yield Fence("file", match[1], match[2], match.start(2), match.end(2), _line(page, match.start()), is_hidden=True)


def _line(page: str, offset: int) -> int:
    return page.count("\n", 0, offset) + 1
