"""What is known of a text by way of the texts before it is what is known of it at first sight."""

from __future__ import annotations

import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagflow.ide.analysis import Analyst
from dagflow.ide.incremental_parser import IncrementalParser, difference
from dagflow.lang.compiler import compile_text
from dagflow.lang.limits import Limits
from dagflow.lang.syntax.parser import parse_file
from tests.ide.texts import DECLARED, FILES, builtin, flow_of

INSERTED = [
    "x", "(", ")", "{", "}", '"', '"""', " ", "\n", "after a", "wait 2d\n", 'a = log(message: "x")\n', ".", "//", "///", "// x\n", "if true {", "}",
    "on error", "timeout 5s\n", ",", "=", "\r\n", "\t", "é", "😀", "${", "filter lead.x\n", "else", "\n\n", "retry 2 every 1s", "[", "]", "'",
]  # fmt: skip


@functools.cache
def text_of(index: int) -> str:
    return FILES[index].read_text(encoding="utf-8")


@st.composite
def sessions(draw: st.DrawFn) -> list[str]:
    """A text, and what becomes of it by a few changes."""
    text = text_of(draw(st.integers(0, len(FILES) - 1)))
    texts = [text]
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            text = text[:at] + draw(st.sampled_from(INSERTED)) + text[at:]
        else:
            text = text[:at] + text[at + draw(st.sampled_from([1, 1, 2, 5, 30])) :]
        texts.append(text)
    return texts


_LAW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_LONG_LAW = settings(_LAW, max_examples=600)


@_LAW
@given(sessions())
def test_a_piece_is_parsed_as_in_the_whole(texts: list[str]) -> None:
    parses_alike(texts)


@pytest.mark.slow
@_LONG_LAW
@given(sessions())
def test_many_pieces_are_parsed_as_in_the_whole(texts: list[str]) -> None:
    parses_alike(texts)


def parses_alike(texts: list[str]) -> None:
    parser = IncrementalParser()
    for text in texts:
        found = parser.parse(text, Limits())
        file, diagnostics = parse_file(text)
        if found.is_exact:
            assert found.file == file
            assert list(found.diagnostics) == diagnostics
        else:
            assert parser.parse(text, Limits(), exact=True).file == file


@settings(_LAW, max_examples=8)
@given(sessions())
def test_what_is_settled_is_what_the_compiler_says(texts: list[str]) -> None:
    settles_alike(texts)


@pytest.mark.slow
@settings(_LAW, max_examples=200)
@given(sessions())
def test_what_is_settled_is_always_what_the_compiler_says(texts: list[str]) -> None:
    settles_alike(texts)


def settles_alike(texts: list[str]) -> None:
    analyst = Analyst(builtin())
    for text in texts:
        analyst.update(text)
        assert analyst.settle().diagnostics == compile_text(text, builtin()).diagnostics


def test_a_suggestion_goes_with_the_name_that_it_names() -> None:
    text = "flow f(file: string) {\n  on manual\n  a = log(message: file)\n}\n"
    settles_alike([text.replace("f(file", f"f({name}") for name in ("file", "ile", "le", "ile")])


def test_most_changes_are_pieces() -> None:
    """Typing a step letter by letter never parses the whole text, once it was read without an error."""
    text = DECLARED + flow_of(60)
    at = text.index("  let d_2")
    parser = IncrementalParser()
    parser.parse(text, Limits())
    for n in range(1, len(step := '  extra = email(template: "x", to: lead.email)\n') + 1):
        found = parser._piecewise(text[:at] + step[:n] + text[at:], Limits())
        if "(" in step[:n] and ")" not in step[:n]:
            continue  # which bracket is meant to be closed, only the whole text tells
        assert found is not None, step[:n]


@pytest.mark.parametrize(
    ("old", "new", "at", "delta"),
    [
        ("abc", "abXc", (2, 2), 1),
        ("abc", "abc", (3, 3), 0),
        ("", "x", (0, 0), 1),
        ("aaa", "aa", (2, 3), -1),
        ("abc", "xyz", (0, 3), 0),
    ],
)
def test_differences(old: str, new: str, at: tuple[int, int], delta: int) -> None:
    span, longer = difference(old, new)
    assert ((span.start, span.end), longer) == (at, delta)


def test_a_warning_that_is_dear_stays_while_somebody_types() -> None:
    text = (
        DECLARED
        + 'flow f(lead: Lead) {\n  if lead.score > 5 {\n    if lead.score > 4 { log(message: "x") }\n  }\n  b = log(message: "y")\n}\n'
    )
    analyst = Analyst(builtin())
    analyst.update(text)
    assert [each.code for each in analyst.settle().diagnostics] == ["W302"]
    for typed in (text.replace('"y"', '"yy"'), "// a comment\n" + text):
        analyst.update(text)
        analyst.settle()
        hasty = analyst.update(typed).diagnostics
        settled = analyst.settle().diagnostics
        assert [(each.code, each.span) for each in hasty] == [(each.code, each.span) for each in settled]
        assert len(settled) == 1
    analyst.update(text)
    analyst.settle()
    assert analyst.update(text.replace("> 4", "> 40")).diagnostics == ()
    assert [each.code for each in analyst.update(text.replace('"y"', "y")).diagnostics] == ["E202"]


def test_a_text_that_is_too_large() -> None:
    analyst = Analyst(builtin(), limits=Limits(source_chars=100))
    assert [each.code for each in analyst.update("// " + "x" * 200).diagnostics] == ["E116"]


def test_nothing_was_given_yet() -> None:
    with pytest.raises(LookupError):
        Analyst(builtin()).settle()
    Analyst(builtin()).refresh()


def test_the_host_declares_something_else() -> None:
    analyst = Analyst(builtin())
    text = 'flow f() {\n  crm.update(id: "1", status: "new")\n}\n'
    assert analyst.update(text).diagnostics
    analyst.interface = compile_text(DECLARED, builtin()).interface
    analyst.refresh()
    assert analyst.current is not None
    assert analyst.current.diagnostics == ()
