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
#: A file that a page uses and does not show, or a change of one: the old text, a line `=>`, the new one.
_HIDDEN: Final = re.compile(r"^<!-- (file|edit) (\S+)\n(.*?)^-->$", re.DOTALL | re.MULTILINE)
_AT_END: Final = ", at its end"


@attrs.frozen
class Fence:
    """A fenced block.

    Attributes:
        language: the first word behind the backquotes; `file` or `edit` for a comment.
        title: the file it is written to, or "".
        is_appended: it is put behind what is in that file.
        text: what stands in it, without the indentation of the fence.
        start, end: where that text is on the page.
        line: of the fence, from 1.
    """

    language: str
    title: str
    text: str
    start: int
    end: int
    line: int
    is_appended: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether it stands in a comment."""
        return self.language in {"file", "edit"}

    def write(self, folder: Path) -> None:
        """Do to the file what the page says."""
        target = folder / self.title
        if self.language == "edit":
            old, _, new = self.text.partition("=>\n")
            before = target.read_text(encoding="utf-8")
            if old.strip() not in before:
                raise ValueError(f"line {self.line}: {self.title} has no {old.strip()!r}")
            target.write_text(before.replace(old.strip(), new.strip()), encoding="utf-8")
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        before = target.read_text(encoding="utf-8") + "\n" if self.is_appended else ""
        target.write_text(before + self.text, encoding="utf-8")


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
        found = _TITLE.search(info)
        title = found[1] if found else ""
        indent = match["indent"]
        text = "".join(line.removeprefix(indent) for line in match["text"].splitlines(keepends=True))
        language = info.split(" ", 1)[0]
        line = _line(page, match.start())
        file = title.removesuffix(_AT_END)
        yield Fence(language, file, text, match.start("text"), match.end("text"), line, is_appended=file != title)


def _hidden(page: str) -> Iterator[Fence]:
    for match in _HIDDEN.finditer(page):
        yield Fence(match[1], match[2], match[3], match.start(3), match.end(3), _line(page, match.start()))


def _line(page: str, offset: int) -> int:
    return page.count("\n", 0, offset) + 1
