"""What loops, undo and calls become: nodes, edges, bodies, callees."""

from __future__ import annotations

import pytest

from dagflow.lang.compiler import Compilation
from dagflow.lang.diagnostics import apply_fixes
from dagflow.model.action import Effect
from dagflow.model.flow import Flow, GateRef, Join, JoinKind, Loop, Node, NodeKind, RetryPolicy, Scope
from dagflow.model.types import DOUBLE, INT, JSON, NULL, STRING, UNKNOWN, Field, ListType, OptionalType, RecordType, Type
from tests.lang.golden import check, prelude
from tests.lang.test_lowering import edges, flow_of, ids, step

INTERFACE = prelude()
UNDONE = 'undo take_back(message: "x")'


def loop_of(flow: Flow, node_id: str) -> Loop:
    loop = flow.node(node_id).loop
    assert loop is not None
    return loop


def said(body: str, more: str = "") -> Compilation:
    return check(f"flow f(lead: Lead, order: Order) {{\n{body}\n}}\n{more}", INTERFACE)


def node(name: str, flow: Flow) -> Node:
    return flow.node(name)


# ---- for


def test_a_loop_is_one_node_with_a_flow_inside() -> None:
    flow = flow_of(
        step("a") + "rows = for item, i in order.items max 7 parallel 3 key item.sku {\n" + step("b")
        + 'c = log(message: "${i}")\nyield item.price\n}\n' + step("d")
    )  # fmt: skip
    assert ids(flow) == ["a", "rows", "d"]
    assert edges(flow) == {("a", "rows"): "seq", ("rows", "d"): "seq"}
    rows = node("rows", flow)
    assert (rows.kind, rows.effect, rows.type, rows.retry) == (
        NodeKind.FOR,
        Effect.TRANSACTIONAL,
        ListType(DOUBLE),
        RetryPolicy(),
    )
    loop = loop_of(flow, "rows")
    assert (loop.item, loop.index, loop.most, loop.width, loop.collects) == ("item", "i", 7, 3, False)
    assert loop.key is not None
    assert loop.key.type is STRING
    body = loop.body
    assert body.name == "f.rows"
    assert body.result is DOUBLE
    assert [field.name for field in body.input.fields] == ["item", "i"]
    assert (body.binding, body.triggers, body.scopes, body.timeout_ns) == ("", (), (Scope("", None, None),), flow.timeout_ns)
    assert [each.kind for each in body.nodes] == [NodeKind.ACTION, NodeKind.ACTION, NodeKind.YIELD]
    assert {each.gate for each in body.nodes} == {None}
    assert (body.source, body.filename) == (flow.source, flow.filename)


def test_what_a_body_reads_comes_before_the_loop() -> None:
    charge = 'charge = pay.charge(order_id: "x", amount: 1)\n'
    flow = flow_of(
        charge + step("a") + "rows = for x in order.items max 3 key charge.id {\n"
        "for y in order.items max 3 {\n let z = charge.id\n log(message: z) }\n}"
    )
    assert edges(flow) == {("charge", "a"): "seq", ("a", "rows"): "seq", ("charge", "rows"): "data"}
    inner = loop_of(flow, "rows").body
    assert edges(inner) == {}
    (nested,) = inner.nodes
    assert nested.loop is not None
    assert nested.loop.body.name == f"f.rows.{nested.id}"
    assert edges(nested.loop.body) == {("z", "log"): "seq data"}


def test_a_body_reads_what_the_list_and_its_own_undo_need_too() -> None:
    flow = flow_of(
        'a = crm.lookup(email: lead.email)\nb = pay.charge(order_id: "x", amount: 1)\n'
        "for tag in a.tags max 9 {\n log(message: tag) undo take_back(message: b.id)\n}"
    )
    loop = next(each for each in flow.nodes if each.kind is NodeKind.FOR)
    assert edges(flow)["a", loop.id] == "data"
    assert edges(flow)["b", loop.id] == "seq data"


def test_conditions_around_a_loop_hold_inside() -> None:
    flow = flow_of(
        'if q: lead.score > 1 {\n a = crm.lookup(email: lead.email)\n for t in a.tags max 3 {\n filter r: t != ""\n'
        " x = log(message: a.name) } }"
    )
    loop = next(each for each in flow.nodes if each.kind is NodeKind.FOR)
    assert loop.gate == GateRef("q", 1)
    assert loop.loop is not None
    body = loop.loop.body
    assert (node("r", body).gate, node("x", body).gate) == (None, GateRef("r", 1))


