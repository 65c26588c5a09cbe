"""Which file an import means, what it gives, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow.lang.check.imports import path_of, resolved
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.limits import Limits
from dagflow.model.flow import NodeKind
from tests.lang.golden import SOURCES, check, prelude

INTERFACE = prelude()
TEXT = """
import "./onboarding.flow" as join

flow f(id: string, to: Email) {
  on manual
  made = join.welcome(contact: {"id": id, "email": to})
  start join.welcome(contact: {"id": id, "email": to}) when made.tags > 0
  join.crm.tag(id: id, tag: "old")
  wait event "crm/welcomed" as e when e.id == id within 1d
}
"""


def said(text: str, **sources: str) -> Compilation:
    files = {f"{name}.flow": source for name, source in sources.items()}
    return compile_text(text, INTERFACE, filename="a.flow", sources=files)


def test_what_an_imported_file_gives() -> None:
    compilation = check(TEXT, INTERFACE)
    assert compilation.diagnostics == ()
    flow = compilation.unwrap("f")
    assert list(compilation.flows) == ["f"]
    assert [(node.id, node.kind, node.action, node.flow) for node in flow.nodes[:4]] == [
        ("made", NodeKind.CALL, "", "onboarding.flow#welcome"),
        ("welcome.when", NodeKind.GATE, "", ""),
        ("welcome", NodeKind.START, "", "onboarding.flow#welcome"),
        ("tag", NodeKind.ACTION, "crm.tag", ""),
    ]
    assert [(callee.key, callee.flow.filename) for callee in flow.callees] == [
        ("shared/mail.flow#send", "shared/mail.flow"),
        ("onboarding.flow#welcome", "onboarding.flow"),
    ]
    assert all(callee.flow.callees == () for callee in flow.callees)
    assert flow.callees[1].flow.source == SOURCES["onboarding.flow"]
    assert [node.id for node in flow.nodes if node.kind is NodeKind.UNDO] == ["made.undo"]
    # Names behind an import are of this file alone.
    assert not [name for name in (*compilation.interface.actions, *compilation.interface.types) if name.startswith("join.")]


def test_each_file_is_read_once() -> None:
    asked: list[str] = []

    def text_of(path: str) -> str | None:
        asked.append(path)
        return SOURCES.get(path)

    text = TEXT.replace("flow f", 'import "./shared/mail.flow" as mail\nflow f').replace(
        "on manual", "on manual\n mail.send(to: to)"
    )
    compilation = compile_text(text, INTERFACE, filename="a.flow", sources=text_of)
    assert compilation.diagnostics == ()
    assert asked == ["onboarding.flow", "shared/mail.flow"]
    assert [callee.key for callee in compilation.unwrap().callees] == ["shared/mail.flow#send", "onboarding.flow#welcome"]


def test_the_public_function_takes_sources() -> None:
    text = 'import "./b.flow" as b\nflow a(n: int) -> int { on manual\n r = b.double(n: n)\n return r }'
    other = "flow double(n: int) -> int { return 2 * n }"
    assert dagflow.compile(text, sources={"b.flow": other}).unwrap().callees[0].key == "b.flow#double"
    alone = dagflow.compile(text)
    assert [diagnostic.code for diagnostic in alone.diagnostics] == ["E212"]
    assert 'dagflow.compile(text, sources={"b.flow": …})' in alone.diagnostics[0].help


@pytest.mark.parametrize(
    ("importer", "path", "meant"),
    [
        ("a.flow", "./x.flow", "x.flow"),
        ("a.flow", "x.flow", "x.flow"),
        ("a.flow", "sub/../x.flow", "x.flow"),
        ("sub/a.flow", "../x.flow", "x.flow"),
        ("sub/a.flow", "./x.flow", "sub/x.flow"),
        ("sub/deep/a.flow", "../../x y-1.flow", "x y-1.flow"),
        ("a.flow", "../x.flow", None),
        ("sub/a.flow", "../../x.flow", None),
        ("a.flow", "/x.flow", None),
        ("a.flow", "a//x.flow", None),
        ("a.flow", "C:x.flow", None),
        ("a.flow", "a\\x.flow", None),
        ("a.flow", "~/x.flow", None),
        ("a.flow", ".hidden", None),
        ("a.flow", "x\0.flow", None),
        ("a.flow", "x" * 600, None),
        ("a.flow", "..", None),
        ("a.flow", ".", None),
        ("a.flow", "https://example.org/x.flow", None),
    ],
)
def test_paths(importer: str, path: str, meant: str | None) -> None:
    assert resolved(importer, path) == meant


@given(st.lists(st.sampled_from(["..", ".", "a", "b.flow", "", "/"]), max_size=8).map("/".join))
def test_no_path_leads_out(path: str) -> None:
    found = resolved("dir/a.flow", path)
    assert found is None or not {"..", ".", ""} & set(found.split("/"))


@pytest.mark.parametrize(
    ("filename", "path"),
    [
        ("flows/a.flow", "flows/a.flow"),
        ("./a.flow", "a.flow"),
        ("/home/me/a.flow", "a.flow"),
        ("../a.flow", "a.flow"),
        ("<flow>", "<flow>"),
        ("C:\\flows\\a.flow", "a.flow"),
    ],
)
def test_where_the_first_file_stands(filename: str, path: str) -> None:
    assert path_of(filename) == path


def test_paths_are_read_from_where_a_file_stands() -> None:
    files = {
        "flows/b.flow": 'import "../lib/c.flow" as c\nflow b() { c.c() }',
        "lib/c.flow": 'flow c() { log(message: "c") }',
    }
    compilation = compile_text('import "./b.flow" as b\nflow a() { b.b() }', INTERFACE, filename="flows/a.flow", sources=files)
    assert [callee.key for callee in compilation.unwrap().callees] == ["lib/c.flow#c", "flows/b.flow#b"]


def test_errors_are_said_where_they_are() -> None:
    compilation = compile_text(
        'import "./b.flow" as b\nflow a(x: Nope) { b.b() }', INTERFACE, filename="/srv/flows/a.flow",
        sources={"b.flow": "flow b() { let unused = 1\n nothing() }"},
    )  # fmt: skip
    assert [(each.code, each.file) for each in compilation.diagnostics] == [
        ("E213", "/srv/flows/a.flow"),
        ("E209", "/srv/flows/a.flow"),
        ("E201", "/srv/flows/b.flow"),
    ]
    assert " --> /srv/flows/b.flow:2:2\n2 |  nothing() }" in compilation.render()
    assert [(each["file"], each["start"]["line"]) for each in compilation.to_json()][2] == ("/srv/flows/b.flow", 2)
    assert compilation.flows == {}


def test_of_a_broken_file_nothing_more_is_said() -> None:
    text = """
