r"""What a page says a command prints is what it prints.

A page is played from its top to its bottom in an empty folder. A block with a `title="FILE"`, and a comment `<!-- file FILE … -->`, is
written to that file, one with a `title="FILE, at its end"` behind what is in it, and `<!-- edit FILE … -->` changes it. Each line `$ …` of
a ```` ```console ```` block is run, and what it prints is compared with the lines below it. Where a page names `examples/`, a copy of that
folder is there.

What is not to be run, since it waits for somebody or changes the machine, stands in a ```` ```sh ```` block. A line that is only `…`
stands for any lines. Lengths of time that were measured, instants and ids are not compared.

    python -m docs.building.consoles [PAGE…]             writes what is printed now into the pages, where it is something else
    python -m docs.building.consoles --whole [PAGE…]     writes it wherever all of it is shown, so that ids and instants agree
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import runpy
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from dagflow.cli.main import main as dagflow
from dagflow.errors import DagflowBug
from docs.building.documents import ROOT, Fence, documents, fences

#: What differs from run to run, and what it is compared as.
_VARYING: Final = (
    (re.compile(r"\b\d+(\.\d+)? ?(ms|µs)"), "0 ms"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "TIME"),
    (re.compile(r"(?<=\S) {2,}"), " "),
    (re.compile(r"─+"), "─"),
)


@attrs.frozen
class Command:
    """A command of a page. `shown`: the lines the page has below it; `said`: what it printed."""

    text: str
    line: int
    shown: str
    said: str

    @property
    def is_true(self) -> bool:
        """Whether the page shows what was printed."""
        return _is_like(_plain(self.shown), _plain(self.said))

    def is_kept(self, *, is_whole: bool) -> bool:
        """Whether the page goes on showing what it does."""
        return self.is_true and (not is_whole or "…" in self.shown.splitlines())


def play(page: str, folder: Path) -> list[tuple[Fence, list[Command]]]:
    """Write the files of a page, run its commands, and give them by the block they stand in."""
    played: list[tuple[Fence, list[Command]]] = []
    if "examples/" in page and not (folder / "examples").exists():
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    with _inside(folder):
        for fence in fences(page):
            if fence.title:
                fence.write(folder)
            elif fence.language == "console":
                played.append((fence, [_run(*each, fence.line) for each in _commands(fence.text)]))
    return played


def rewritten(page: str, folder: Path, *, is_whole: bool = False) -> str:
    """The page, showing what is printed now where it shows something else, or wherever it shows all of it."""
    for fence, commands in reversed(play(page, folder)):
        faults = [command for command in commands if "this is a fault of dagflow" in command.said]
        if faults:
            raise DagflowBug(f"$ {faults[0].text}\n{faults[0].said}")
        text = "".join(f"$ {one.text}\n{one.shown if one.is_kept(is_whole=is_whole) else one.said}" for one in commands)
        page = page[: fence.start] + text + page[fence.end :]
    return page


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a block with the lines below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        match = re.match(r"((?:[^\n]*\\\n)*[^\n]*)\n?", part)
        assert match is not None  # noqa: S101 - it matches everything
        yield match[1], part[match.end() :]


def _run(text: str, shown: str, line: int) -> Command:
    words = shlex.split(text.replace("\\\n", " "), comments=True)
    target = ""
    if ">" in words:
        words, target = words[: words.index(">")], words[-1]
    printed = _Paper()
    errors = _Paper() if target else printed
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        _obey(words)
    said = printed.text
    if target:
        Path(target).write_text(said, encoding="utf-8")
        said = errors.text
    said = "".join(f"{each.rstrip()}\n" for each in said.rstrip().splitlines())
    return Command(text, line, shown, said)


class _Paper(io.TextIOWrapper):
    """What is printed on, as text or as bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)  # noqa: S101 - it was made so
        return self.buffer.getvalue().decode()


def _obey(words: list[str]) -> None:
    match words:
        case ["dagflow", *arguments]:
            dagflow(arguments)
        case ["python", file]:
            # As Python does, so that processes of the program find it.
            runpy.run_path(str(Path(file).resolve()), run_name="__main__")
        case ["cat", file]:
            print(Path(file).read_text(encoding="utf-8"), end="")
        case ["ls", folder]:
            print("\n".join(sorted(each.name for each in Path(folder).iterdir())))
        case _:
            raise ValueError(f"a page cannot run {words}; it knows dagflow, python, cat and ls")


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """The folder is the current one; nothing of the environment steers dagflow, and no module of the folder stays."""
    before, modules, path, environment = Path.cwd(), set(sys.modules), list(sys.path), dict(os.environ)
    logger = logging.getLogger("dagflow")
    handlers = list(logger.handlers)
    for name in [name for name in os.environ if name.startswith("DAGFLOW_") or name == "COLUMNS"]:
        del os.environ[name]
    os.environ["NO_COLOR"] = "1"
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        logger.handlers[:] = handlers
        os.environ.clear()
        os.environ.update(environment)
        for name in set(sys.modules) - modules:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin is not None and Path(origin).resolve().is_relative_to(folder.resolve()):
                del sys.modules[name]


def _plain(text: str) -> list[str]:
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _is_like(shown: list[str], said: list[str]) -> bool:
    if "…" not in (line.strip() for line in shown):
        return shown == said
    pattern = "".join("(?:.*\n)*?" if line.strip() == "…" else re.escape(line) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in said)) is not None


def main(paths: list[str]) -> None:
    """Rewrite the pages that are named, or all."""
    is_whole = "--whole" in paths
    for path in [Path(each) for each in paths if each != "--whole"] or documents():
        page = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            new = rewritten(page, Path(folder), is_whole=is_whole)
        if new != page:
            path.write_text(new, encoding="utf-8")
            print(f"rewrote {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
