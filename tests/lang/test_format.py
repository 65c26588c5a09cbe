"""The formatter: one style, nothing lost, nothing meant differently."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.errors import FlowInvalid
from dagflow.lang.compiler import compile_text
from dagflow.lang.format.formatter import format as format_text
from dagflow.model.action import Interface
from tests.app.familytext import family_texts
from tests.app.flowtext import flow_texts
from tests.lang.corpus import GOOD, interface
from tests.lang.flowtwin import comments, meaning, shaken, words
from tests.lang.golden import CASES, SOURCES, prelude, read

REPOSITORY = Path(__file__).parents[2]
FORMATTED = sorted([*(REPOSITORY / "examples").rglob("*.flow"), *(REPOSITORY / "tests" / "patterns").glob("*.flow")])
EVERY_WORD = (Path(__file__).parent / "every_word.flow").read_text(encoding="utf-8")
GOLDEN = [case.source for path in sorted(CASES.glob("*.flowtest")) for case in read(path)]


def holds(text: str, known: Interface, *, sources: dict[str, str] | None = None) -> str:
    """All that is promised of one text; returns it formatted."""
    result = format_text(text)
    assert format_text(result) == result
    assert words(result) == words(text)
    assert comments(result) == comments(text)
    before, after = (compile_text(each, known, sources=sources) for each in (text, result))
    # The one thing that is said of the layout itself is said no more.
    said = [each.code for each in before.diagnostics if each.code != "W406"]
    assert [each.code for each in after.diagnostics] == said, after.render()
    assert [meaning(flow) for flow in after.flows.values()] == [meaning(flow) for flow in before.flows.values()]
    return result


@pytest.mark.parametrize("path", FORMATTED, ids=lambda path: path.name)
def test_flows_of_the_project_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(text) == text, f"run `dagflow fmt {path}`"


@pytest.mark.parametrize("number", range(0, len(GOOD), 7))
def test_good_flows(number: int) -> None:
    holds(GOOD[number], interface())


@pytest.mark.parametrize("source", GOLDEN)
def test_whatever_parses_is_formatted(source: str) -> None:
    with contextlib.suppress(FlowInvalid):
        holds(source, prelude(), sources=SOURCES)


def test_every_word_of_the_language() -> None:
    holds(EVERY_WORD, prelude(), sources={"other.flow": "flow note(note: json) { }"})


@settings(max_examples=40)
@given(number=st.integers(0, len(GOOD) - 1), seed=st.integers(0, 10**9))
def test_layout_and_comments_do_not_matter(number: int, seed: int) -> None:
    text = GOOD[number]
    crooked = shaken(text, seed)
    assert words(holds(crooked, interface())) == words(text)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**9))
def test_every_word_with_comments_anywhere(seed: int) -> None:
    crooked = shaken(EVERY_WORD, seed, n_changes=25)
    result = format_text(crooked)
    assert format_text(result) == result
    assert (words(result), comments(result)) == (words(EVERY_WORD), comments(crooked))


@settings(max_examples=25)
@given(text=flow_texts(), seed=st.integers(0, 10**9))
def test_generated_flows(text: str, seed: int) -> None:
    holds(shaken(text, seed), Interface())


@settings(max_examples=15)
@given(text=family_texts(), seed=st.integers(0, 10**9))
def test_generated_families_of_flows(text: str, seed: int) -> None:
    holds(shaken(text, seed), Interface())


def read_cases() -> dict[str, tuple[str, str]]:
    """`format.cases`: what goes in, and what comes out, by name."""
    cases: dict[str, tuple[str, str]] = {}
    for chunk in (Path(__file__).parent / "format.cases").read_text(encoding="utf-8").split("---\n"):
        before, _, after = chunk.partition("\n===\n")
        name, _, text = before.removeprefix("# ").partition("\n")
        cases[name] = (text, after)
    return cases


STYLE = {
    **read_cases(),
    "blank lines": (
        "\n\n// top\n\n\nflow f {\n\n\n  a()\n\n\n\n  b()\n\n}\nflow g {\n}\n\n\n",
        "// top\n\nflow f {\n  a()\n\n  b()\n}\n\nflow g { }\n",
    ),
    "carriage returns": ("flow f {\r\n  a()\r\n\r\n  b() // c\r\n}\r\n", "flow f {\n  a()\n\n  b()  // c\n}\n"),
    "nothing": ("  \n\n", ""),
}


@pytest.mark.parametrize("name", STYLE)
def test_style(name: str) -> None:
    text, expected = STYLE[name]
    assert dagflow.format(text) == expected
    assert dagflow.format(expected) == expected
    assert words(expected) == words(text)


def test_what_does_not_parse_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(FlowInvalid) as caught:
        format_text("flow f {\n  wait 2 days\n  filter a = 1\n}\n", filename="a.flow")
    assert [each.code for each in caught.value.diagnostics] == ["E103", "E102"]
    assert "a.flow:2:10" in caught.value.rendered


@pytest.mark.parametrize(
    "text", ["flow f { " + "a()\n" * 90_000, "flow f { let x = " + "1 + " * 40_000, "flow f { ( }", 'flow f { let x = "']
)
def test_what_is_too_large_or_broken_is_refused(text: str) -> None:
    with pytest.raises(FlowInvalid):
        format_text(text)


def test_deep_and_wide_texts_take_no_long_time() -> None:
    deep = "flow f { let x = " + "(" * 60 + " + ".join(["a"] * 300) + ")" * 60 + " }"
    chain = "flow f { let x = a" + ".f(b)" * 5_000 + " }"
    blocks = "flow f { " + "do {\n" * 60 + "a()\n" * 800 + "}" * 60 + " }"
    for text in (deep, chain, blocks):
        begin = time.process_time()
        result = format_text(text)
        assert time.process_time() - begin < 2
        assert format_text(result) == result


def test_a_thousand_lines_take_no_long_time() -> None:
    text = "\n".join(GOOD[i] for i in range(0, 120, 3))
    text = "\n".join(text.split("\n")[:1_000])
    while True:  # end with a whole declaration
        try:
            format_text(text)
        except FlowInvalid:
            text = text.rpartition("\n")[0]
        else:
            break
    best = min(_seconds(text) for _ in range(5))
    assert best < 0.15, f"{best * 1e3:.0f} ms for {text.count(chr(10))} lines; 50 are meant on a machine that does nothing else"


def _seconds(text: str) -> float:
    begin = time.process_time()
    format_text(text)
    return time.process_time() - begin