import "./b.flow" as b
flow a(x: b.Thing, y: list<b.Other>) {
  b.b()
  r = b.gone(y: y)
  b.act(x: r.z) undo b.act2(x: r.z)
  start b.later()
  emit "b/some" (x: 1)
}
"""
    assert [each.code for each in said(text, b="flow b() { wait 2 days }").diagnostics] == ["E213", "E103"]


def test_events_that_do_not_agree() -> None:
    text = 'import "./b.flow" as b\nevent "x/y" { a: string }\nflow a() { emit "x/y" (a: "x") }'
    assert (
        "this differs from the other declaration: `a` is int there, string here"
        in said(text, b='event "x/y" { a: int }').render()
    )
    assert said(text, b='event "x/y" { a: string }').diagnostics == ()


def test_events_of_two_imports_that_do_not_agree() -> None:
    text = 'import "./b.flow" as b\nimport "./c.flow" as c\nflow a() { emit "x/y" (a: 1) }'
    assert said(text, b='event "x/y" { a: int }', c='event "x/y" { a: int }').diagnostics == ()
    found = said(text, b='event "x/y" { a: int }', c='event "x/y" { a: string }')
    assert [each.code for each in found.diagnostics] == ["E210"]
    assert "in `b` `a` is int there, string here" in found.render()


def test_too_many_files() -> None:
    files = {f"f{n}.flow": f'import "./f{n + 1}.flow" as next\nflow f() {{ start next.f() }}' for n in range(40)}
    files["f40.flow"] = "flow f() { wait 1s }"
    compilation = compile_text(files["f0.flow"], INTERFACE, filename="f0.flow", sources=files)
    found = [each for each in compilation.diagnostics if each.code != "E213"]
    assert [(each.code, each.file) for each in found] == [("E116", "f32.flow")]
    assert "more than 32 files are imported" in found[0].title


def test_too_much_text() -> None:
    files = dict.fromkeys(("b.flow", "c.flow"), f'flow f() {{ log(message: "{"x" * 2000}") }}')
    text = 'import "./b.flow" as b\nimport "./c.flow" as c\nflow a() { start b.f()\n start c.f() }'
    limits = Limits(imported_chars=3000)
    assert [each.code for each in compile_text(text, INTERFACE, sources=files, limits=limits).diagnostics] == ["E116", "E205"]
    limits = Limits(source_chars=1000)
    found = compile_text(text, INTERFACE, sources=files, limits=limits).diagnostics
    assert [each.code for each in found if each.file == "b.flow"] == ["E116"]


def test_circles_of_flows_stay_within_a_file() -> None:
    compilation = said('import "./b.flow" as b\nflow f() { b.f() }', b='flow f() { g() }\nflow g() { log(message: "g") }')
    assert [callee.key for callee in compilation.unwrap().callees] == ["b.flow#g", "b.flow#f"]


def test_calls_across_files_are_not_deeper_than_eight() -> None:
    files = {f"f{n}.flow": f'import "./f{n + 1}.flow" as next\nflow f() {{ next.f() }}' for n in range(9)}
    files["f7.flow"] = "flow f() { wait 1s }"
    assert compile_text(files["f0.flow"], INTERFACE, filename="f0.flow", sources=files).diagnostics == ()
    del files["f7.flow"]
    files |= {"f7.flow": 'import "./f8.flow" as next\nflow f() { next.f() }', "f8.flow": "flow f() { wait 1s }"}
    compilation = compile_text(files["f0.flow"], INTERFACE, filename="f0.flow", sources=files)
    assert [(each.code, each.file) for each in compilation.diagnostics] == [("E502", "f0.flow")]
