"""Whatever the flow: nothing lies on anything else, and no line goes through what it has nothing to do with."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.model.flow import Flow
from dagflow.pictures.outline import outline_of, regions_of
from dagflow.pictures.picture import Subject, lay_out
from dagflow.pictures.svg_measure import SvgLooks
from dagflow.pictures.terminal_measure import TextLooks
from dagflow.store.codec.flow import decode_flow, encode_flow
from tests.app.familytext import family_texts
from tests.app.flowtext import flow_texts
from tests.pictures.geometry import faults
from tests.pictures.support import EXAMPLES, PATTERNS, flow_of, flows_of

CATALOG = dagflow.Catalog.builtin()
CALM = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def check(flow: Flow) -> None:
    for looks in (SvgLooks(), TextLooks(24, 100)):
        subject = Subject.of(flow)
        sheet = lay_out(subject, looks)
        found = faults(subject.outline, sheet, 1 if isinstance(looks, SvgLooks) else 0)
        assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("path", [*EXAMPLES, *PATTERNS[::6]], ids=lambda path: path.stem)
def test_the_flows_that_are_there(path: Path) -> None:
    for flow in flows_of(path):
        check(flow)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_flows_without_blocks(path: Path) -> None:
    for flow in flows_of(path):
        check(attrs.evolve(flow, blocks=()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_blocks_of_a_picture_need_no_text(path: Path) -> None:
    for flow in flows_of(path):
        stored = attrs.evolve(decode_flow(encode_flow(flow)), source="")
        assert regions_in(stored) == regions_in(flow)


def regions_in(flow: Flow) -> list[tuple[str, str, list[str]]]:
    return [(region.key, region.kind, [child.key for child in region.children]) for region in regions_of(outline_of(flow).root)]


@pytest.mark.slow
def test_the_flows_of_all_patterns() -> None:
    for path in PATTERNS:
        for flow in flows_of(path):
            check(flow)


@CALM
@given(flow_texts(max_steps=16))
def test_any_flow(text: str) -> None:
    for flow in dagflow.compile(text, catalog=CATALOG).flows.values():
        check(flow)


@CALM
@given(family_texts())
def test_any_family_of_flows(text: str) -> None:
    for flow in dagflow.compile(text, catalog=CATALOG).flows.values():
        check(flow)


@CALM
@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 20), max_size=3)), min_size=2, max_size=14))
def test_any_graph(steps: list[tuple[bool, list[int]]]) -> None:
    """Steps that are `after` any of those before them; where many cross, two lines may still touch."""
    lines: list[str] = []
    for number, (is_any, wishes) in enumerate(steps):
        names = [f"s{each}" for each in dict.fromkeys(wish % number for wish in wishes)] if number else []
        after = f"any({', '.join(names)})" if is_any and len(names) > 1 else ", ".join(names)
        lines.append(f'  s{number} = log(message: "x")' + (f" after {after}" if names else ""))
    flow = flow_of("flow f { parallel {\n" + "\n".join(lines) + "\n} }")
    for looks in (SvgLooks(), TextLooks(24, 100)):
        subject = Subject.of(flow)
        found = faults(subject.outline, lay_out(subject, looks), 0)
        assert not [each for each in found if " lies on " not in each], "\n".join(found[:5])


@pytest.mark.slow
@settings(CALM, max_examples=200)
@given(flow_texts(max_steps=30) | family_texts())
def test_very_many_flows(text: str) -> None:
    for flow in dagflow.compile(text, catalog=CATALOG).flows.values():
        check(flow)


def boxes_of(text: str) -> dict[str, tuple[int, int]]:
    subject = Subject.of(flow_of(text))
    return {shape.item.key: (shape.x + shape.face.width // 2, shape.y) for shape in lay_out(subject, SvgLooks()).shapes}


class TestWhereThingsAre:
    def test_what_comes_after_stands_below_in_one_line(self) -> None:
        at = boxes_of('flow f { a = log(message: "1")\n b = log(message: "2")\n c = log(message: "3") }')
        assert at["a"][0] == at["b"][0] == at["c"][0]
        assert at["a"][1] < at["b"][1] < at["c"][1]

    def test_what_is_parallel_stands_side_by_side(self) -> None:
        at = boxes_of('flow f { parallel { a = log(message: "1")\n b = log(message: "2")\n c = log(message: "3") } }')
        assert at["a"][1] == at["b"][1] == at["c"][1]
        assert at["a"][0] < at["b"][0] < at["c"][0]

    def test_a_filter_lets_the_main_line_go_straight_on(self) -> None:
        at = boxes_of(
            'flow f(x: int) { filter q: x > 1 else { n = log(message: "no") }\n a = log(message: "a")\n b = log(message: "b") }'
        )
        assert at["q"][0] == at["a"][0] == at["b"][0]
        assert at["n"][0] < at["a"][0]

    def test_an_if_stands_in_the_middle_over_its_arms(self) -> None:
        at = boxes_of('flow f(x: int) { if q: x > 1 { a = log(message: "a") } else { b = log(message: "b") } }')
        assert 2 * at["q"][0] == at["a"][0] + at["b"][0]

    def test_many_side_by_side_go_on_below(self) -> None:
        steps = "\n".join(f's{n} = log(message: "{n}")' for n in range(30))
        sheet = lay_out(Subject.of(flow_of(f"flow f {{ parallel {{ {steps} }} }}")), SvgLooks())
        assert sheet.width < 1_100
        assert len({shape.y for shape in sheet.shapes if shape.item.key.startswith("s")}) >= 4

    def test_what_is_long_is_set_in_columns(self) -> None:
        steps = "\n".join(f's{n} = log(message: "{n}")' for n in range(100))
        subject = Subject.of(flow_of(f"flow f {{ {steps} }}"))
        sheet = lay_out(subject, SvgLooks())
        assert sheet.height < 3_000
        assert not faults(subject.outline, sheet)
        assert lay_out(subject, TextLooks(24, 100)).width < 30

    def test_what_nobody_could_read_is_folded(self) -> None:
        parts: list[str] = []
        for n in range(100):
            steps = "\n".join(f's{n}_{m} = log(message: "x")' for m in range(5))
            parts.append(("parallel {\n" if n % 5 == 0 else "") + f"do {{ {steps} }}" + ("\n}" if n % 5 == 4 else ""))
        text = "flow f { " + "\n".join(parts) + " }"
        folded, whole = Subject.of(flow_of(text)), Subject.of(flow_of(text), 0)
        assert sum(1 for _ in whole.outline.leaves()) == 501
        sheet = lay_out(folded, SvgLooks())
        assert len(sheet.shapes) <= 241  # with where it begins
        assert not faults(folded.outline, sheet)
        folds = [shape for shape in sheet.shapes if not shape.item.key.startswith((":start", "s"))]
        assert {line.text for shape in folds for line in shape.face.lines} >= {"do", "5 steps"}
