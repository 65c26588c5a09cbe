"""A reader of a picture reaches what the engine reaches, whichever outcomes conditions have, in every format."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings

import dagflow
from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.drivers.simulated.simulator import DEFAULT_START, Send, Simulation, simulate
from dagflow.execution.program import Program, prepare
from dagflow.model.flow import Flow, NodeKind
from dagflow.model.status import NodeStatus, PruneReason
from dagflow.pictures.chart import to_dot, to_json, to_mermaid
from dagflow.pictures.outline import items_of
from dagflow.pictures.picture import Subject
from tests.pictures.walking import Drawn, drawn_of, drawn_of_dot, drawn_of_json, drawn_of_mermaid, walk
from tests.pictures.waytext import Text, way_texts

SECOND = 1_000_000_000
DECIDING = {NodeKind.GATE, NodeKind.WAIT_EVENT}
ENDERS = {NodeKind.STOP, NodeKind.RETURN, NodeKind.FAIL}
#: How many choices of outcomes are tried for each flow, at most.
MOST_CHOICES = 24


def act(call: Invocation) -> object:
    """An action that fails if its parameter asks for it."""
    number = call.arguments["n"]
    if number:
        raise ActionFailed("oops", "as asked")
    return number


def run(program: Program, text: Text, choice: tuple[int, ...]) -> Simulation:
    sends = [
        Send(at=DEFAULT_START + second * SECOND, id=f"{number}.{second}", event="asked", payload={"n": number})
        for number in text.waits
        if choice[number] == 1
        for second in range(1, 60)
    ]
    sends.sort(key=lambda send: send.at)
    values = {f"d{number}": value for number, value in enumerate(choice)}
    return simulate(program, values, actions={"act": act}, sends=sends)


def choices(text: Text) -> Iterator[tuple[int, ...]]:
    every = list(itertools.islice(itertools.product(*map(range, text.outcomes)), 4096))
    yield from Random(0).sample(every, min(len(every), MOST_CHOICES))


def formats(flow: Flow) -> dict[str, Drawn]:
    """What each format shows, its items by their keys."""
    subject = Subject.of(flow, 0)
    plain = drawn_of_json(to_json(flow))
    mermaid = drawn_of_mermaid(to_mermaid(flow))
    order = [item.key for item in items_of(subject.outline.root)]
    return {
        "lines": drawn_of(subject),
        "json": plain,
        "dot": drawn_of_dot(to_dot(flow)),
        "mermaid": mermaid.renamed(dict(zip(mermaid.around, order, strict=True))),
    }


def check(text: Text) -> None:
    compilation = dagflow.compile(text.text)
    # What can never run is drawn apart; the compiler warns of it.
    refused = [each.code for each in compilation.diagnostics if each.code.startswith("E") or each.code == "W405"]
    if refused:
        event(f"refused: {refused[0]}")
        return
    flow = compilation.unwrap("f")
    nodes = {node.id: node for node in flow.nodes}
    program = prepare(flow)
    drawn = formats(flow)
    lines = drawn["lines"]
    for name, each in drawn.items():
        assert each.around == lines.around, name
        assert sorted(each.arrows, key=str) == sorted(lines.arrows, key=str), name
    for arrow in lines.arrows:
        assert arrow.source not in nodes or nodes[arrow.source].kind not in ENDERS, f"a line leaves {arrow.source}"
    for node in flow.nodes:
        if node.kind is NodeKind.GATE or (
            node.kind is NodeKind.WAIT_EVENT and any(a.source == node.id and a.label for a in lines.arrows)
        ):
            words = sorted(arrow.label for arrow in lines.arrows if arrow.source == node.id and arrow.label)
            assert set(words) == set(node.outcomes), f"{node.id} shows {words}"
    ended = {node.id for node in flow.nodes if node.kind in ENDERS}
    handlers = {node.id for node in flow.nodes if node.kind is NodeKind.CATCH}
    for choice in choices(text):
        done = {node.id: node for node in run(program, text, choice).result.nodes}
        reached = {
            key for key, node in nodes.items()
            if key in lines.around and node.kind is not NodeKind.CATCH and (done[key].status in {NodeStatus.SUCCEEDED, NodeStatus.FAILED} or done[key].outcome)
        }  # fmt: skip
        cut = any(
            node.reason in {PruneReason.RUN_ENDED, PruneReason.SCOPE_FAILED} or node.status is NodeStatus.CANCELLED
            for node in done.values()
        )

        def decision(key: str, choice: tuple[int, ...] = choice) -> str | None:
            node = nodes.get(key)
            if node is None or node.kind not in DECIDING or node.expression is None:
                return None
            if node.kind is NodeKind.WAIT_EVENT:
                return node.outcomes[choice[int(node.expression.text.split()[-1])]]
            value = choice[int(node.expression.text.split()[0][1:])]
            return node.outcomes[value]

        def is_broken(key: str, choice: tuple[int, ...] = choice) -> bool:
            node = nodes.get(key)
            if node is None:
                return False
            if node.kind is NodeKind.ACTION:
                text = node.arguments[0].value.text
                return text != "0" and choice[int(text[1:])] == 1
            return node.kind is NodeKind.FAIL

        walked = {
            key
            for key in walk(lines, decision, is_broken, ended, handlers)
            if key in nodes and nodes[key].kind is not NodeKind.CATCH
        }
        event("cut" if cut else "whole")
        assert reached <= walked, (text.text, choice, sorted(reached - walked))
        if "parallel" not in text.text:
            assert walked == reached, (text.text, choice, sorted(walked - reached))


QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(way_texts())
def test_a_reader_reaches_what_the_engine_reaches(text: Text) -> None:
    check(text)


@pytest.mark.slow
@settings(QUICK, max_examples=500)
@given(way_texts(16))
def test_readers_of_many_flows_reach_what_the_engine_reaches(text: Text) -> None:
    check(text)
