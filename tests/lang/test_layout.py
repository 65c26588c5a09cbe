"""Where statements end: newlines, comments, brackets, words that carry a line on, words that are names after all."""

from __future__ import annotations

import time

import pytest

from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.lexer import lex
from dagflow.lang.syntax.parser import parse_file
from tests.lang.golden import check, prelude

INTERFACE = prelude()


def statements(body: str) -> list[str]:
    """The words of each statement of a flow."""
    text = f"flow f(lead: Lead) {{{body}}}"
    file, diagnostics = parse_file(text)
    assert not diagnostics, diagnostics
    (flow,) = file.items
    assert isinstance(flow, s.FlowDecl)
    return [" ".join(t.text for t in lex(text[each.span.start : each.span.end]).tokens) for each in flow.body.statements]


def sound(text: str) -> None:
    compilation = check(text, INTERFACE)
    assert not compilation.has_errors, compilation.render()


@pytest.mark.parametrize(
    "body",
    [
        "\na()\nb()\n",
        "a()\nb()",
        "\na()   \n   b()  \n",
        "\na() \t \n\t\tb()",
        "\r\na()\r\nb()\r\n",
        "\r\na()\r\n\r\n\r\nb()\r\n",
        "\na() // when\nb() // )\n",
        "\na()\n// when filter }\nb()\n",
        "\na()\n// one\n\n// two\n   // three\nb()\n",
        "\n// before\na()\nb()\n// a comment's text is no word: after retry\n",
        "\na()\r\n// retry\r\nb()",
        "\n/// documented\na()\n/// documented too\nb()\n",
        "a(\n)\nb(\n\n)",
        "\n\f\na()\n\f\nb()",
    ],
)
def test_statements_end_with_their_line(body: str) -> None:
    assert statements(body) == ["a ( )", "b ( )"]


@pytest.mark.parametrize(
    "body",
    [
        "x = a()\n  retry 3 every 1s\n  timeout 2s",
        "x = a()\n\n\n  retry 3 every 1s\n\n  timeout 2s",
        "x = a()\n// why\nretry 3 every 1s // and so\n// on\n  timeout 2s",
        "x = a()\r\n\tretry 3 every 1s\r\n\ttimeout 2s",
        "x = a() retry 3\n every 1s\n timeout\n 2s",
        "x =\n a()\n retry\n 3\n every\n 1s timeout 2s",
        "x\n=\na\n(\n)\nretry 3 every 1s timeout 2s",
    ],
)
def test_modifiers_go_on_lines_of_their_own(body: str) -> None:
    assert statements(body + "\ny()") == ["x = a ( ) retry 3 every 1s timeout 2s", "y ( )"]


@pytest.mark.parametrize(
    "value",
    [
        "1 +\n 2",
        "1\n + 2",
        "lead.score >\n\n 3",
        "lead\n.score",
        "lead\n.?owner\n?? lead.email",
        "lead.score > 3\n  ? 1\n  : 2",
        "lead.score > 3 ?\n  1 :\n  2",
        "[\n1,\n2\n]",
        "[1\n, 2]",
        '{"a": 1,\n\n"b": 2\n}',
        '{\n"a":\n1\n}',
        "size(\nlead\n.tags\n)",
        "lead.tags\n.map(t,\n t + lead.name)\n.size()",
        "lead.name\nin\nlead.tags",
        "!\ntrue",
        "(\nlead.score\n)",
        "lead.tags[\n0\n]",
        "true &&\n// not yet\nfalse ||\ntrue",
    ],
)
def test_expressions_are_broken_anywhere(value: str) -> None:
    assert len(statements(f"\nlet x = {value}\nlet y = 1\n")) == 2


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("if lead.score > 1 { a() }\nelse { b() }\nc()", 2),
        ("if lead.score > 1\n{\na()\n}\n// otherwise\nelse if lead.score > 2\n{\nb()\n}\n\nelse\n{\nc()\n}\nd()", 2),
        ("filter lead.score > 1\n  else { a() }\nb()", 2),
        ("do g { a() }\non error as e { b() }\nc()", 2),
        ("do g { a() } on\terror { b() }\nc()", 2),
        ("switch lead.score {\n\n case 1,\n 2 { a() }\n // more\n case 3 { b() } case 4 { c() }\nelse { d() } }\ne()", 2),
        ("parallel first\n1 race\n{ a()\nb() }\nc()", 2),
    ],
)
def test_blocks_may_begin_on_the_next_line(body: str, count: int) -> None:
    assert len(statements("\n" + body + "\n")) == count


def test_declarations_end_where_the_next_begins() -> None:
    sound(
        'type A = int?\ntype B = list<A>\ntype C = "x" |\n "y"\naction g() -> B?\naction h() -> list<int>\n  pure\n'
        'event "x/y" { a: A }\naction i() ->\n int\nflow f() -> int?\n{\n}\nflow g2\n{ }'
    )


@pytest.mark.parametrize(
    "word",
    ["type", "event", "flow", "action", "first", "error", "manual", "of", "case", "key", "errors", "per", "at"],
)
def test_a_keyword_is_a_name_where_no_keyword_fits(word: str) -> None:
    sound(f'flow f {{\n {word} = log(message: "x")\n l = log(message: "y") after {word}\n}}')


@pytest.mark.parametrize("word", ["filter", "wait", "emit", "switch", "parallel", "do", "yield", "stop", "fail", "start", "to"])
def test_statement_words_are_variables_fields_and_arguments(word: str) -> None:
    sound(
        f"type T {{ {word}: int }}\naction use({word}: int)\n"
        f"flow f(t: T) {{\n let {word} = t.{word} + 1\n use({word}: {word})\n}}"
    )


@pytest.mark.parametrize("word", ["filter", "let", "wait", "emit", "parallel", "do", "for", "retry", "timeout", "on", "if"])
def test_statement_words_are_no_step_names(word: str) -> None:
    compilation = check(f'flow f {{\n {word} = log(message: "x")\n}}', INTERFACE)
    assert [diagnostic.code for diagnostic in compilation.diagnostics] == ["E104"]


def test_several_settings_share_a_line() -> None:
    sound("flow f { on manual timeout 3d retry 3 every 1s wait 1s }")


def test_two_statements_do_not() -> None:
    compilation = check("flow f { wait 1s wait 2s }", INTERFACE)
    assert [diagnostic.code for diagnostic in compilation.diagnostics] == ["E103"]


def test_docs_belong_to_what_follows() -> None:
    compilation = check(
        '/// Of the flow.\n/// Two lines.\nflow f {\n // not this\n /// Of the step.\n l = log(message: "x") /// nor this\n wait 1s\n}',
        INTERFACE,
    )
    flow = compilation.unwrap()
    assert flow.doc == "Of the flow.\nTwo lines."
    assert [node.doc for node in flow.nodes] == ["Of the step.", ""]


@pytest.mark.parametrize("piece", ["// x\n", '"${', '"', "'''", "`", "\\", "/// x\n", "${", "r'"])
def test_lexing_is_linear(piece: str) -> None:
    """Untrusted text: 20,000 of anything are cut in a moment. Held by the ratio of two lengths, not by the clock alone."""

    def seconds(count: int) -> float:
        best = 9.0
        for _ in range(3):
            begun = time.process_time()
            lex(piece * count)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(20_000) < max(12 * seconds(5_000), 0.2)
