"""`dagflow graph` as pictures, `dagflow test --graph`, and the live tree."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import attrs
import pytest
from rich.console import Console
from rich.live import Live

import dagflow
from dagflow.cli.output.live import Screen
from dagflow.cli.output.tables import RunReport
from dagflow.execution.results import ItemCounts
from dagflow.model.status import NodeStatus
from tests.cli.support import HOST

FLOW = """
flow drawn(x: int) {
  on manual
  filter q: x > 1 else { log(message: "no") }
  a = log(message: "1")
}

test "yes" for drawn {
  given (x: 2)
  expect a.ran
}
"""


def words(svg: str) -> set[str]:
    return {(element.text or "").strip() for element in ET.fromstring(svg).iter() if element.tag.endswith("text")}


class TestGraph:
    def test_svg(self, dagflow: Any, folder: Path) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        said = dagflow("graph", "drawn.flow", "-o", "drawn.svg")
        assert (said.code, said.err) == (0, "wrote drawn.svg\n")
        assert {"q: x > 1", "yes", "no", "a"} <= words((folder / "drawn.svg").read_text())
        assert dagflow("graph", "drawn.flow", "--format", "svg").out == (folder / "drawn.svg").read_text()
        dark = dagflow("graph", "drawn.flow", "--format", "svg", "--theme", "dark").out
        assert words(dark) == words((folder / "drawn.svg").read_text())

    def test_png(self, dagflow: Any, folder: Path) -> None:
        pytest.importorskip("resvg_py")
        (folder / "drawn.flow").write_text(FLOW)
        assert dagflow("graph", "drawn.flow", "-o", "drawn.png").code == 0
        assert (folder / "drawn.png").read_bytes().startswith(b"\x89PNG")

    def test_png_without_its_library(self, dagflow: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
        said = dagflow("graph", "drawn.flow", "-o", "drawn.png")
        assert said.code == 2
        assert "pip install 'dagflow[png]'" in said.err

    def test_terminal(self, dagflow: Any, folder: Path) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        said = dagflow("graph", "drawn.flow", "--format", "terminal")
        assert "◇ q: x > 1" in said.out
        assert dagflow("graph", "drawn.flow", "-o", "drawn.txt").code == 0
        assert "◇ q: x > 1" in (folder / "drawn.txt").read_text()

    @pytest.mark.parametrize(("name", "begin"), [("g.mmd", "flowchart TD"), ("g.dot", "digraph"), ("g.json", "{")])
    def test_text_for_other_tools(self, dagflow: Any, folder: Path, name: str, begin: str) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        assert dagflow("graph", "drawn.flow", "-o", name).code == 0
        assert (folder / name).read_text().startswith(begin)

    def test_a_run(self, dagflow: Any, folder: Path) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        dagflow("run", "drawn.flow", "--input", '{"x": 0}', "--quiet")
        said = dagflow("graph", "last", "--format", "svg")
        assert {"✓ no", "– pruned", "q: no"} <= words(said.out)
        over = dagflow("graph", "drawn.flow", "--run", "last", "--format", "svg")
        assert words(over.out) == words(said.out)

    def test_items_of_a_loop(self, dagflow: Any, folder: Path) -> None:
        text = """
        flow loops { on manual
          rows = for i in [1, 2, 3, 4] max 9 collect errors {
            filter i != 2
            broken() when i == 3
            for j in [1] max 2 { log(message: "x") }
            yield i
          }
        }"""
        (folder / "loops.flow").write_text(text)
        (folder / "shop.py").write_text(HOST)
        dagflow("run", "loops.flow", "--quiet", "--actions", "shop.py")
        said = dagflow("graph", "last", "--format", "svg")
        # Three went on behind the filter; of those one broke, and did not come to the end.
        assert {"yes 3 · no 1", "✓ 2 · – 2", "3 of 4 items, 1 not"} <= words(said.out)
        assert any(each.startswith("✗ 1 · – 3") for each in words(said.out))

    def test_a_change(self, dagflow: Any, folder: Path) -> None:
        (folder / "before.flow").write_text(FLOW)
        (folder / "after.flow").write_text(
            FLOW.replace("x > 1", "x > 2").replace('a = log(message: "1")', 'b = log(message: "1")').partition("test")[0]
        )
        said = dagflow("graph", "after.flow", "--diff", "before.flow", "--format", "svg")
        assert {"~ changed: condition", "+ added", "− removed", "1 added, 1 removed, 1 changed"} <= words(said.out)

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["drawn.flow", "-o", "drawn.bmp"], "cannot tell the format from the name"),
            (["drawn.flow", "--run", "last", "--diff", "drawn.flow"], "`--run` and `--diff` cannot be combined"),
            (["drawn.flow", "--diff", "drawn.flow", "--format", "dot"], "cannot show runs or changes"),
            (["nothing", "--run", "last"], "no such file: nothing"),
            (["nothing.flow"], "cannot read nothing.flow"),
            (["drawn.flow", "-o", "no/where.svg"], "cannot write no/where.svg"),
        ],
    )
    def test_what_cannot_be_drawn(self, dagflow: Any, folder: Path, arguments: list[str], why: str) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        said = dagflow("graph", *arguments)
        assert said.code == 2
        assert why in said.err


class TestCoverage:
    def test_what_was_seen(self, dagflow: Any, folder: Path) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        said = dagflow("test", "drawn.flow", "--coverage", "--graph", "seen.svg")
        assert said.code == 0
        assert {"✗ never no", "✗ never run", "✓ seen", "tests have seen 2 of 4"} <= words((folder / "seen.svg").read_text())

    def test_a_file_for_each_flow(self, dagflow: Any, folder: Path) -> None:
        (folder / "drawn.flow").write_text(FLOW + '\nflow other { log(message: "x") }\n')
        assert dagflow("test", "drawn.flow", "--coverage", "--graph", "seen.svg").code == 0
        assert {path.name for path in folder.glob("*.svg")} == {"seen_drawn.svg", "seen_other.svg"}

    def test_only_with_coverage(self, dagflow: Any, folder: Path) -> None:
        (folder / "drawn.flow").write_text(FLOW)
        assert "requires `--coverage`" in dagflow("test", "drawn.flow", "--graph", "seen.svg").err
        assert "got .txt" in dagflow("test", "drawn.flow", "--coverage", "--graph", "seen.txt").err


TREE = """
flow f(x: int) {
  on manual
  parallel {
    a = log(message: "1") retry 5 every 10s
    do { b = log(message: "2")
      c = log(message: "3") }
  }
  rows = for i in [1, 2, 3] max 5 { d = log(message: "x") }
  do last { e = log(message: "4") } on error as problem { g = log(message: problem.code) }
  wait 2d
}
"""


class TestTree:
    def screen(self, change: Callable[[dict[str, Any]], None] | None = None, height: int = 30) -> list[str]:
        """What is on the screen of a run of which some steps are as they are said to be."""
        flow = dagflow.compile(TREE).unwrap()
        result = dagflow.run(flow, {"x": 1}, clock=dagflow.VirtualClock(0))
        nodes: dict[str, Any] = {str(node.id): node for node in result.nodes}
        if change is not None:
            change(nodes)
        console = Console(file=io.StringIO(), width=110, height=height, color_system=None)
        screen = Screen(Live(console=console, auto_refresh=False))
        screen.update(RunReport(flow, attrs.evolve(result, make_nodes=lambda: tuple(nodes.values()))))
        with console.capture() as capture:
            console.print(screen)
        return [line.rstrip() for line in capture.get().splitlines()]

    def test_a_run_that_has_ended(self) -> None:
        assert [" ".join(line.split()) for line in self.screen()] == [
            "├ parallel ✓ succeeded",
            "│ ├ a ✓ succeeded",
            "│ └ do ✓ succeeded",
            "│ ├ b ✓ succeeded",
            "│ └ c ✓ succeeded",
            "├ rows = for i in [1, 2, 3] ✓ succeeded 3 of 3 items succeeded",
            "├ do last ✓ succeeded",
            "│ └ e ✓ succeeded",
            "└ wait 2d ✓ succeeded",
        ]

    def test_a_run_under_way(self) -> None:
        def change(nodes: dict[str, Any]) -> None:
            due_at = 1_767_225_600_000_000_000
            nodes["a"] = attrs.evolve(nodes["a"], status=NodeStatus.WAITING, attempts=2, due_at=due_at)
            nodes["c"] = attrs.evolve(nodes["c"], status=NodeStatus.RUNNING, attempts=2)
            nodes["rows"] = attrs.evolve(nodes["rows"], status=NodeStatus.RUNNING, items=ItemCounts(200, 40, 36, 1))
            nodes["e"] = attrs.evolve(nodes["e"], status=NodeStatus.PENDING)

        lines = [line.split(maxsplit=1)[1] for line in self.screen(change)]
        assert any("running" in line for line in lines if line.startswith("parallel"))
        assert any(line.endswith("attempt 2 of 6 failed; again at 2026-01-01 00:00:00 UTC") for line in lines)
        assert any(line.endswith("37/200 items, 3 under way, 1 not succeeded") for line in lines)
        assert any(line.startswith("do last") and "pending" in line for line in lines)

    def test_a_handler_that_has_something_to_do(self) -> None:
        def change(nodes: dict[str, Any]) -> None:
            nodes["last.catch"] = attrs.evolve(nodes["last.catch"], outcome="failure")
            nodes["e"] = attrs.evolve(nodes["e"], status=NodeStatus.FAILED)

        lines = self.screen(change)
        assert any("on error as problem" in line for line in lines)
        assert any("do last" in line and "failed" in line for line in lines)

    @pytest.mark.parametrize("height", [3, 6, 9])
    def test_a_small_screen(self, height: int) -> None:
        assert len(self.screen(height=height)) <= max(4, height)
