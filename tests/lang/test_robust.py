"""Nothing a text contains makes the compiler raise, hang or eat memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.lang.compiler import compile_text
from dagflow.lang.syntax.lexer import lex
from tests.lang.golden import CASES, check, prelude, read

INTERFACE = prelude()
GOOD = [case.source for path in sorted(CASES.glob("*.flowtest")) for case in read(path) if len(case.source) < 2_000]
EXAMPLES = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[2] / "examples").glob("*.flow"))]
SIZE = 262_144
PIECES = sorted({token.text for source in GOOD for token in lex(source).tokens})

BOMBS = {
    "parentheses": "flow f { let x = " + "(" * 100_000,
    "brackets": "[" * SIZE,
    "braces": "{" * SIZE,
    "closers": "}" * SIZE,
    "blocks": "flow f {" + "do {" * 50_000,
    "quotes": '"' * SIZE,
    "long quotes": '"""' + '\\"""' * 60_000,
    "raw quotes": "r'''" * 60_000,
    "holes": 'flow f { let x = "' + "${" * 100_000,
    "hole in hole": "flow f { let x = " + "\"${'${" * 30_000,
    "long token": "flow " + "a" * (SIZE - 20) + " { }",
    "long string": 'flow f { let x = "' + "a" * (SIZE - 40) + '" }',
    "digits": "flow f { let x = " + "9" * (SIZE - 40) + " }",
    "operators": "flow f { let x = 1" + " + 1" * 60_000 + " }",
    "minus": "flow f { let x = " + "-" * (SIZE - 40) + "1 }",
    "not": "flow f { let x = " + "!" * (SIZE - 40) + "true }",
    "selects": "flow f { let x = a" + ".a" * 120_000 + " }",
    "conditionals": "flow f { let x = " + "true ? 1 : " * 20_000 + "1 }",
    "newlines": "\n" * SIZE,
    "comments": "// x\n" * 50_000,
    "docs": "/// x\n" * 40_000,
    "nul": "\x00" * SIZE,
    "bidi": "flow \u202ef { } " * 15_000,
    "surrogate": 'flow f { let x = "\ud800" }',
    "homoglyphs": "flow f { lеt x = 1 }",
    "bom": "\ufeffflow f { wait 1s }",
    "crlf": "flow f {\r\n  wait 1s\r\n  wait 2s\r\n}\r\n",
    "dunder": 'flow f { let x = "".__class__.__mro__ }',
    "format": 'flow f { let x = "{0.__class__}%s${1}" }',
    "commas": "flow f { log(" + "," * 100_000,
    "colons": "flow f { log(" + "a:" * 100_000,
    "steps": "flow f {\n" + "wait 1s\n" * 30_000 + "}",
    "lets": "flow f {\n" + "".join(f"let a{i} = 1\n" for i in range(15_000)) + "}",
    "types": "".join(f"type A{i} {{ a: A{i + 1} }}\n" for i in range(8_000)),
    "type nesting": "type T = " + "list<" * 60_000,
    "optional": "type T = int" + "?" * 100_000,
    "records": "type T = " + "{a: " * 60_000,
    "ifs": "flow f { " + "if true { } else " * 12_000 + "{ } }",
    "fan": "flow f { parallel {" + "\nwait 1s" * 900 + "\n}\nparallel {" + "\nwait 2s" * 900 + "\n} }",
    "unknown words": "x y z\n" * 40_000,
    "unknown names": "flow f {\n" + "log(message: nobody)\n" * 12_000 + "}",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.timeout(10)
def test_bombs_are_answered(name: str) -> None:
    compilation = compile_text(BOMBS[name], INTERFACE)
    compilation.render()
    assert len(compilation.diagnostics) <= 3_000


@pytest.mark.parametrize(
    "text",
    [
        "flow f { let x = " + "(" * 500 + ")" * 500 + " }",
        "flow f { let x = " + "[" * 500 + "]" * 500 + " }",
        "flow f {" + "do {" * 500 + "}" * 500 + " }",
        "type T = " + "{a: " * 500 + "int" + "}" * 500,
        "type T = " + "list<" * 500 + "int" + ">" * 500,
        "flow f { let x = " + "-" * 5_000 + "1 }",
        "flow f { let x = 1" + " + 1" * 500 + " }",
        "".join(f"type A{i} {{ a: A{i + 1} }}\n" for i in range(50)) + "type A50 { a: int }",
    ],
)
def test_deep_things_are_refused_by_name(text: str) -> None:
    assert {diagnostic.code for diagnostic in check(text, INTERFACE).diagnostics} == {"E115"}


def test_too_large_is_refused_unread() -> None:
    compilation = compile_text("x" * (SIZE + 1), INTERFACE, filename="big.flow")
    assert [diagnostic.code for diagnostic in compilation.diagnostics] == ["E116"]
    assert "262145 characters, the limit is 262144" in compilation.render()


def test_terminal_codes_in_a_file_stay_inert() -> None:
    rendered = compile_text("flow f { \x1b[31m\u202e }", INTERFACE).render()
    assert "\x1b" not in rendered
    assert "\u202e" not in rendered


@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    check(text, INTERFACE).render()


@given(st.lists(st.sampled_from(PIECES), max_size=60), st.randoms(use_true_random=False))
def test_any_tokens(pieces: list[str], chance: random.Random) -> None:
    text = "".join(piece + chance.choice([" ", "\n", ""]) for piece in pieces)
    check("flow f(lead: Lead, order: Order) {\n" + text + "\n}", INTERFACE).to_json()


@given(st.sampled_from(GOOD + EXAMPLES), st.data())
@settings(max_examples=300)
def test_any_slip(source: str, data: st.DataObject) -> None:
    tokens = lex(source).tokens
    token = tokens[data.draw(st.integers(0, len(tokens) - 1))]
    replacement = data.draw(st.sampled_from(["", token.text * 2, *PIECES[:: max(1, len(PIECES) // 20)]]))
    check(source[: token.start] + replacement + source[token.end :], INTERFACE).render()
