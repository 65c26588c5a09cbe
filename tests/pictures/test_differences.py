"""What has changed between two versions of a flow, as a picture says it."""

from __future__ import annotations

import pytest

from dagflow.pictures.differences import compare, draw_difference
from dagflow.pictures.picture import lay_out
from dagflow.pictures.svg_measure import SvgLooks
from tests.pictures.geometry import faults
from tests.pictures.support import flow_of

BEFORE = """
action make(n: int, m: int = 0) -> int idempotent
action drop(n: int) idempotent
flow f(x: int) { on manual
  a = make(n: x)
  filter q: x > 1
  parallel p {
    b = make(n: 1)
    c = make(n: 2) retry 2 every 1s
  }
  for i in [1, 2] max 5 { d = make(n: i) }
  if big: x > 3 { e = make(n: 5) }
  wait 2d
}
"""


def said(after: str) -> dict[str, str]:
    """The marks of the later version, checked to be drawn cleanly."""
    subject, overlay = compare(flow_of(BEFORE), flow_of(after))
    sheet = lay_out(subject, SvgLooks(), overlay)
    assert not [each for each in faults(subject.outline, sheet) if "is not drawn" not in each]
    drawn = {shape.item.key for shape in sheet.shapes} | {frame.region.key for frame in sheet.frames}
    assert drawn >= overlay.marks.keys()
    return {key: f"{mark.sign} {'; '.join(mark.notes)}" for key, mark in overlay.marks.items()}


def test_nothing() -> None:
    assert said(BEFORE) == {}
    assert "no difference" in draw_difference(flow_of(BEFORE), flow_of(BEFORE))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a = make(n: x)", "a = make(n: x + 1)", {"a": "~ changed: n"}),
        ("a = make(n: x)", "a = make(n: x, m: 2)", {"a": "~ changed: m"}),
        ("a = make(n: x)", "a = make(n: x) default 3", {"a": "~ changed: default"}),
        ("a = make(n: x)", "a = make(n: x) timeout 3s", {"a": "~ changed: time limits"}),
        ("a = make(n: x)", "a = make(n: x) undo drop(n: a)", {"a": "~ changed: undo"}),
        ("retry 2", "retry 3", {"c": "~ changed: retry"}),
        ("b = make(n: 1)", "b2 = make(n: 1) was b", {"b2": "~ changed: was b"}),
        ("x > 1", "x > 2", {"q": "~ changed: condition"}),
        ("e = make(n: 5)", "e = make(n: 5)\nf1 = make(n: 6)", {"f1": "+ added"}),
        ("b = make(n: 1)", "", {"b": "− removed"}),
        ("if big: x > 3 { e = make(n: 5) }", "", {"big": "− removed", "e": "− removed"}),
        ("if big: x > 3 { e = make(n: 5) }", "e = make(n: 5)", {"big": "− removed", "e": "~ changed: moved"}),
        ("c = make(n: 2) retry 2 every 1s", "c = make(n: 2) retry 2 every 1s after b", {"c": "~ changed: after"}),
    ],
)  # fmt: skip
def test_changes(old: str, new: str, expected: dict[str, str]) -> None:
    assert old in BEFORE
    assert said(BEFORE.replace(old, new, 1)) == expected


def test_a_loop_with_a_name_is_the_same_loop() -> None:
    before = "flow f { on manual\n rows = for i in [1] max 5 { a = log(message: string(i)) } }"
    after = before.replace("max 5", "max 6")
    _, overlay = compare(flow_of(before), flow_of(after))
    assert {key: mark.notes for key, mark in overlay.marks.items()} == {"rows": ("changed: options",)}
    assert overlay.title == "1 changed"


def test_what_is_gone_is_still_connected() -> None:
    subject, _ = compare(flow_of(BEFORE), flow_of(BEFORE.replace("wait 2d", "").replace("filter q: x > 1\n", "")))
    links = {(link.source.key, link.target.key) for link in subject.links}
    assert ("a", "q") in links
    assert any(source == "q" for source, _ in links)