def test_narrowing_holds_inside() -> None:
    flow_of("filter lead.owner.hasValue()\nfor t in lead.tags max 3 { log(message: lead.owner) }")
    assert "E312" in said("for t in lead.tags max 3 { log(message: lead.owner) }").render()


def test_presence_in_a_body_is_that_at_the_loop() -> None:
    maybe = "if lead.score > 1 { a = crm.lookup(email: lead.email) }\n"
    assert "`a` may not have run" in said(maybe + "for t in lead.tags max 3 { log(message: a.name) }").render()
    flow_of(maybe + 'for t in lead.tags max 3 { log(message: a.?name ?? "") }')
    flow_of(maybe + "filter a.hasValue()\nfor t in lead.tags max 3 { log(message: a.name) }")


def test_what_is_certain_at_the_loop_is_certain_behind_an_after() -> None:
    flow_of(
        "if lead.score > 1 { a = crm.lookup(email: lead.email) } else { stop }\n"
        'for t in lead.tags max 3 {\n b = log(message: "b")\n c = log(message: a.name) after b }'
    )


def test_the_error_block_of_a_loop_is_around_its_node() -> None:
    flow = flow_of("rows = for t in lead.tags max 3 { yield t } on error as e { log(message: e.code) }\n" + step("z"))
    assert flow.node("rows").scope == "rows"
    assert Scope("rows", "", "rows.catch") in flow.scopes
    assert edges(flow)["rows", "rows.catch"] == "seq"
    assert loop_of(flow, "rows").body.scopes == (Scope("", None, None),)
    assert (
        "`rows` has no value if its `on error` ran"
        not in said("rows = for t in lead.tags max 3 { yield t }\nlet n = size(rows)").render()
    )
    assert "E308" in said("rows = for t in lead.tags max 3 { yield t } on error { }\nlog(message: string(size(rows)))").render()


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ("yield 1", ListType(INT)),
        ("if lead.score > 1 { yield 1 } else { yield 2 }", ListType(INT)),
        ("if lead.score > 1 { yield 1 } else { yield order.extra }", ListType(JSON)),
        ('if lead.score > 1 { yield order.note } else { yield "x" }', ListType(OptionalType(STRING))),
        ("if lead.score > 1 { yield lead.email } else { yield lead.name }", ListType(STRING)),
        ("filter lead.score > 1\nyield 1.5", ListType(DOUBLE)),
        ("yield lead.nope", ListType(UNKNOWN)),
        ("wait 1s", NULL),
    ],
)  # fmt: skip
def test_what_a_loop_reads_as(body: str, type_: Type) -> None:
    compilation = said(f"rows = for t in lead.tags max 3 {{ {body} }}\nlog(message: string(size(rows)))")
    errors = {each.code for each in compilation.diagnostics}
    if type_ == ListType(UNKNOWN):
        assert errors == {"E301"}
    elif type_ is NULL:
        assert "`rows` has no value" in compilation.render()
    else:
        assert compilation.unwrap("f").node("rows").type == type_
        assert loop_of(compilation.unwrap("f"), "rows").body.result == getattr(type_, "element", None)


def test_collected_errors_have_a_type() -> None:
    def of(options: str, body: str) -> Type:
        flow = flow_of(
            f"rows = for t in lead.tags max 3 {options} collect errors {{ {body} }}\nlog(message: string(size(rows.failed)))"
        )
        return flow.node("rows").type

    keyed = of("key t", "yield 1")
    assert isinstance(keyed, RecordType)
    assert str(keyed) == "{ok: list<int>, failed: list<{key: string, error: Failure}>}"
    assert str(of("", "wait 1s")) == "{failed: list<{key: int, error: Failure}>}"


def test_lists_of_unknown_things() -> None:
    flow = flow_of("rows = for x in order.extra max 3 { yield x }\nlog(message: string(size(rows)))")
    assert flow.node("rows").type == ListType(JSON)
    assert loop_of(flow, "rows").body.input == RecordType("", (Field("x", JSON),))


