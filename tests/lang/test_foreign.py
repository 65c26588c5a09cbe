"""What people write first who come from another language: safe fixes make of it what was meant, and leave alone what is unclear."""

from __future__ import annotations

import pytest

from dagflow.diagnostic import nearest
from dagflow.lang.autofix import fix_text
from dagflow.lang.compiler import Compilation
from tests.lang.golden import check, prelude

INTERFACE = prelude()
HEAD = "flow f(who: string, to: Email, n: int, tags: list<string>, o: string?, d: double)"


def compiled(text: str) -> Compilation:
    return check(text, INTERFACE)


def flow(body: str) -> str:
    return f"{HEAD} {{\n  {body}\n}}\n"


#: What is written, and what the safe fixes make of it.
MEANT = [
    ('email(template="hello", to = to)', 'email(template: "hello", to: to)'),
    ('log(message: f"hello {who} and {run.id}")', 'log(message: "hello ${who} and ${run.id}")'),
    ('# a note\n  log(message: "x") # more', '// a note\n  log(message: "x") // more'),
    ('log(message: "x") /* a note */', 'log(message: "x") // a note'),
    ('/* one\n   * two */\n  log(message: "x")', '// one\n  // two\n  log(message: "x")'),
    ('raise "no"', 'fail "no"'),
    ('throw "no"', 'fail "no"'),
    ('await log(message: "x")', 'log(message: "x")'),
    ('x = await log(message: "x")', 'x = log(message: "x")'),
    ('try { log(message: who) } catch (e) { fail "no" }', 'do { log(message: who) } on error as e { fail "no" }'),
    ('const x = n\n  log(message: "${x}")', 'let x = n\n  log(message: "${x}")'),
    ('match who { case "a" { stop } default { fail "no" } }', 'switch who { case "a" { stop } else { fail "no" } }'),
    ("log(message: who) if n > 3", "log(message: who) when n > 3"),
    ("if n > 3 { return }\n  log(message: who)", "if n > 3 { stop }\n  log(message: who)"),
    ("if not True { stop }", "if !true { stop }"),
    ('if tags.length > 3 and len(tags) > 2 { fail "no" }', 'if tags.size() > 3 && size(tags) > 2 { fail "no" }'),
    ("log(message: `hello ${who}`)", 'log(message: "hello ${who}")'),
    ('log(message: who if n > 2 or d > 1.0 else "b")', 'log(message: n > 2 || d > 1.0 ? who : "b")'),
    ('wait "2d"', "wait 2d"),
    ('email(template: "x", to: to, data: {name: who})', 'email(template: "x", to: to, data: {"name": who})'),
    ("wait for 2d", "wait 2d"),
    ("sleep(2d)", "wait 2d"),
    ("log(message: who) retry 3 times", "log(message: who) retry 3"),
    ("log(message: who) retry(3)", "log(message: who) retry 3"),
    ('log(message: "${d * 2}")', 'log(message: "${d * 2.0}")'),
    ('if n > 3 { stop } elif n > 2 { fail "no" }', 'if n > 3 { stop } else if n > 2 { fail "no" }'),
    ('if n > 3 { stop } elseif n > 2 { fail "no" }', 'if n > 3 { stop } else if n > 2 { fail "no" }'),
]

#: What could mean more than one thing.
UNCLEAR = [
    'log(message: "a" "b")',
    'slack(channel: #sales, text: "x")',
    "if n > 3:\n    stop",
    "if n > 3\n    stop",
    "let xs = [1 2]",
    'throw new Error("no")',
    'log(message: f"{n:>10}")',
    'log(/* a note */ message: "x")',
    "/* a note without an end",
    "stop ; stop",
    "hello world",
    "if not n > 3 { stop }",
    "if !o { stop }",
    "if o { stop }",
    "log(message: who) timeout 30",
    "print(who)",
    'r = fetch(url: "x")',
]

TYPES = [
    ("list[string]", "list<string>"),
    ("list[list[string]]", "list<list<string>>"),
    ("string[]", "list<string>"),
    ("map[string, int]", "map<string, int>"),
]


@pytest.mark.parametrize(("written", "meant"), MEANT)
def test_safe_fixes_write_what_was_meant(written: str, meant: str) -> None:
    before = compiled(flow(written))
    assert before.has_errors
    after = fix_text(before.text, compiled).compilation
    assert after.text == flow(meant)
    assert not after.has_errors, after.render()


@pytest.mark.parametrize("written", UNCLEAR)
def test_what_is_unclear_is_left_alone(written: str) -> None:
    before = compiled(flow(written))
    assert before.has_errors
    assert fix_text(before.text, compiled).compilation.text == before.text


@pytest.mark.parametrize(("written", "meant"), TYPES)
@pytest.mark.parametrize("place", ["type T = {}\n", "type T {{ a: {} }}\n", "flow f(a: {}) {{ stop }}\n"])
def test_types_of_other_languages_are_written_as_ours(written: str, meant: str, place: str) -> None:
    before = compiled(place.format(written))
    assert before.has_errors
    assert fix_text(before.text, compiled).compilation.text == place.format(meant)


@pytest.mark.parametrize("place", ["type T {{ {} }}\n", "flow f({}) {{ stop }}\n"])
def test_an_optional_field_has_its_sign_behind_its_type(place: str) -> None:
    before = compiled(place.format("a?: list<string>, b?: int?, c?: int"))
    assert fix_text(before.text, compiled).compilation.text == place.format("a: list<string>?, b: int?, c: int?")


def test_unsafe_braces_make_a_block_of_the_indented_lines() -> None:
    before = compiled(flow('if n > 3:\n    log(message: "a")\n    stop\n  else:\n    fail "no"\n  log(message: "b")'))
    assert [d.code for d in before.diagnostics if d.code.startswith("E1")] == ["E103", "E103"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("def f(a: int) { stop }\n", "flow f(a: int) { stop }\n"),
        ("function f(a: int) { stop }\n", "flow f(a: int) { stop }\n"),
        ("struct A { a: int }\n", "type A { a: int }\n"),
        ("enum A {\n  new\n  won\n}\n", 'type A = "new" | "won"\n'),
    ],
)
def test_declarations_of_other_languages(written: str, meant: str) -> None:
    after = fix_text(written, compiled).compilation
    assert after.text == meant
    assert not after.has_errors, after.render()


@pytest.mark.parametrize(("word", "known"), [("b", ["a", "c"]), ("raise", ["rate"]), ("oo", ["on", "do"])])
def test_short_names_are_no_slips_of_each_other(word: str, known: list[str]) -> None:
    assert nearest(word, known) is None


@pytest.mark.parametrize(
    "head", ["flow f(a: list<>)", "flow f(3: int)", "flow f(a: int *)", "flow f() -> list<>", "flow f() returns int"]
)
def test_a_broken_head_does_not_hide_the_body(head: str) -> None:
    bad = compiled(f'{head} {{\n  let x = nothing\n  missing()\n  log(text: "x")\n}}\n')
    assert [d.code for d in bad.diagnostics if not d.code.startswith("E1")] == ["E202", "E201", "E306"]
    assert sum(d.code.startswith("E1") for d in bad.diagnostics) == 1
