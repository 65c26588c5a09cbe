"""What the pages show is true: flows compile, programs and commands print what stands below them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import dagflow
from docs.building.consoles import play, rewritten
from docs.building.documents import ROOT, Fence, documents, fences

PAGES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in documents()]


@pytest.mark.parametrize("path", PAGES)
def test_commands_print_what_the_page_says(path: Path, tmp_path: Path) -> None:
    for fence, commands in play(path.read_text(encoding="utf-8"), tmp_path):
        for command in commands:
            assert command.is_true, (
                f"{path}:{fence.line}: $ {command.text}\n{command.said}\n`python -m docs.building.consoles {path}` writes it there"
            )


@pytest.mark.parametrize("path", PAGES[2:])  # the first two are tests/test_documents.py's
def test_flows_without_a_file_compile(path: Path) -> None:
    for fence in fences(path.read_text(encoding="utf-8")):
        if fence.language == "flow" and _is_whole(fence):
            compilation = dagflow.compile(fence.text, filename="page.flow")
            assert not compilation.has_errors, f"{path}:{fence.line}\n{compilation.render()}"


@pytest.mark.parametrize("path", PAGES)
def test_every_file_of_a_page_is_used_by_it(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    found = fences(page)
    said = " ".join(fence.text for fence in found if fence.language in {"console", "flow", "python", "sh"} or fence.is_hidden)
    for fence in found:
        name = Path(fence.title).name
        is_known = not fence.title or name in said or Path(name).stem in said or "templates" in fence.title
        assert is_known, f"{path}:{fence.line}: nothing on this page reads {fence.title}"


@pytest.mark.parametrize("path", PAGES)
def test_no_program_of_a_page_hides_a_module_of_python(path: Path) -> None:
    names = {Path(fence.title).stem for fence in fences(path.read_text(encoding="utf-8")) if fence.title.endswith(".py")}
    assert names.isdisjoint(sys.stdlib_module_names)


def _is_whole(fence: Fence) -> bool:
    # A file of its own is checked by the commands of the page, a recipe by its own test, a part of a file by the grammar's documents.
    return not fence.title and "--8<--" not in fence.text


class TestConsoles:
    PAGE = 'A page.\n\n```flow title="a.flow"\nflow a { on manual\n  log(message: "x")\n}\n```\n\n```console\n$ dagflow check a.flow\nwrong\n```\n'

    def test_what_is_not_so_is_found_and_rewritten(self, tmp_path: Path) -> None:
        [(_, [command])] = play(self.PAGE, tmp_path)
        assert not command.is_true
        assert command.said == "a.flow: ok: a\n"
        assert rewritten(self.PAGE, tmp_path) == self.PAGE.replace("wrong\n", "a.flow: ok: a\n")

    def test_lines_may_be_left_out(self, tmp_path: Path) -> None:
        page = self.PAGE.replace("check a.flow\nwrong", "explain E308\nE308  a step is read that may not have run\n…")
        assert rewritten(page, tmp_path) == page

    def test_what_differs_from_run_to_run_is_not_compared(self, tmp_path: Path) -> None:
        page = self.PAGE.replace(
            "check a.flow\nwrong",
            "run a.flow --store :memory: --quiet\n…\nrun 01a20444354278eb96827f560e4f8089 succeeded in 7 ms",
        )
        assert rewritten(page, tmp_path) == page

    def test_files_grow_and_change(self, tmp_path: Path) -> None:
        page = '<!-- file a.txt\none\n-->\n\n```text title="a.txt, at its end"\ntwo\n```\n\n<!-- edit a.txt\none\n=>\n1\n-->\n\n```console\n$ cat a.txt\n```\n'
        [(_, [command])] = play(page, tmp_path)
        assert command.said == "1\n\ntwo\n"

    def test_what_is_printed_can_go_to_a_file(self, tmp_path: Path) -> None:
        play("```console\n$ dagflow actions --export > host.flow\n```\n", tmp_path)
        assert "action email(" in (tmp_path / "host.flow").read_text(encoding="utf-8")

    def test_only_known_programs_are_run(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="a page cannot run"):
            play("```console\n$ rm -r x\n```\n", tmp_path)