def test_an_unnamed_loop_has_an_id_of_its_own() -> None:
    flow = flow_of(
        "for t in lead.tags max 3 { wait 1s }\nfor t in lead.tags max 3 { wait 2s }\nfor t in lead.tags max 3 { wait 1s }"
    )
    assert len(set(ids(flow))) == 3
    assert all(each.startswith("for.") for each in ids(flow))


def test_the_same_variable_in_one_loop_after_another() -> None:
    flow_of("for t in lead.tags max 3 { a = log(message: t) }\nfor t in order.items max 3 { b = log(message: t.sku) }")


# ---- undo


def test_undo_comes_behind_everything_in_reverse() -> None:
    flow = flow_of(f'a = pay.charge(order_id: "x", amount: 1) undo take_back(message: a.id)\n{step("b", UNDONE)}{step("c")}')
    assert ids(flow) == ["a", "b", "c", "undo.gate", "b.undo", "a.undo"]
    gate, last = node("undo.gate", flow), node("a.undo", flow)
    assert (gate.kind, gate.scope, gate.catches, gate.outcomes) == (NodeKind.UNWIND, "undo", "", ("no", "yes"))
    assert (last.kind, last.scope, last.gate) == (NodeKind.UNDO, "undo", GateRef("undo.gate", 1))
    assert (last.join, last.undoes, last.action) == (Join(JoinKind.ALL, ("a",)), "a", "take_back")
    assert last.effect is Effect.IDEMPOTENT
    assert last.retry == RetryPolicy(max_attempts=11)
    assert Scope("undo", None, None) in flow.scopes
    assert {pair: kinds for pair, kinds in edges(flow).items() if pair[1].endswith("undo")} == {
        ("a", "a.undo"): "data after", ("undo.gate", "a.undo"): "gate 1", ("b.undo", "a.undo"): "seq",
        ("b", "b.undo"): "after", ("undo.gate", "b.undo"): "gate 1",
    }  # fmt: skip


def test_undo_follows_the_graph_not_the_text() -> None:
    flow = flow_of(
        f"parallel {{ {step('a', UNDONE)}\ndo {{ {step('b', UNDONE)}{step('m')}{step('c', UNDONE)} }} }}\n{step('d', UNDONE)}"
        f"{step('e', 'after a ' + UNDONE)}"
    )
    order = {pair for pair in edges(flow) if pair[0].endswith(".undo") and pair[1].endswith(".undo")}
    assert order == {("d.undo", "a.undo"), ("d.undo", "c.undo"), ("c.undo", "b.undo"), ("e.undo", "a.undo")}


def test_what_an_undo_reads_its_step_waits_for() -> None:
    flow = flow_of(
        f'{step("z")}parallel {{ a = pay.charge(order_id: "x", amount: 1)\n {step("b", "undo take_back(message: a.id)")} }}'
    )
    assert edges(flow)["a", "b"] == "data"
    assert edges(flow)["a", "b.undo"] == "data"


def test_the_flow_s_error_block_runs_when_all_is_undone() -> None:
    flow = check(
        f"flow f {{ on manual\n {step('a', UNDONE)}{step('b', UNDONE)} }} on error {{ {step('c')} }}", INTERFACE
    ).unwrap()
    assert {source for source, target in edges(flow) if target == "on_error.catch"} == {"b", "undo.gate", "a.undo", "b.undo"}


@pytest.mark.parametrize(
    ("of_the_flow", "attempts", "first_s"),
    [("retry 2 every 3s", 11, 1), ('retry 9 every 3s only "busy"', 11, 1), ('retry 19 every 3s only "busy"', 20, 3)],
)
def test_an_undo_has_a_retry_of_its_own_unless_that_of_the_flow_is_more_patient(
    of_the_flow: str, attempts: int, first_s: int
) -> None:
    flow = check(f"flow f {{ {of_the_flow}\n {step('a', UNDONE)} }}", INTERFACE).unwrap()
    retry = flow.node("a.undo").retry
    assert (retry.max_attempts, retry.initial_interval_ns, retry.only) == (attempts, first_s * 1_000_000_000, ())


