"""Workflows of workflow-kit: what runs is what their edges say, with pruning that propagates and joins that wait."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.lang.diagnostics import render
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.importers.detect import import_json

Json = dict[str, Any]


def action(id_: str, kind: str = "work", **inputs: object) -> Json:
    return {"id": id_, "kind": kind, "inputs": inputs}


def edge(source: str, target: str, type_: str = "", ref: str = "!ref($.output.result)", **more: object) -> Json:
    return {"from": source, "to": target, **({"conditional": {"type": type_, "ref": ref, **more}} if type_ else {})}


def workflow(actions: list[Json], edges: list[Json]) -> str:
    return json.dumps({"name": "My workflow", "actions": actions, "edges": edges})


def body(actions: list[Json], edges: list[Json]) -> str:
    """The statements of the flow, without what every flow begins with."""
    text, found = import_json(workflow(actions, edges))
    assert text is not None, found
    assert format_text(text) == text
    head = "/// My workflow\nflow my_workflow(event: json) {\n  on manual\n\n"
    assert text.startswith(head)
    return "".join(line[2:] + "\n" for line in text.removeprefix(head).removesuffix("}\n").splitlines())


IF = action("c", "builtin:if", condition={"==": ["!ref($.event.data.n)", 1]})


def test_a_sequence() -> None:
    found = body(
        [action("1"), action("2", message="Hi !ref($.event.data.name), !ref($.state.1.n)")],
        [edge("$source", "1"), edge("1", "2")],
    )
    assert found == 'work_1 = work()\nwork_2 = work(message: "Hi ${event.data.name}, ${work_1.n}")\n'


def test_branches_that_meet_again_are_blocks() -> None:
    edges = [edge("$source", "a"), edge("a", "b"), edge("a", "c"), edge("c", "d"), edge("b", "e"), edge("d", "e")]
    assert body([action(name) for name in "abcde"], edges) == (
        "a = work()\nparallel {\n  b = work()\n  do {\n    c = work()\n    d = work()\n  }\n}\ne = work()\n"
    )


def test_conditions_are_if_and_else() -> None:
    edges = [edge("$source", "c"), edge("c", "a", "if"), edge("c", "b", "else"), edge("a", "d"), edge("b", "d")]
    assert body([IF, action("a"), action("b"), action("d")], edges) == (
        "if c: event.data.n == 1 {\n  a = work()\n} else {\n  b = work()\n}\nd = work()\n"
    )


def test_what_stands_behind_a_condition_stands_in_it() -> None:
    edges = [edge("$source", "c"), edge("c", "a", "if"), edge("a", "b")]
    assert body([IF, action("a"), action("b")], edges) == "if c: event.data.n == 1 {\n  a = work()\n  b = work()\n}\n"
    edges = [edge("$source", "c"), edge("c", "a", "else")]
    assert body([IF, action("a")], edges) == "if c: event.data.n == 1 { } else {\n  a = work()\n}\n"


def test_blocks_that_would_be_entered_twice_are_none() -> None:
    edges = [
        edge("$source", "a"),
        edge("a", "b"),
        edge("a", "d", "if", "!ref($.event.x)"),
        edge("b", "e"),
        edge("d", "f"),
        edge("b", "f"),
    ]
    found = body([action(name) for name in "abdef"], edges)
    assert found.startswith("parallel {\n")
    assert "  f = work() after settled(d, b)\n" in found
    found = body([IF, action("a")], [edge("$source", "c"), edge("$source", "a")])
    assert found == "parallel {\n  let c = event.data.n == 1\n  a = work()\n}\n"


def test_edges_with_conditions_of_their_own() -> None:
    ref = "!ref($.output.kind)"
    edges = [edge("$source", "a"), edge("a", "b", "match", ref, value="x"), edge("a", "d", "if", "!ref($.event.ok)")]
    assert body([action("a"), action("b"), action("d")], edges) == (
        'a = work()\nparallel {\n  if a.kind == "x" {\n    b = work()\n  }\n'
        '  if event.ok != null && event.ok != false && event.ok != "" && event.ok != 0 {\n    d = work()\n  }\n}\n'
    )


def test_what_is_not_made_of_blocks_says_what_it_is_after() -> None:
    edges = [edge("$source", "a"), edge("$source", "b"), edge("a", "d"), edge("b", "d"), edge("b", "c"), edge("c", "e", "if")]
    assert body([action("a"), action("b"), IF, action("d"), action("e")], edges) == (
        "parallel {\n  a = work()\n  b = work()\n  d = work() after settled(a, b)\n  let c = event.data.n == 1\n"
        "  e = work() after b when c\n}\n"
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"===": ["!ref($.event.a)", "x"]}, 'event.a == "x"'),
        ({"!==": [1, 2]}, "1 != 2"),
        ({"<": [1, "!ref($.event.a)", 3]}, "1 < event.a && event.a < 3"),
        ({"or": [{"==": [1, 1]}, {"!": {">=": [2, 1]}}]}, "(1 == 1) || !(2 >= 1)"),
        ({"in": ["a", ["a", "b"]]}, '"a" in ["a", "b"]'),
        ({"in": ["a", "abc"]}, '"abc".contains("a")'),
        ({"==": [{"%": [{"+": [1, 2]}, 2]}, True]}, "((1 + 2) % 2) == true"),
        ({"if": [True, False, True]}, "true ? false : true"),
        ({"!!": [1]}, 'dyn(1) != null && dyn(1) != false && dyn(1) != "" && dyn(1) != 0'),
        ({}, "true"),
        ({"==": ["!ref($.event['a b'][0])", None]}, 'event["a b"][0] == null'),
    ],
)
def test_json_logic(condition: object, expected: str) -> None:
    found = body([action("c", "builtin:if", condition=condition), action("a")], [edge("$source", "c"), edge("c", "a", "if")])
    assert found == f"if c: {expected} {{\n  a = work()\n}}\n"


def test_values_and_names() -> None:
    inputs = {
        "list": [1, 2.5, None, {"k": "!ref($.event.x)"}],
        "text": 'say "${no}" !ref($.event.x)',
        "whole": "!ref($.state.c.result)",
    }
    edges = [edge("$source", "c"), edge("c", "if"), edge("if", "If"), edge("If", "9")]
    actions = [
        IF,
        action("if", "ns.do_it", **inputs),
        action("If"),
        {"id": "9", "kind": "work", "name": "Last  one", "description": "Why"},
    ]
    assert body(actions, edges) == (
        'let c = event.data.n == 1\nif_step = ns.do_it(\n  list: [1, 2.5, null, {"k": event.x}],\n'
        '  text: "say \\"\\${no}\\" ${event.x}",\n  whole: c\n)\nif_step_2 = work()\n/// Last one\n/// Why\nwork_9 = work()\n'
    )


def said(actions: Any, edges: Any) -> list[tuple[str, str]]:
    text, found = import_json(json.dumps({"actions": actions, "edges": edges}), filename="w.json")
    assert (text is None) == any(each.code[0] == "E" for each in found)
    assert all(each.file == "w.json" for each in found)
    return [(each.code, each.pointer) for each in found]


def test_the_old_engine_did_not_prune() -> None:
    edges = [edge("$source", "c"), edge("c", "a", "if"), edge("a", "b"), edge("b", "d")]
    assert said([IF, action("a"), action("b"), action("d")], edges) == [("N601", "/edges/2"), ("N601", "/edges/3")]
    edges = [edge("$source", "c"), edge("c", "a", "if"), edge("c", "b", "else"), edge("a", "d"), edge("b", "d")]
    assert said([IF, action("a"), action("b"), action("d")], edges) == [("N602", "/actions/3")]


def test_the_old_engine_did_not_join() -> None:
    edges = [edge("$source", "a"), edge("a", "b"), edge("a", "d"), edge("b", "d")]
    assert said([action("a"), action("b"), action("d")], edges) == [("N602", "/actions/2")]


A = action("a")
SOURCE = edge("$source", "a")
#: The rules that the old engine checked, as far as they are about the workflow alone, and further ones.
WRONG: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    ([A, A], [SOURCE], [("E204", "/actions/1/id")]),
    ([action("$source")], [], [("E204", "/actions/0/id")]),
    ([action("a", "my action!")], [SOURCE], [("E201", "/actions/0/kind")]),
    ([A], [edge("$source", "b")], [("E202", "/edges/0/to")]),
    ([A], [edge("b", "a")], [("E202", "/edges/0/from")]),
    ([A], [edge("a", "$source")], [("E202", "/edges/0/to")]),
    ([A], [SOURCE, SOURCE], [("E111", "/edges/1")]),
    ([A], [SOURCE, edge("a", "a")], [("E401", "/edges/1")]),
    ([A, action("b"), action("d")], [SOURCE, edge("b", "d"), edge("d", "b")], [("E401", "/edges/1")]),
    ([A], [], [("E111", "/edges")]),
    ([], [], [("E111", "/edges")]),
    ([A, action("b")], [SOURCE], [("E406", "/actions/1")]),
    (3, [SOURCE], [("E111", "/actions"), ("E202", "/edges/0/to")]),
    ([3], [], [("E111", "/actions/0")]),
    ([{"id": 1, "kind": ""}], [], [("E111", "/actions/0/id"), ("E111", "/actions/0/kind")]),
    ([{"id": "a"}], [SOURCE], [("E111", "/actions/0")]),
    ([{**A, "input": {}}], [SOURCE], [("E111", "/actions/0/input")]),
    ([{**A, "inputs": []}], [SOURCE], [("E111", "/actions/0/inputs")]),
    ([{**A, "inputs": {"no name": 1}}], [SOURCE], [("E111", "/actions/0/inputs/no name")]),
    ([action("a", x="!ref($.output.x)")], [SOURCE], [("E111", "/actions/0/inputs/x")]),
    ([action("a", x="!ref($.event..x)")], [SOURCE], [("E111", "/actions/0/inputs/x")]),
    ([action("a", x="!ref($.state.a)")], [SOURCE], [("E111", "/actions/0/inputs/x")]),
    ([action("a", x=["!ref($.state.b)"])], [SOURCE], [("E111", "/actions/0/inputs/x/0")]),
    ([action("c", "builtin:if")], [edge("$source", "c")], [("E111", "/actions/0")]),
    ([action("c", "builtin:if", condition="x")], [edge("$source", "c")], [("E111", "/actions/0/inputs/condition")]),
    ([action("c", "builtin:if", condition={"xor": [1, 2]})], [edge("$source", "c")], [("E111", "/actions/0/inputs/condition/xor")]),
    ([action("c", "builtin:if", condition={"!": 1, "!!": 2})], [edge("$source", "c")], [("E111", "/actions/0/inputs/condition")]),
    ([IF, action("a", x="!ref($.state.c)")], [edge("$source", "c"), edge("c", "a")], [("E111", "/actions/1/inputs/x")]),
    ([A], [edge("$source", "a", "maybe", "!ref($.event.x)")], [("E111", "/edges/0/conditional/type")]),
    ([A], [{"from": "$source", "to": "a", "conditional": 3}], [("E111", "/edges/0/conditional")]),
]  # fmt: skip


@pytest.mark.parametrize(("actions", "edges", "expected"), WRONG)
def test_what_is_wrong_is_said_by_pointer(actions: Any, edges: Any, expected: list[tuple[str, str]]) -> None:
    assert said(actions, edges) == expected


def test_an_event_cannot_hold_a_ref() -> None:
    """The old engine put the event's text into the text that it then searched for refs."""
    text, _ = import_json(workflow([action("a", "say", text="Hi !ref($.event.name)")], [edge("$source", "a")]))
    assert text is not None
    heard: list[str] = []
    catalog = dagflow.Catalog()

    @catalog.action("say", effect="idempotent")
    def say(text: str) -> None:
        heard.append(text)

    dagflow.run(
        dagflow.compile(text, catalog=catalog).unwrap(),
        {"event": {"name": "!ref($.event.code)", "code": "1234"}},
        catalog=catalog,
    )
    assert heard == ["Hi !ref($.event.code)"]


