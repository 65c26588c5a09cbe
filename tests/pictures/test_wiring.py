"""Which lines are drawn: few, and what an author said is among them."""

from __future__ import annotations

import re

import pytest

from dagflow.pictures.links import LinkKind, wire
from dagflow.pictures.outline import outline_of
from tests.pictures.support import flow_of

PREFIX = 'event "e" { n: int }\nflow f(x: int, t: string) { on manual\n'


def lines(body: str) -> list[str]:
    """The lines of a flow, as text."""
    outline = outline_of(flow_of(f"{PREFIX}{body}\n}}"))
    marks = {LinkKind.ORDER: "->", LinkKind.AFTER: "=>", LinkKind.DATA: "..>", LinkKind.FAILURE: "!>"}
    return sorted(
        f"{link.source.key} {marks[link.kind]} {link.target.key}" + (f" [{link.label}]" if link.label else "")
        for link in wire(outline)
        if link.source.key != ":start"
    )


@pytest.mark.parametrize(
    ("body", "drawn"),
    [
        ('a = log(message: "1")\nb = log(message: "2")\nc = log(message: t)', ["a -> b", "b -> c"]),
        ('parallel { a = log(message: "1")\nb = log(message: "2") }\nparallel { c = log(message: "1")\nd = log(message: "2") }', [":1 -> :2"]),
        ('filter q: x > 1\na = log(message: "1")\nb = log(message: "2")', ["a -> b", "q -> a [yes]", "q -> q:end [no]"]),
        ('filter q: x > 1 else { n = log(message: "1") }\na = log(message: "1")', ["q -> a [yes]", "q -> n [no]"]),
        (
            'if q: x > 1 { a = log(message: "1") } else { b = log(message: "2") }\nc = log(message: "2")',
            [":q -> c", "q -> a [yes]", "q -> b [no]"],
        ),
        (
            'a = log(message: "1") when x > 1\nb = log(message: "2")',
            ["a -> b", "a.when -> a [yes]", "a.when -> b [no]"],
        ),
        (
            'parallel { a = log(message: "1")\nb = log(message: "2")\nc = log(message: "3") after any(a, b) }',
            ["a => c", "b => c"],
        ),
        (
            'do d { a = log(message: "1") } on error as e { b = log(message: e.code) }\nc = log(message: "2")',
            [":d !> d.catch [failure]", ":d -> c", "d.catch -> c"],
        ),
        ('for i in [1] max 2 { a = log(message: t) }\nb = log(message: "x")', ["for.@ -> b"]),
        (
            'parallel first 1 r { a = log(message: "1")\ndo { b = log(message: "2")\nc = log(message: "3") } }\nd = log(message: "4") after r',
            [":r => d", "b -> c"],
        ),
        ('filter x > 3 else { stop "no" }\na = log(message: "1")', ["filter.@ -> a [yes]", "filter.@ -> stop.@ [no]"]),
        (
            'if q: x > 1 { stop "big" }\na = log(message: "1")',
            ["q -> q:0 [no]", "q -> stop.@ [yes]", "q:0 -> a"],
        ),
        (
            'if q: x > 1 { stop "big" } else { stop "small" }',
            ["q -> stop.@ [no]", "q -> stop.@ [yes]"],
        ),
        (
            'if q: x > 1 { a = log(message: "1") }\nb = log(message: "2")',
            [":q -> b", "q -> a [yes]", "q -> q:0 [no]"],
        ),
        (
            'if q: x > 1 { stop "1" } else if r: x > 2 { c = log(message: "c") }\nb = log(message: "2")',
            ["c -> b", "q -> r [no]", "q -> stop.@ [yes]", "r -> c [yes]", "r -> r:0 [no]", "r:0 -> b"],
        ),
        (
            'switch q: x { case 1 { } case 2 { stop "2" } }\nb = log(message: "2")',
            ["q -> q:0 [1]", "q -> q:2 [else]", "q -> stop.@ [2]", "q:0 -> b", "q:2 -> b"],
        ),
        (
            'w = wait event "e" within 5s else { stop "late" }\nb = log(message: "2")',
            ["w -> b [in time]", "w -> stop.@ [timed out]"],
        ),
        ('w = wait event "e" within 5s else { stop "late" }', ["w -> stop.@ [timed out]", "w -> w:1 [in time]"]),
        ('a = log(message: "1") when x > 1', ["a.when -> a [yes]", "a.when -> a.when:0 [no]"]),
        (
            'do d { filter q: x > 1\nif r: x > 2 { fail "f" } } on error { g = log(message: "g") }\nb = log(message: "b")',
            [":d !> d.catch [failure]", "d.catch -> b", "q -> :d:r [yes]", "q -> q:0 [no]", "q:0 -> b", "r -> fail.@ [yes]", "r -> r:0 [no]", "r:0 -> b"],
        ),
        (
            'do d { a = log(message: "1") } on error { stop "s" }\nb = log(message: "b")',
            [":d !> d.catch [failure]", ":d -> b"],
        ),
        ('do d { a = log(message: "1")\nstop "s" }', ["a -> stop.@"]),
        (
            'w = wait event "e" within 5s else { a = log(message: "1")\nif q: x > 1 { stop "1" }\nb = log(message: "b")\nstop "2" }',
            ["a -> :q", "b -> stop.@", "q -> q:0 [no]", "q -> stop.@ [yes]", "q:0 -> b", "w -> a [timed out]", "w -> w:1 [in time]"],
        ),
        (
            'if q: x > 1 { do d { fail "f" } on error { g = log(message: "g") }\nstop "s" }',
            [":q:d !> d.catch [failure]", "d.catch -> stop.@", "q -> :q:d [yes]", "q -> q:0 [no]"],
        ),
        (
            'do d { if q: x > 1 { stop "s" } }\nb = log(message: "b") after d\nc = log(message: "c")',
            [":d => b", "b -> c", "q -> q:0 [no]", "q -> stop.@ [yes]"],
        ),
    ],
)  # fmt: skip
def test_lines(body: str, drawn: list[str]) -> None:

    assert sorted(re.sub(r"\.[0-9a-f]{6}", ".@", line) for line in lines(body)) == drawn


def test_a_value_is_a_line_where_nothing_else_says_the_order() -> None:
    text = """
    action make(n: int) -> int pure
    flow f(x: int) { on manual
      parallel {
        a = make(n: x)
        do { b = make(n: 1)
          c = make(n: a) }
      }
    }"""
    outline = outline_of(flow_of(text))
    found = {(link.source.key, link.target.key): link.kind for link in wire(outline)}
    assert found["a", "c"] is LinkKind.DATA
    assert found["b", "c"] is LinkKind.ORDER


def test_blocks_that_wait_for_each_other_are_taken_apart() -> None:
    text = f"""{PREFIX}
      parallel {{
        do one {{ a = log(message: "1")
          d = log(message: "4") after c }}
        do two {{ c = log(message: "3") after a
          e = log(message: "5") after d }}
      }}
    }}"""
    outline = outline_of(flow_of(text))
    links = {(link.source.key, link.target.key) for link in wire(outline)}
    assert {("a", "c"), ("c", "d"), ("d", "e")} <= links
    assert {child.key for child in outline.parents["a"].children} >= {"a", "c", "d", "e"}
