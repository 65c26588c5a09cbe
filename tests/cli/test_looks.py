"""The parts of what people see: columns, instants, lengths, text that may hold anything."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.text import Text

import dagflow
from dagflow.app.documents.values import rfc3339
from dagflow.cli.output.columns import aligned
from dagflow.cli.output.live import Screen, in_view, mark
from dagflow.cli.output.tables import RunReport
from dagflow.cli.output.text import instant, json_text, length, printable, printable_lines
from dagflow.execution.results import NodeResult
from dagflow.ids import NodeId
from dagflow.model.flow import NodeKind
from dagflow.model.status import NodeStatus

DAY = 86_400 * 10**9
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def drawn(rows: list[list[str]], width: int, **more: Any) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=False)
    header = ["one", "two", "three"][: len(rows[0])]
    notes = [Text(note) for note in more.pop("notes", [])]
    with console.capture() as capture:
        console.print(aligned(header, [[Text(cell) for cell in row] for row in rows], width, notes=notes, **more))
    return capture.get().splitlines()


class TestColumns:
    def test_each_is_as_wide_as_it_has_to_be(self) -> None:
        assert drawn([["a", "bbbb", "c"], ["aaaaa", "b", ""]], 80, elastic={}, right=frozenset({1})) == [
            "one     two  three",
            "a      bbbb  c",
            "aaaaa     b",
        ]

    def test_the_elastic_ones_give_way_in_turn(self) -> None:
        rows = [["a" * 20, "bbbb", "c" * 20]]
        assert drawn(rows, 80, elastic={2: 5, 0: 5})[1] == f"{'a' * 20}  bbbb  {'c' * 20}"
        assert drawn(rows, 40, elastic={2: 5, 0: 5})[1] == f"{'a' * 20}  bbbb  {'c' * 11}…"
        assert drawn(rows, 30, elastic={2: 5, 0: 5})[1] == f"{'a' * 16}…  bbbb  cccc…"
        assert drawn(rows, 18, elastic={2: 5, 0: 5})[1] == "aaaa…  bbbb  cccc…"

    def test_notes_stand_under_their_rows(self) -> None:
        assert drawn([["a", "b"], ["c", "d"]], 10, elastic={}, notes=["", "a long note of its row"]) == [
            "one  two",
            "a    b",
            "c    d",
            "  a long …",
        ]

    @given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=5), st.integers(30, 90))
    def test_no_line_is_too_long_whatever_is_in_it(self, cells: list[tuple[str, str]], width: int) -> None:
        rows = [[printable(first), printable(second)] for first, second in cells]
        lines = drawn(rows, width, elastic={1: 5, 0: 5})
        assert len(lines) == len(rows) + 1
        assert max(map(cell_len, lines)) <= width


class TestTexts:
    @given(st.text())
    def test_nothing_steers_a_terminal(self, text: str) -> None:
        assert printable(text).isprintable()
        assert all(letter.isprintable() or letter in "\n\t" for letter in printable_lines(text))

    @given(JSON_VALUES)
    def test_escaped_json_means_what_it_meant(self, value: object) -> None:
        text = json_text(value)
        assert json.loads(text) == value
        assert text.replace("\n", "").isprintable()

    @pytest.mark.parametrize(
        ("nanos", "text"),
        [
            (0, "0ms"), (1_600_000, "2ms"), (999_000_000, "999ms"), (1_500_000_000, "1.5s"), (59_900_000_000, "59.9s"),
            (60 * 10**9, "1m"), (3_900 * 10**9, "1h 5m"), (2 * DAY, "2d"), (2 * DAY + 3_600 * 10**9, "2d 1h"),
        ],
    )  # fmt: skip
    def test_lengths(self, nanos: int, text: str) -> None:
        assert length(nanos) == text

    def test_instants(self) -> None:
        start = 1_767_225_600_123_456_789
        assert instant(start) == "2026-01-01 00:00:00"
        assert instant(start, is_short=True) == "01-01 00:00:00"
        assert rfc3339(start) == "2026-01-01T00:00:00.123Z"
        assert instant(None) == ""
        assert rfc3339(None) is None

    @given(st.integers())
    def test_every_instant_has_a_text(self, nanos: int) -> None:
        assert instant(nanos)
        assert rfc3339(nanos)


class TestView:
    def node(self, number: int, status: NodeStatus, ended_at: int | None = None) -> NodeResult:
        return NodeResult(id=NodeId(f"n{number}"), kind=NodeKind.ACTION, status=status, ended_at=ended_at)

    def test_all_where_there_is_room(self) -> None:
        nodes = [self.node(n, NodeStatus.PENDING) for n in range(3)]
        assert in_view(nodes, 3) == nodes

    def test_first_what_is_under_way_then_what_ended_last_then_what_is_next(self) -> None:
        nodes = [self.node(n, NodeStatus.SUCCEEDED, n) for n in range(5)]
        nodes += [self.node(5, NodeStatus.RUNNING), self.node(6, NodeStatus.PENDING), self.node(7, NodeStatus.WAITING)]
        assert [node.id for node in in_view(nodes, 4)] == ["n3", "n4", "n5", "n7"]
        assert [node.id for node in in_view(nodes, 1)] == ["n5"]
        assert [node.id for node in in_view(nodes[5:], 2)] == ["n5", "n7"]


class TestScreen:
    def screen(self, n_steps: int, height: int, width: int = 80) -> list[str]:
        """What is on the screen when a run of so many steps has ended."""
        catalog = dagflow.Catalog()

        @catalog.action("work")
        async def work(n: int) -> int:
            return n

        steps = "\n".join(f"  step_{n} = work(n: {n})" for n in range(n_steps))
        flow = dagflow.compile(f"flow f {{\n  on manual\n{steps}\n}}", catalog=catalog).unwrap()
        result = dagflow.run(flow, catalog=catalog, clock=dagflow.VirtualClock(0))
        console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
        screen = Screen(Live(console=console, auto_refresh=False), "a hint")
        screen.update(RunReport(flow, result))
        with console.capture() as capture:
            console.print(screen)
        return capture.get().splitlines()

    @pytest.mark.parametrize(
        ("kind", "text"),
        [(NodeKind.ACTION, "next attempt at 2026-01-01 00:00:00 UTC"), (NodeKind.WAIT, "until 2026-01-01 00:00:00 UTC")],
    )
    def test_what_a_step_waits_for(self, kind: NodeKind, text: str) -> None:
        flow = dagflow.compile("flow f { on manual }", catalog=dagflow.Catalog()).unwrap()
        node = NodeResult(id=NodeId("n"), kind=kind, status=NodeStatus.WAITING, due_at=1_767_225_600_000_000_000)
        assert RunReport(flow, dagflow.run(flow, catalog=dagflow.Catalog())).outcome(node) == text

    def test_a_small_run(self) -> None:
        assert self.screen(2, 24) == ["✓ succeeded  step_0", "✓ succeeded  step_1"]

    def test_a_large_run_is_cut_to_the_screen(self) -> None:
        lines = self.screen(200, 24)
        assert len(lines) < 24
        assert lines[0].startswith("200 of 200 steps of ")
        assert lines[0].endswith(" ended")

    def test_a_small_screen(self) -> None:
        assert len(self.screen(50, 3)) == 4

    @pytest.mark.parametrize("status", [NodeStatus.RUNNING, NodeStatus.READY])
    def test_what_is_under_way_turns(self, status: NodeStatus) -> None:
        marks = {mark(status, seconds / 24).plain for seconds in range(24)}
        assert len(marks) == 10
        assert {each[2:] for each in marks} == {status.value}
