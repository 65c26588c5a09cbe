"""What a text becomes: nodes, gates, edges, joins, scopes, types; the same wherever and whenever it is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import networkx as nx
import pytest

from dagflow.execution.program import prepare
from dagflow.lang.check.presence import Condition, Literal, contradiction, covers, is_certain
from dagflow.model.action import Effect
from dagflow.model.flow import EdgeKind, Flow, GateRef, Join, JoinKind, Node, NodeKind, TriggerKind
from dagflow.model.label import label_of
from dagflow.model.types import BOOL, INT, NULL, STRING, OptionalType, RecordType
from tests.lang.golden import HERE, check, prelude

INTERFACE = prelude()
GATE, SEQ, DATA, AFTER = EdgeKind.GATE, EdgeKind.SEQ, EdgeKind.DATA, EdgeKind.AFTER


def flow_of(body: str, head: str = "flow f(lead: Lead, order: Order)") -> Flow:
    compilation = check(f"{head} {{\n{body}\n}}", INTERFACE)
    assert not compilation.has_errors, compilation.render()
    return compilation.unwrap("f")


def ids(flow: Flow) -> list[str]:
    return [node.id for node in flow.nodes]


def edges(flow: Flow) -> dict[tuple[str, str], str]:
    """Each edge with its kinds, and the outcome where it wants one."""
    return {
        (edge.source, edge.target): " ".join(edge.kinds) + ("" if edge.outcome is None else f" {edge.outcome}")
        for edge in flow.edges
    }


def step(name: str, more: str = "") -> str:
    return f'{name} = log(message: "{name}") {more}\n'


def test_a_sequence() -> None:
    flow = flow_of(step("a") + step("b") + step("c"))
    assert ids(flow) == ["a", "b", "c"]
    assert edges(flow) == {("a", "b"): "seq", ("b", "c"): "seq"}
    assert all(node.gate is None and node.scope == "" and node.type is NULL for node in flow.nodes)


def test_reading_adds_a_reason() -> None:
    flow = flow_of('a = pay.charge(order_id: "x", amount: 1)\nlet b = 1\nlog(message: "${a.id} ${b}")')
    assert edges(flow) == {("a", "b"): "seq", ("b", "log"): "seq data", ("a", "log"): "data"}
    assert flow.node("a").effect is Effect.IDEMPOTENT
    assert flow.node("b").type is INT
    assert flow.node("b").effect is Effect.PURE
    assert [argument.value.reads for argument in flow.node("log").arguments] == [("a", "b")]


def test_a_filter_guards_the_rest_of_its_block_only() -> None:
    flow = flow_of("do {\nfilter q: lead.score > 1\n" + step("a") + "}\n" + step("b"))
    assert flow.node("a").gate == GateRef("q", 1)
    assert flow.node("b").gate is None
    assert edges(flow) == {("q", "a"): "gate seq 1", ("a", "b"): "seq"}
    assert flow.node("q").outcomes == ("no", "yes")
    assert flow.node("q").type is BOOL


def test_filters_stand_under_each_other() -> None:
    flow = flow_of("filter q: lead.score > 1\nfilter r: lead.score > 2\n" + step("a"))
    assert flow.node("r").gate == GateRef("q", 1)
    assert flow.node("a").gate == GateRef("r", 1)
    assert ("q", "a") not in edges(flow)


def test_the_else_of_a_filter_is_the_other_outcome() -> None:
    flow = flow_of("filter q: lead.score > 1 else {\n" + step("x") + "}\n" + step("a"))
    assert flow.node("x").gate == GateRef("q", 0)
    assert edges(flow) == {("q", "x"): "gate seq 0", ("q", "a"): "gate seq 1"}


def test_if_else_if_else() -> None:
    flow = flow_of(
        f"if p: lead.score > 3 {{ {step('a')} }} else if q: lead.score > 2 {{ {step('b')} }} else {{ {step('c')} }}\n{step('d')}"
    )
    assert [flow.node(name).gate for name in "pabqcd" if name != "p"] == [
        GateRef("p", 1), GateRef("q", 1), GateRef("p", 0), GateRef("q", 0), None,
    ]  # fmt: skip
    assert {source for source, target in edges(flow) if target == "d"} == {"a", "b", "c"}


def test_switch_has_one_gate_with_an_outcome_for_each_arm() -> None:
    flow = flow_of(
        f'switch s: order.tier {{ case "gold" {{ {step("a")} }} case "silver", "standard" {{ {step("b")} }} }}\n{step("c")}'
    )
    gate = flow.node("s")
    assert gate.outcomes == ('"gold"', '"silver", "standard"')
    assert [len(arm) for arm in gate.cases] == [1, 2]
    assert (flow.node("a").gate, flow.node("b").gate) == (GateRef("s", 0), GateRef("s", 1))
    assert {source for source, target in edges(flow) if target == "c"} == {"a", "b"}


def test_switch_without_an_arm_for_everything_goes_past() -> None:
    flow = flow_of(f"switch s: order.count {{ case 1 {{ {step('a')} }} }}\n{step('b')}")
    assert flow.node("s").outcomes == ("1", "else")
    bool_switch = flow_of(f"switch s: (order.count > 1) {{ case true {{ {step('a')} }} case false {{ }} }}")
    assert bool_switch.node("s").outcomes == ("true", "false")
    empty = flow_of("switch s: order.count { else { } }")
    assert empty.node("s").outcomes == ("else",)


def test_parallel_forks_and_joins_in_text_order() -> None:
    flow = flow_of(f"{step('a')}parallel {{\n{step('b')}do {{ {step('c')}{step('d')} }}\n}}\n{step('e')}")
    assert edges(flow) == {("a", "b"): "seq", ("a", "c"): "seq", ("c", "d"): "seq", ("b", "e"): "seq", ("d", "e"): "seq"}


def test_an_empty_block_is_no_detour() -> None:
    for block in ("parallel { }", "do { }", "parallel { do { } }"):
        assert edges(flow_of(f"{step('a')}{block}\n{step('b')}")) == {("a", "b"): "seq"}


def test_after_replaces_the_textual_order_and_nothing_else() -> None:
    flow = flow_of(f"{step('a')}filter q: lead.score > 1\n{step('b')}{step('c', 'after a')}")
    assert edges(flow)["a", "c"] == "after"
    assert ("b", "c") not in edges(flow)
    assert flow.node("c").gate == GateRef("q", 1)
    assert flow.node("c").join == Join(JoinKind.ALL, ("a",))


@pytest.mark.parametrize(
    ("words", "join"),
    [
        ("a, b", Join(JoinKind.ALL, ("a", "b"))),
        ("any(a, b)", Join(JoinKind.ANY, ("a", "b"))),
        ("2 of (a, b, c)", Join(JoinKind.N_OF, ("a", "b", "c"), 2)),
        ("settled(a, b)", Join(JoinKind.SETTLED, ("a", "b"))),
    ],
)
@pytest.mark.parametrize("when", ["", "when lead.score > 1"])
def test_joins(words: str, join: Join, when: str) -> None:
    flow = flow_of(f"parallel {{ {step('a')}{step('b')}{step('c')} }}\n{step('d', f'{when} after {words}')}")
    joined, other = ("d.when", "d") if when else ("d", None)
    assert flow.node(joined).join == join
    assert {source: kinds for (source, target), kinds in edges(flow).items() if target == joined} == dict.fromkeys(
        join.sources, "after"
    )
    if other is not None:
        assert flow.node("d").join is None
        assert edges(flow)["d.when", "d"] == "gate seq 1"


def test_after_looks_forward_too() -> None:
    flow = flow_of(f"parallel {{ {step('a', 'after b')}{step('b')} }}")
    assert edges(flow) == {("b", "a"): "after"}
    assert list(nx.topological_sort(flow.graph)) == ["b", "a"]


def test_when_is_a_gate_of_its_own() -> None:
    flow = flow_of(f"{step('a')}{step('b', 'when lead.score > 1')}{step('c')}")
    assert ids(flow) == ["a", "b.when", "b", "c"]
    assert edges(flow) == {("a", "b.when"): "seq", ("b.when", "b"): "gate seq 1", ("b", "c"): "seq"}


def test_on_error_is_a_scope_with_a_catch() -> None:
    flow = flow_of(f"do g {{ {step('a')}{step('b')} }} on error as e {{ log(message: e.code) }}\n{step('c')}")
    assert [(scope.id, scope.parent, scope.catch) for scope in flow.scopes] == [("", None, None), ("g", "", "g.catch")]
    assert {node.id: node.scope for node in flow.nodes} == {"a": "g", "b": "g", "g.catch": "", "log": "", "c": ""}
    catch = flow.node("g.catch")
    assert (catch.kind, catch.catches, catch.binding, catch.outcomes) == (NodeKind.CATCH, "g", "e", ("no failure", "failure"))
    assert flow.node("log").gate == GateRef("g.catch", 1)
    assert edges(flow)["g.catch", "log"] == "gate seq data 1"
    assert {source for source, target in edges(flow) if target == "c"} == {"b", "g.catch", "log"}


def test_on_error_of_a_step_and_in_a_handler() -> None:
    flow = flow_of(
        'a = log(message: "x") on error as e { b = log(message: e.code) on error as e2 { c = log(message: e.code + e2.code) } }'
    )
    assert [scope.id for scope in flow.scopes] == ["", "a", "b"]
    assert flow.node("b.catch").gate == GateRef("a.catch", 1)
    assert flow.node("c").gate == GateRef("b.catch", 1)
    assert edges(flow)["a.catch", "c"] == "data"


def test_a_name_of_a_handler_hides_another_only_inside() -> None:
    flow = flow_of(
        'let e = 1\nl0 = log(message: "x") on error as e2 { l1 = log(message: e2.code) }\n'
        'l2 = log(message: "y") on error as e2 { l3 = log(message: e2.code) }\nlog(message: "${e}")'
    )
    assert edges(flow)["e", "log"] == "data"


def test_on_error_of_the_flow() -> None:
    compilation = check(f"flow f {{\n{step('a')}}} on error as e {{ b = log(message: e.step) }}", INTERFACE)
    flow = compilation.unwrap()
    assert [(scope.id, scope.parent, scope.catch) for scope in flow.scopes] == [
        ("", None, "on_error.catch"),
        ("on_error", None, None),
    ]
    assert {node.id: node.scope for node in flow.nodes} == {"a": "", "on_error.catch": "on_error", "b": "on_error"}


def test_groups_that_are_awaited_are_nodes() -> None:
    flow = flow_of(f"do g {{ {step('a')}{step('b')} }}\ndo h {{ {step('c')} }}\n{step('d', 'after g')}")
    assert flow.node("g").kind is NodeKind.GROUP
    assert "h" not in ids(flow)
    assert edges(flow)["b", "g"] == "seq"
    assert edges(flow)["g", "d"] == "after"


def test_policies() -> None:
    flow = flow_of(
        "timeout 3d\nretry 2 every 5s\n"
        'a = risk.score(order: order) retry 3 from 1s to 1m only "timeout", "http" timeout 2s within 5m default {"score": 1}\n'
        'b = pay.charge(order_id: "x", amount: 1)\nc = pay.charge(order_id: "y", amount: 1) retry 0'
    )
    assert flow.timeout_ns == 3 * 86_400 * 10**9
    a, b = flow.node("a"), flow.node("b")
    assert (a.retry.max_attempts, a.retry.initial_interval_ns, a.retry.max_interval_ns) == (4, 10**9, 60 * 10**9)
    assert a.retry.only == ("timeout", "http")
    assert (a.timeout_ns, a.within_ns) == (2 * 10**9, 300 * 10**9)
    assert a.default is not None
    assert (b.retry.max_attempts, b.retry.initial_interval_ns, b.retry.backoff) == (3, 5 * 10**9, 1.0)
    assert flow.node("c").retry.max_attempts == 1, "`retry 0` opts out of the flow's"


def test_triggers() -> None:
    flow = flow_of(
        'on event "crm/lead.changed" as e when e.lead.score > 3 with (lead: e.lead)\non event "crm/lead.changed"\non manual',
        "flow f(lead: Lead)",
    )
    first, second, third = flow.triggers
    assert (first.kind, first.event, first.binding) == (TriggerKind.EVENT, "crm/lead.changed", "e")
    assert first.when is not None
    assert first.mapping is not None
    assert [argument.name for argument in first.mapping] == ["lead"]
    assert (second.when, second.mapping, second.binding) == (None, None, "")
    assert (third.kind, third.payload) == (TriggerKind.MANUAL, None)
    assert flow.binding == ""


def test_the_payload_is_the_input_where_there_are_no_parameters() -> None:
    flow = flow_of('on event "crm/lead.changed" as e\nlog(message: e.lead.name)', "flow f")
    assert flow.binding == "e"
    assert [field.name for field in flow.input.fields] == ["lead"]
    assert flow.node("log").arguments[0].value.reads == ("e",)


def test_types_of_steps() -> None:
    flow = flow_of(
        'a = pay.charge(order_id: "x", amount: 1)\nlet b: int? = 3\nfilter c: lead.score > 1\nwait 1s\nw = wait until lead.created\n'
        'emit "crm/lead.changed" (lead: lead)\nreturn "x"',
        "flow f(lead: Lead) -> string?",
    )
    assert isinstance(flow.node("a").type, RecordType)
    assert flow.node("b").type == OptionalType(INT)
    kinds = [node.kind for node in flow.nodes]
    assert kinds == [
        NodeKind.ACTION, NodeKind.LET, NodeKind.GATE, NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.EMIT, NodeKind.RETURN,
    ]  # fmt: skip
    assert flow.node("w").type is NULL
    assert flow.result == OptionalType(STRING)
    assert flow.nodes[-1].type is STRING


def test_secrets_that_are_read() -> None:
    flow = flow_of('a = pay.token(token: secrets.one)\nb = pay.token(token: secrets.two)\nlog(message: "no secrets.three")')
    assert set(flow.secrets) >= {"one", "two"}
    assert flow_of(step("a")).secrets == ()


def test_ids_without_names_do_not_depend_on_the_place() -> None:
    one = flow_of("filter lead.score > 1\nwait 2d\n" + step("a"))
    other = flow_of(step("x") + "wait   2d\n" + "filter lead.score > 1\n" + step("a"))
    unnamed = {node.id for node in one.nodes if "." in node.id}
    assert unnamed
    assert unnamed == {node.id for node in other.nodes if "." in node.id}
    twice = flow_of("wait 2d\nwait 2d")
    assert ids(twice)[1] == ids(twice)[0] + ".2"


def test_the_graph_is_one_of_networkx() -> None:
    flow = flow_of(
        f"{step('a')}if q: lead.score > 1 {{ {step('b')} }} else {{ {step('c')} }}\nparallel {{ {step('d')}{step('e')} }}\n{step('g')}"
    )
    graph = flow.graph
    assert list(graph.nodes) == ids(flow) == ["a", "q", "b", "c", "d", "e", "g"]
    assert all(isinstance(data["node"], Node) and data["node"].id == name for name, data in graph.nodes(data=True))
    assert graph.edges["q", "b"] == {"kinds": (GATE, SEQ), "outcome": 1}
    assert graph.edges["d", "g"] == {"kinds": (SEQ,)}
    assert list(nx.lexicographical_topological_sort(graph, key=ids(flow).index)) == ids(flow)
    assert nx.ancestors(graph, "b") == {"a", "q"}
    assert nx.descendants(graph, "q") == {"b", "c", "d", "e", "g"}
    assert nx.is_directed_acyclic_graph(graph)
    assert nx.dag_longest_path_length(graph) == 4
    assert flow.graph is graph


def test_the_same_text_is_the_same_flow_in_every_process() -> None:
    code = (
        "from tests.lang.golden import prelude, check, HERE\n"
        "from dagflow.store.codec.flow import encode_flow\n"
        "import hashlib, pathlib\n"
        "text = pathlib.Path('examples/lead_approval.flow').read_text()\n"
        "from dagflow.actions.catalog import Catalog\n"
        "from dagflow.lang.compiler import compile_text\n"
        "print(hashlib.sha256(encode_flow(compile_text(text, Catalog.builtin().interface).unwrap())).hexdigest())\n"
        "for name in sorted(pathlib.Path('tests/lang/cases').glob('*.flowtest')):\n"
        "    for chunk in name.read_text().split('\\n---\\n'):\n"
        "        c = check(chunk.partition('\\n===\\n')[0], prelude())\n"
        "        for flow in c.flows.values():\n"
        "            print(hashlib.sha256(encode_flow(flow)).hexdigest())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=HERE.parents[1], env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
            capture_output=True, text=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
    assert len(outputs.pop().split()) > 20


def test_programs_can_be_made_of_all_of_it() -> None:
    flow = flow_of(f"{step('a')}do g {{ {step('b')} }} on error {{ {step('c')} }}\n{step('d', 'after settled(a, g)')}")
    assert prepare(flow).plan.ids == tuple(ids(flow))


ALL_SHAPES = (
    'filter q: lead.name == "a\\"<b>" else { stop "no" }\nif lead.score > 1 { w = wait until lead.created } else { fail "x" }\n'
    'wait 2d\nwait until lead.created + 1d\nemit "crm/lead.changed" (lead: lead)\nlet v = 1\n'
    'do g { a = log(message: "a") when lead.score > 2 } on error { l = log(message: "l") }\nb = log(message: "b") after g\n'
    'switch s: order.tier { case "gold" { } else { } }\nparallel first 1 r { r1 = log(message: "1")\nr2 = log(message: "2") }\n'
    'if lead.name == "a rather long text that nobody would want to see on a graph, would they" { wait 1h }'
)  # fmt: skip


def test_labels() -> None:
    flow = flow_of(ALL_SHAPES)
    labels = {node.id: label_of(node) for node in flow.nodes}
    assert labels["g.catch"] == "on error of `g`"
    assert labels["a.when"] == "when lead.score > 2"
    assert 'emit "crm/lead.changed"' in labels.values()
    assert {"wait 2d", "wait until lead.created + 1d"} <= set(labels.values())
    assert max(map(len, labels.values())) <= 80
    of_flow = check("flow f { wait 1s } on error { wait 2s }", INTERFACE).unwrap()
    assert label_of(of_flow.node("on_error.catch")) == "on error of the flow"


A, B, C = ("a", 1), ("b", 1), ("c", 0)


def test_presence() -> None:
    assert is_certain(frozenset(), frozenset(), {}, {})
    assert is_certain(frozenset({A}), frozenset({A, B}), {}, {})
    assert not is_certain(frozenset({A, B}), frozenset({A}), {}, {})
    assert is_certain(frozenset({A, B}), frozenset({A}), {}, {}, [frozenset({A, ("b", 0)})])
    assert not is_certain(frozenset({A, B}), frozenset(), {}, {}, [frozenset({A, ("b", 0)})])
    assert contradiction(frozenset({A, B})) is None
    assert contradiction(frozenset({A, B, ("a", 0)})) == (("a", 0), ("a", 1))


def test_coverage() -> None:
    two = {"a": 2, "b": 2, "c": 3}
    order = {"a": 0, "b": 1, "c": 2}

    def covered(*values: set[Literal], reader: Condition = frozenset(), ended: Sequence[set[Literal]] = ()) -> bool:
        return covers([frozenset(value) for value in values], reader, two, order, [frozenset(way) for way in ended])

    assert not covered()
    assert covered({A}, {("a", 0)})
    assert not covered({A}, {B})
    assert covered({A, B}, {A, ("b", 0)}, {("a", 0)})
    assert not covered({A, B}, {("a", 0)})
    assert covered({("c", 0)}, {("c", 1)}, {("c", 2)})
    assert not covered({("c", 0)}, {("c", 1)})
    assert covered({A, B}, {("b", 0)}, reader=frozenset({A}))
    assert not covered({("a", 0)}, reader=frozenset({A}))
    assert covered({A, B}, ended=[{("a", 0)}, {("b", 0)}])
    assert covered({("c", 0)}, ended=[{("c", 1)}, {("c", 2), B}, {("c", 2), ("b", 0)}])
    assert not covered({("c", 0)}, ended=[{("c", 1)}, {("c", 2), B}])
    assert not covered({A}, ended=[{B}, {("b", 0)}]), "nothing is read where every way has ended, so nothing need be certain"
    assert not covered({A}, reader=frozenset({B, ("b", 0)})), "a step that can never run reads nothing"
    many = [{(f"g{i}", 1)} for i in range(20)] + [{(f"g{i}", 0)} for i in range(20)]
    assert not covered(*many), "too many gates to tell apart: then nothing is certain"