def test_loops_and_calls_with_undos_are_undone() -> None:
    compilation = said(
        f"rows = for t in lead.tags max 3 {{ for u in lead.tags max 3 {{ {step('a', UNDONE)} }} }}\n"
        'plain = for t in lead.tags max 3 { wait 1s }\n r = g()\n h()\n start g2()\n s = g() undo take_back(message: "mine")',
        f"flow g() {{ {step('x', UNDONE)} }}\nflow g2() {{ g() }}\nflow h() {{ wait 1s }}",
    )
    flow = compilation.unwrap("f")
    undos = [(each.undoes, each.action, each.effect) for each in flow.nodes if each.kind is NodeKind.UNDO]
    transactional = Effect.TRANSACTIONAL
    assert undos == [("s", "take_back", Effect.IDEMPOTENT), ("r", "", transactional), ("rows", "", transactional)]
    (nested,) = [each for each in loop_of(flow, "rows").body.nodes if each.kind is NodeKind.UNDO]
    assert nested.action == ""


def test_what_an_error_block_calls_is_not_undone() -> None:
    compilation = check(
        f"flow f {{ on manual\n wait 1s }} on error {{ r = g() }}\nflow g() {{ {step('x', UNDONE)} }}", INTERFACE
    )
    assert not [each for each in compilation.unwrap("f").nodes if each.kind is NodeKind.UNDO]


def test_undo_in_a_circle_is_only_a_circle() -> None:
    compilation = said(f"{step('a', 'after b ' + UNDONE)}{step('b', UNDONE)}")
    assert [each.code for each in compilation.diagnostics] == ["E401"]


# ---- calls


def test_calls_and_starts() -> None:
    compilation = said(
        "r = g(id: lead.name) retry 2 timeout 1m within 1h\nw = start g(id: r.id)\nlog(message: w.run_id)\nh(n: 1)",
        'flow g(id: string, more: int = 2) -> {id: string} { return {"id": "${id} ${more}"} }\nflow h(n: int) { log(message: "${n}") }',
    )  # fmt: skip
    flow = compilation.unwrap("f")
    call, start, plain = flow.node("r"), flow.node("w"), flow.node("h")
    assert (call.kind, call.flow, call.action, call.effect) == (NodeKind.CALL, "g", "", Effect.TRANSACTIONAL)
    assert (call.retry.max_attempts, call.timeout_ns, call.within_ns) == (3, 60 * 10**9, 3600 * 10**9)
    assert call.type == RecordType("", (Field("id", STRING),))
    assert (start.kind, start.flow, start.type) == (NodeKind.START, "g", RecordType("", (Field("run_id", STRING),)))
    assert start.retry == RetryPolicy()
    assert (plain.kind, plain.type) == (NodeKind.CALL, NULL)
    assert [callee.key for callee in flow.callees] == ["g", "h"]


def test_callees_are_all_there_once() -> None:
    text = """
flow a() { b()
 for x in [1, 2] max 2 { log(message: "${x}")
  d() } }
flow b() { start c() }
flow c() { d() }
flow d() { wait 1s }
flow e() { wait 1s }
"""
    flows = check(text, INTERFACE).flows
    assert list(flows) == ["a", "b", "c", "d", "e"]
    assert {name: [callee.key for callee in flow.callees] for name, flow in flows.items()} == {
        "a": ["d", "c", "b"], "b": ["d", "c"], "c": ["d"], "d": [], "e": [],
    }  # fmt: skip
    assert all(callee.flow.callees == () for flow in flows.values() for callee in flow.callees)


def test_mistakes_of_a_flow_are_not_those_of_its_callers() -> None:
    text = """
flow caller() { r = broken(x: 1)
 log(message: r.text)
 s = half(n: 1)
 log2 = log(message: s)
 t = of_event(e: 1) }
flow broken(x: Nope) -> Nope2 { return x.y }
flow half(n: int) -> string { return n }
flow of_event { on event "no/such" as e
 log(message: e.x) }
"""
    assert [each.code for each in check(text, INTERFACE).diagnostics] == ["E209", "E209", "E307", "E206"]


def test_many_circles_are_not_told_for_ever() -> None:
    text = "\n".join(f"flow a{n}() {{ b{n}() }}\nflow b{n}() {{ a{n}() }}" for n in range(60))
    found = check(text, INTERFACE).diagnostics
    assert [each.code for each in found] == ["E502"] * 20


