"""What an SVG says, and that nothing in a flow becomes part of it but words."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.pictures.marks import Mark, Overlay, Tone
from dagflow.pictures.picture import draw_svg
from dagflow.pictures.themes import Theme
from tests.pictures.support import EXAMPLES, flow_of, flows_of

GOLDEN = Path(__file__).parent / "golden"
NASTY = 'flow f(t: string) {{ on manual\n a = log(message: t)\n filter t != {text}\n b = log(message: "x") }}'


def structure(svg: str) -> str:
    """The elements of a picture with their classes and words, without where they are."""
    lines: list[str] = []

    def walk(element: ET.Element, indent: str) -> None:
        tag = element.tag.rpartition("}")[2]
        if tag == "style":
            return
        kept = [
            f"{key.removeprefix('data-')}={value}"
            for key, value in element.items()
            if key in {"class", "data-step", "data-region", "data-from", "data-to"}
        ]
        lines.append(" ".join(filter(None, [indent + tag, *kept, (element.text or "").strip()])))
        for child in element:
            walk(child, indent + "  ")

    walk(ET.fromstring(svg), "")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_structure(path: Path) -> None:
    """Run with DAGFLOW_GOLDEN=1 to write them again, then read the difference."""

    found = "".join(structure(draw_svg(flow)) for flow in flows_of(path))
    golden = GOLDEN / f"{path.stem}.txt"
    if os.environ.get("DAGFLOW_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", list(Theme))
def test_the_same_flow_gives_the_same_picture(theme: Theme) -> None:
    (flow,) = flows_of(EXAMPLES[-1])
    assert draw_svg(flow, theme=theme) == draw_svg(flow, theme=theme)
    ET.fromstring(draw_svg(flow, theme=theme))


def test_themes_differ_in_their_colours_alone() -> None:
    (flow,) = flows_of(EXAMPLES[-1])
    light, dark, auto = (draw_svg(flow, theme=theme) for theme in (Theme.LIGHT, Theme.DARK, Theme.AUTO))
    assert light != dark
    assert structure(light) == structure(dark) == structure(auto)
    assert "prefers-color-scheme" in auto


@settings(max_examples=30, deadline=None)
@given(
    st.text(max_size=60)
    | st.sampled_from(["</text><script>alert(1)</script>", "&amp;<![CDATA[", "]]>", "\u202eabc", "@y", "\"'"])
)
def test_words_stay_words(text: str) -> None:
    compilation = dagflow.compile(NASTY.format(text=dagflow_text(text)), catalog=dagflow.Catalog.builtin())
    if compilation.has_errors:
        return
    flow = compilation.unwrap()
    mark = Mark(Tone.BAD, "✗", (text,))
    root = ET.fromstring(draw_svg(flow, Overlay(title=text, marks={"a": mark, "b": mark})))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "style", "rect", "g", "path", "text", "circle"}
    assert not any(key.startswith("on") or key == "href" for element in root.iter() for key in element.attrib)


def dagflow_text(text: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\$' else c for c in text if ord(c) < 0xD800)
    return f'"{escaped}"'


def test_it_is_for_readers_of_screens_too() -> None:
    svg = draw_svg(flow_of('/// Why.\nflow f {\n/// Says it.\n a = log(message: "1") }'))
    assert 'role="img"' in svg
    assert "<title>f()</title>" in svg
    assert "<title>Says it.</title>" in svg


def test_notebooks_show_flows() -> None:
    flow = flow_of('flow f { a = log(message: "1") }')
    assert flow._repr_svg_() == dagflow.draw(flow) == draw_svg(flow)


def test_there_are_no_other_themes() -> None:
    flow = flow_of('flow f { a = log(message: "1") }')
    with pytest.raises(dagflow.UsageError, match="unknown theme `pink`; use one of light, dark, auto"):
        dagflow.draw(flow, theme="pink")


def test_a_status_is_said_by_more_than_colour() -> None:
    flow = flow_of('flow f(x: int) { a = log(message: "1")\n filter q: x > 1\n b = log(message: "2") }')
    result = dagflow.run(flow, {"x": 0}, clock=dagflow.VirtualClock(0))
    svg = dagflow.draw(flow, run=result)
    words = re.findall(r">([^<]+)</text>", svg)
    assert {"✓ succeeded", "✓ no", "– pruned", "q: no"} <= set(words)
    assert f"run {result.run} succeeded in 0ms" in words


def test_a_run_and_a_change_are_not_one_picture() -> None:
    flow = flow_of('flow f { a = log(message: "1") }')
    result = dagflow.run(flow, clock=dagflow.VirtualClock(0))
    with pytest.raises(dagflow.UsageError, match="`run` and `before` cannot be combined"):
        dagflow.draw(flow, run=result, before=flow)
