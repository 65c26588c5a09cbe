"""Pictures for other tools: Mermaid, DOT and JSON."""

from __future__ import annotations

import re

from dagflow.pictures.chart import MOST_EDGES, to_dot, to_json, to_mermaid
from tests.pictures.support import flow_of
from tests.pictures.walking import drawn_of_mermaid

ORDERS = """flow orders(n: int) -> string {
  if n > 3 { stop "big" }
  a = log(message: "small ${n}")
  return "y"
}
"""


def test_mermaid() -> None:
    assert to_mermaid(flow_of(ORDERS)).splitlines() == [
        "flowchart TD",
        '  n0((" "))',
        '  subgraph n1["if"]',
        '    n2{"n #62; 3"}',
        '    n3(["stop<br/>#34;big#34;"])',
        '    n4((" "))',
        "  end",
        '  n5["a<br/>log"]',
        '  n6(["return<br/>#34;y#34;"])',
        "  n0 --> n1",
        '  n2 -->|"yes"| n3',
        '  n2 -->|"no"| n4',
        "  n4 --> n5",
        "  n5 --> n6",
    ]


def test_dot() -> None:
    text = re.sub(r"\.[0-9a-f]{6}", "", to_dot(flow_of(ORDERS)))
    assert text.splitlines() == [
        'digraph "orders" {',
        "  rankdir=TB;",
        "  compound=true;",
        '  node [fontname="sans-serif"];',
        '  ":start" [label="", shape=point];',
        '  subgraph "cluster_:1" {',
        '    label="if";',
        '    "if" [label="n > 3", shape=diamond];',
        '    "stop" [label="stop\\n\\"big\\"", shape=oval];',
        '    "if:0" [label="", shape=circle, width=0.12];',
        "  }",
        '  "a" [label="a\\nlog", shape=box];',
        '  "return" [label="return\\n\\"y\\"", shape=oval];',
        '  ":start" -> "if" [style=solid, lhead="cluster_:1"];',
        '  "if" -> "stop" [style=solid, label="yes"];',
        '  "if" -> "if:0" [style=solid, label="no"];',
        '  "if:0" -> "a" [style=solid];',
        '  "a" -> "return" [style=solid];',
        "}",
    ]


def test_json() -> None:
    found = to_json(flow_of('flow f(n: int) { for i in [1] max 1 { if q: i > n { a = log(message: "x") } } }'))
    (loop, block) = found["blocks"]
    assert (loop["kind"], loop["block"], block["kind"], block["block"]) == ("for", "", "if", loop["id"])
    gate = next(node for node in found["nodes"] if node["kind"] == "gate")
    assert gate["words"] == ["q: i > n"]
    assert gate["block"] == block["id"]
    way = next(node for node in found["nodes"] if node["shape"] == "way")
    step = next(node for node in found["nodes"] if node["action"] == "log")
    assert (way["gate"], step["gate"], step["line"]) == (gate["id"], gate["id"], 1)
    assert {(edge["target"], edge["outcome"]) for edge in found["edges"] if edge["source"] == gate["id"]} == {
        (step["id"], "yes"),
        (way["id"], "no"),
    }


def test_a_block_of_empty_blocks_is_drawn_with_what_is_in_it() -> None:
    flow = flow_of('flow f(n: int) { do { do { } on error { } }\na = log(message: "a") }')
    assert len(drawn_of_mermaid(to_mermaid(flow)).around) == len(to_json(flow)["nodes"]) + len(to_json(flow)["blocks"])
    assert to_dot(flow).count("->") == len(to_json(flow)["edges"])


def test_joins_say_how_they_wait() -> None:
    flow = flow_of(
        'flow f { parallel { a = log(message: "1")\nb = log(message: "2")\nc = log(message: "3") after any(a, b) } }'
    )
    for text in (to_mermaid(flow), to_dot(flow)):
        assert "after any of 2" in text
    assert next(node for node in to_json(flow)["nodes"] if node["id"] == "c")["words"][0] == "after any of 2"


def test_nothing_in_a_label_is_markup() -> None:
    flow = flow_of('flow f(t: string) { if t == "\\"] <b> --> %% #quot;" { log(message: "x") } }')
    mermaid = to_mermaid(flow)
    assert "<b>" not in mermaid
    assert "%%" not in mermaid
    assert 't == "\\"] <b> --> %% #quot;"' in drawn_of_mermaid(mermaid).words.values()


def test_a_large_flow_stays_within_the_limit_of_mermaid() -> None:
    blocks = "\n".join(
        f'do {{ {" ".join(f"""s{n}_{m} = log(message: "x")""" + chr(10) for m in range(9))} }}' for n in range(90)
    )
    flow = flow_of(f"flow f {{ {blocks} }}")
    assert len(to_json(flow)["edges"]) > MOST_EDGES
    drawn = drawn_of_mermaid(to_mermaid(flow))
    assert len(drawn.arrows) <= MOST_EDGES
    assert any("9 steps" in words for words in drawn.words.values())