def test_two_flows_of_one_name_that_call_each_other() -> None:
    found = check("flow a() { a() }\nflow a() { b() }\nflow b() { wait 1s }", INTERFACE).diagnostics
    assert sorted({each.code for each in found}) == ["E210", "E502"]


def test_secrets_that_only_a_body_reads() -> None:
    flow = flow_of("for t in lead.tags max 3 { pay.token(token: secrets.key) }")
    assert flow.secrets == ("key",)


# ---- corners


def test_a_loop_in_a_race_is_its_own_branch() -> None:
    flow = flow_of("parallel first 1 {\n rows = for t in lead.tags max 3 { yield t }\n wait 1h\n}")
    (race,) = flow.races
    join = flow.node(race.decider).join
    assert join is not None
    assert join.sources[0] == "rows"
    assert race.branches[0] == ("rows",)
    end = next(each.id for each in flow.nodes if each.id.endswith(".end"))
    assert edges(flow)["rows", end] == "seq"


def test_names_of_loops_that_are_taken() -> None:
    for body in (
        "x = for t in lead.tags max 3 { wait 1s }\nx = for t in lead.tags max 3 { wait 2s }",
        'x = for t in lead.tags max 3 { wait 1s }\nx = log(message: "x")',
        'x = log(message: "x")\nx = for t in lead.tags max 3 { x = log(message: "x") undo take_back(message: "y") }',
    ):
        assert {each.code for each in said(body).diagnostics} == {"E204"}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("for t in lead.tags max 3 key lead.nope { wait 1s }", "has no field `nope`"),
        ("for t in lead.tags max 3 key order.items { wait 1s }", "name one field of it"),
        ("for t in lead.tags max 3 key order.extra { wait 1s }", "`string(order.extra)`"),
        ("for t in lead.nope max 3 { log(message: t.x) }", "has no field `nope`"),
        ("for t in now max 3 { wait 1s }", "`for` requires a list; got timestamp"),
        ("for t, t2 in lead.tags max 3 { wait 1s }", "the index of the item, never read"),
        ("for t in lead.tags max 3 { return 1 }", "cannot end the run"),
        ("for t in lead.tags max 3 { stop }", "cannot end the run"),
        ("for t in lead.tags { yield t", "E1"),
        ('for t in lead.tags max 3 { x = log(message: "x") after nobody }', "`after` names steps of this flow"),
        ('a = log(message: "x") undo take_back(message: "y", massage: b.id)\nb = crm.lookup(email: lead.email)', "E405"),
        ('a = email(template: "x", to: lead.email) undo email(template: b.name, to: lead.email)\nb = crm.lookup(email: lead.email)', "remove argument"),
        ('a = log(message: "x") undo take_back(message: a)', "`a` has no value"),
        ('a = log(message: "x") undo log("x")', "E107"),
        ("a = g()\nlog(message: a.x)", "`a` has no value"),
        ("x = g(1)", "`g` takes no arguments"),
        ('for t in lead.tags max 3 { if t == "" { yield 1 } else { yield 2 }\nyield 3 }', "an item may yield twice"),
        ('rows = for t, i in lead.tags max 3\nlog(message: "${i} ${t}")\nyield t }', "a block is written"),
        ("rows = for t in lead.tags max 3 {\nlog(message: rows[0])\nyield t }", "the loop of this name has not ended here"),
    ],
)  # fmt: skip
def test_what_is_said(body: str, part: str) -> None:
    assert part in said(body, "flow g() { wait 1s }").render()


def test_removing_an_argument_takes_its_comma() -> None:
    for args, rest in (
        ("message: b.id", ""),
        ('template: "x", to: lead.email, note: b.id', 'template: "x", to: lead.email'),
        ('template: b.id, to: lead.email, note: "x"', 'to: lead.email, note: "x"'),
    ):
        action = "log" if args.startswith("message") else "email"
        compilation = said(f'a = log(message: "x") undo {action}({args})\nb = pay.charge(order_id: "x", amount: 1)')
        (error,) = [each for each in compilation.diagnostics if each.code == "E405"]
        assert f"undo {action}({rest})" in apply_fixes(compilation.text, [error], only_safe=False)