@st.composite
def workflows(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    """Any graph without a circle in which everything can be reached, with conditions on edges and in nodes."""
    n = draw(st.integers(1, 7))
    actions = [
        action(f"n{i}", "builtin:if", condition={"==": [f"!ref($.event.b{i})", True]})
        if draw(st.integers(0, 3)) == 0
        else action(f"n{i}", n=i)
        for i in range(n)
    ]
    edges: list[Json] = []
    for i in range(n):
        for source in draw(st.sets(st.sampled_from(["$source", *(f"n{j}" for j in range(i))]), min_size=1, max_size=2)):
            is_if = source != "$source" and actions[int(source[1:])]["kind"] == "builtin:if"
            kind = draw(st.sampled_from(["if", "else", ""] if is_if else ["", "", "", "if", "else", "match"]))
            ref = "!ref($.output.result)" if is_if else f"!ref($.event.b{draw(st.integers(0, 2))})"
            edges.append(edge(source, f"n{i}", kind, ref, **({"value": True} if kind == "match" else {})))
    return actions, edges


def expected_runs(actions: list[Json], edges: list[Json], event: dict[str, bool]) -> set[str]:
    """Straight from the rules: an action runs if an edge is followed from one that ran."""
    ran = {"$source"}
    for each in actions:
        for way in edges:
            if way["to"] != each["id"] or way["from"] not in ran:
                continue
            condition = way.get("conditional")
            name = (
                f"b{way['from'][1:]}"
                if condition and "output" in condition["ref"]
                else condition["ref"][13:-1]
                if condition
                else ""
            )
            if condition is None or event[name] == (condition["type"] != "else"):
                ran.add(each["id"])
    return {each["id"] for each in actions if each["kind"] == "work"} & ran


@settings(max_examples=60, deadline=None)
@given(given_=workflows(), values=st.lists(st.booleans(), min_size=7, max_size=7))
def test_what_runs_is_what_the_edges_say(given_: tuple[list[Json], list[Json]], values: list[bool]) -> None:
    actions, edges = given_
    text, _ = import_json(workflow(actions, edges))
    assert text is not None
    ran: set[str] = set()
    catalog = dagflow.Catalog()

    @catalog.action("work", effect="idempotent")
    def work(n: int) -> int:
        ran.add(f"n{n}")
        return n

    compilation = dagflow.compile(text, catalog=catalog)
    assert not compilation.has_errors, text + compilation.render()
    event = {f"b{i}": value for i, value in enumerate(values)}
    result = dagflow.run(compilation.unwrap(), {"event": event}, catalog=catalog)
    assert str(result.status) == "succeeded"
    assert ran == expected_runs(actions, edges, event), text


def test_notes_read_well() -> None:
    edges = [edge("$source", "c"), edge("c", "a", "if"), edge("a", "b"), edge("c", "d"), edge("a", "d")]
    source = json.dumps({"actions": [IF, *map(action, "abd")], "edges": edges}, indent=1)
    _, found = import_json(source, filename="w.json")
    assert render(found, source, "w.json").split("\n\n") == NOTES


NOTES = [
    """\
note[N602]: workflow-kit does not wait for all of `c`, `a`
  --> w.json:25:3 (at /actions/3)
25 |   {
   |   ^ it runs after the first of them
   = help: dagflow runs it after all of them have settled; no action is needed if that is intended""",
    """\
note[N601]: workflow-kit would still run `b`
  --> w.json:44:3 (at /edges/2)
44 |   {
   |   ^ `a` → `b`: workflow-kit does not propagate pruning
   = help: dagflow prunes it if the condition is false; no action is needed if that is intended""",
]
