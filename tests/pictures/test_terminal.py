"""Pictures of boxes and lines: what they look like, and that they fit."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.pictures.canvas import Canvas
from dagflow.pictures.labels import heading_of
from dagflow.pictures.marks import Mark, Overlay, Tone
from dagflow.pictures.metrics import columns, pixels, plain, shortened, wrapped
from dagflow.pictures.picture import Subject
from dagflow.pictures.terminal import to_text
from tests.app.flowtext import flow_texts
from tests.pictures.support import EXAMPLES, flow_of, flows_of

CATALOG = dagflow.Catalog.builtin()
FLOW = """flow f(x: int) {
  on manual
  filter big: x > 3 else { log(message: "no") }
  parallel {
    a = log(message: "1") retry 2 every 1s
    b = log(message: "2") after a
  }
  wait 2d
}
"""
PICTURE = """\
f(x: int)
on manual

                        ●
                        │
                        ▼
                 ┌─────────────┐
                 ◇ big: x > 3  ◇
                 └──────┬──────┘
       ╭────────────────┤
      no               yes
       ▼                ▼
 ┌───────────┐  ╭─ parallel ───╮
 │    log    │  │  ┌─────────┐ │
 └───────────┘  │  │    a    │ │
                │  │   log   │ │
                │  │ retry 2 │ │
                │  └────┬────┘ │
                │       ┃      │
                │       ▼      │
                │  ┌─────────┐ │
                │  │    b    │ │
                │  │   log   │ │
                │  └─────────┘ │
                ╰───────┬──────╯
                        │
                        ▼
                  ╭───────────╮
                  │ ◷ wait 2d │
                  ╰───────────╯"""


def drawn(flow: dagflow.Flow, width: int, overlay: Overlay | None = None) -> list[str]:
    rows = to_text(Subject.of(flow), heading_of(flow), width, overlay or Overlay())
    return ["".join(span.text for span in row).rstrip() for row in rows]


def test_a_picture() -> None:
    assert "\n".join(drawn(flow_of(FLOW), 80)) == PICTURE


def test_a_list_where_there_is_no_room() -> None:
    assert drawn(flow_of(FLOW), 18) == [
        "f(x: int)",
        "on manual",
        "",
        "├ big: x > 3",
        "├ log",
        "├ parallel",
        "│ ├ a  log · retr…",
        "│ └ b  log",
        "└ wait 2d",
    ]


def test_what_is_said_of_a_step() -> None:
    overlay = Overlay(
        title="a title", marks={"a": Mark(Tone.BAD, "✗", ("failed", "timeout")), "b": Mark(Tone.OFF, "–", ("pruned",))}
    )
    lines = drawn(flow_of(FLOW), 80, overlay)
    assert lines[2] == "a title"
    assert any("✗ failed" in line for line in lines)
    assert any("timeout" in line for line in lines)
    assert "│ ├ a  ✗ failed;…" in drawn(flow_of(FLOW), 17, overlay)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_examples_fit(path: object, width: int) -> None:
    for flow in flows_of(path):  # type: ignore[arg-type]
        assert max(map(columns, drawn(flow, width))) <= width


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(flow_texts(max_steps=12), st.integers(10, 150))
def test_every_flow_fits(text: str, width: int) -> None:
    for flow in dagflow.compile(text, catalog=CATALOG).flows.values():
        assert max(map(columns, drawn(flow, width))) <= width


class TestCanvas:
    def test_lines_join(self) -> None:
        canvas = Canvas(5, 3)
        canvas.line([(0, 1), (4, 1)])
        canvas.line([(2, 0), (2, 2)])
        assert ["".join(span.text for span in row) for row in canvas.rows()] == ["  ╷", "╶─┼─╴", "  ╵"]

    def test_wide_letters_take_two_cells(self) -> None:
        canvas = Canvas(6, 1)
        canvas.write(0, 0, "日本e\u0301x")
        assert ["".join(span.text for span in row) for row in canvas.rows()] == ["日本e\u0301x"]
        assert columns("日本e\u0301x") == 6


class TestWords:
    @given(st.text(max_size=80), st.integers(1, 30), st.integers(1, 5))
    def test_wrapped_lines_fit(self, text: str, width: int, most: int) -> None:
        lines = wrapped(plain(text), width, columns, most)
        assert 1 <= len(lines) <= most
        # One letter may be wider than there is room.
        assert all(columns(line) <= max(width, 2) for line in lines)

    @given(st.text(alphabet="ab ._-", max_size=60), st.integers(4, 30))
    def test_nothing_is_lost_where_there_are_lines_enough(self, text: str, width: int) -> None:
        lines = wrapped(text, width, columns, 100)
        assert "".join("".join(lines).split()) == "".join(text.split())

    @given(st.text(max_size=40), st.integers(20, 200))
    def test_shortened_texts_fit(self, text: str, width: int) -> None:
        assert pixels(shortened(text, width, lambda each: pixels(each, 11)), 11) <= width

    @given(st.text())
    def test_nothing_steers_a_terminal(self, text: str) -> None:
        assert plain(text).replace("�", "").isprintable() or not text
