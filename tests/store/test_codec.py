from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.diagnostic import Span
from dagflow.errors import StoreError
from dagflow.model.action import Effect
from dagflow.model.flow import (
    Argument,
    Edge,
    EdgeKind,
    Expression,
    Flow,
    GateRef,
    Join,
    JoinKind,
    Node,
    NodeKind,
    Race,
    RetryPolicy,
    Scope,
    Trigger,
    TriggerKind,
)
from dagflow.model.policies import (
    CancelOn,
    Concurrency,
    Debounce,
    Once,
    Policies,
    Rate,
    Schedule,
    Singleton,
    Throttle,
    WhileBusy,
)
from dagflow.model.types import NULL, STRING, Field, ListType, ParamType, RecordType, TypeType
from dagflow.store.codec.flow import decode_flow, encode_flow, flow_digest
from tests.model.strategies import names, texts, types

spans = st.builds(Span, st.integers(0, 99), st.integers(0, 99))
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
cores = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=10)
all_types = types | types.map(TypeType) | names.map(ParamType)
records = st.builds(
    RecordType,
    names,
    st.lists(
        st.builds(Field, names, types, doc=texts) | st.builds(Field, names, types, st.just(True), scalars, texts),
        max_size=3,
        unique_by=lambda field: field.name,
    ).map(tuple),
)
expressions = st.builds(Expression, texts, spans, all_types, st.lists(names, max_size=2).map(tuple), cores, st.integers(0, 9))
arguments = st.lists(st.builds(Argument, names, expressions), max_size=2).map(tuple)
nodes = st.builds(
    Node,
    id=names,
    kind=st.sampled_from(NodeKind),
    span=spans,
    doc=texts,
    effect=st.sampled_from(Effect),
    gate=st.none() | st.builds(GateRef, names, st.integers(0, 3)),
    scope=names,
    join=st.none() | st.builds(Join, st.sampled_from(JoinKind), st.lists(names, max_size=2).map(tuple), st.integers(0, 3)),
    action=names,
    arguments=arguments,
    event=texts,
    expression=st.none() | expressions,
    cases=st.lists(st.lists(expressions, max_size=2).map(tuple), max_size=2).map(tuple),
    outcomes=st.lists(texts, max_size=2).map(tuple),
    type=all_types,
    retry=st.builds(
        RetryPolicy, max_attempts=st.integers(1, 9), backoff=st.floats(1, 9), only=st.lists(names, max_size=1).map(tuple)
    ),
    timeout_ns=st.none() | st.integers(1, 2**62),
    within_ns=st.none() | st.integers(1, 2**62),
    default=st.none() | expressions,
    catches=names,
    binding=names,
    was=names,
)
numbers = st.lists(st.integers(0, 59), max_size=3).map(tuple)
maybe_expression = st.none() | expressions
maybe_length = st.none() | st.integers(1, 2**62)
schedules = st.builds(
    Schedule, text=texts, zone=texts, minutes=numbers, hours=numbers, days=numbers, months=numbers, weekdays=numbers,
    is_either_day=st.booleans(),
)  # fmt: skip
policies = st.builds(
    Policies,
    concurrency=st.none() | st.builds(Concurrency, limit=st.integers(1, 9), key=maybe_expression),
    rate=st.none() | st.builds(Rate, limit=st.integers(1, 9), period_ns=st.integers(1, 2**62), key=maybe_expression),
    singleton=st.none() | st.builds(Singleton, busy=st.sampled_from(WhileBusy), key=maybe_expression),
    throttle=st.none() | st.builds(Throttle, limit=st.integers(1, 9), period_ns=st.integers(1, 2**62), key=maybe_expression),
    debounce=st.none()
    | st.builds(Debounce, quiet_ns=st.integers(1, 2**62), key=maybe_expression, max_ns=st.integers(1, 2**62)),
    once=st.none() | st.builds(Once, key=expressions, within_ns=maybe_length),
    cancel_on=st.lists(
        st.builds(CancelOn, event=texts, payload=st.none() | records, binding=names, when=maybe_expression), max_size=2
    ).map(tuple),
    priority=maybe_expression,
)
triggers = st.builds(
    Trigger,
    kind=st.sampled_from(TriggerKind),
    event=texts,
    webhook=names,
    schedule=st.none() | schedules,
    payload=st.none() | records,
    binding=names,
    when=st.none() | expressions,
    mapping=st.none() | arguments,
)
flows = st.builds(
    Flow,
    name=names,
    doc=texts,
    input=records,
    binding=names,
    result=all_types,
    triggers=st.lists(triggers, max_size=2).map(tuple),
    timeout_ns=st.integers(1, 2**62),
    policies=policies,
    nodes=st.lists(nodes, max_size=2).map(tuple),
    edges=st.lists(
        st.builds(
            Edge, names, names, st.lists(st.sampled_from(EdgeKind), max_size=2).map(tuple), st.none() | st.integers(0, 2)
        ),
        max_size=2,
    ).map(tuple),
    scopes=st.lists(st.builds(Scope, names, st.none() | names, st.none() | names), max_size=2).map(tuple),
    races=st.lists(
        st.builds(Race, names, st.lists(st.lists(names, max_size=2).map(tuple), max_size=2).map(tuple)), max_size=1
    ).map(tuple),
    secrets=st.lists(names, max_size=2).map(tuple),
    source=texts,
    filename=texts,
)

SAMPLE = Flow(
    name="sample",
    input=RecordType("", (Field("tags", ListType(STRING), has_default=True, default=["b", {"z": 1, "a": 2}]),)),
    result=NULL,
    timeout_ns=1,
    nodes=(Node(id="a", kind=NodeKind.LET, span=Span(0, 1), type=STRING),),
    edges=(),
    scopes=(Scope("", None, None),),
)


@settings(max_examples=40)
@given(flows)
def test_a_flow_comes_back_as_it_went_and_has_one_spelling(flow):
    data = encode_flow(flow)
    again = decode_flow(data)
    assert again == flow
    assert encode_flow(again) == data
    assert len(flow_digest(data)) == 64


def with_core(core: object) -> Flow:
    expression = Expression("x", Span(0, 1), STRING, (), core)
    return attrs.evolve(SAMPLE, nodes=(attrs.evolve(SAMPLE.nodes[0], expression=expression),))


def test_a_core_may_be_of_any_depth():
    core: object = "x"
    for _ in range(20_000):
        core = ("add", core, 1)
    data = encode_flow(with_core(core))
    found = decode_flow(data).nodes[0].expression
    assert found is not None
    depth, inner = 0, found.core
    while isinstance(inner, tuple):
        inner = inner[1]
        depth += 1
    assert depth == 20_000


@pytest.mark.parametrize("core", [b"x", float("nan"), ["list"], {"a": 1}])
def test_a_core_is_plain(core):
    with pytest.raises(TypeError, match="an expression's core holds"):
        encode_flow(with_core(core))


def test_the_bytes_do_not_depend_on_the_hash_seed():
    script = "from tests.store.test_codec import SAMPLE, encode_flow, flow_digest\nprint(flow_digest(encode_flow(SAMPLE)))"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {flow_digest(encode_flow(SAMPLE)) + "\n"}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"dagflow":"2"}', b'{"dagflow":3}', b'{"dagflow":3,"types":[],"flow":{}}']
)
def test_damage_is_a_store_error(data):
    with pytest.raises(StoreError, match="is damaged"):
        decode_flow(data)


def test_a_newer_form_is_refused():
    with pytest.raises(StoreError, match="form 4, this dagflow knows 3"):
        decode_flow(b'{"dagflow":4}')


def test_a_form_from_before_the_first_release_is_refused():
    with pytest.raises(StoreError, match="form 1, which no release wrote"):
        decode_flow(b'{"dagflow":1,"types":[],"flow":{}}')


def test_what_is_written_by_position_has_no_other_fields():
    """Expressions, arguments and edges are arrays: a field more needs a place there, and a new version."""
    assert [field.name for field in attrs.fields(Expression)] == ["text", "span", "type", "reads", "core", "cost"]
    assert [field.name for field in attrs.fields(Argument)] == ["name", "value"]
    assert [field.name for field in attrs.fields(Edge)] == ["source", "target", "kinds", "outcome"]


DOCUMENT = orjson.loads(encode_flow(with_core(("a", 1))))


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


@given(
    st.sampled_from(places(DOCUMENT)[1:]), st.none() | st.integers(-2, 99) | texts | st.lists(st.integers(0, 5)) | st.just({})
)
def test_whatever_is_changed_gives_plain_data_or_a_store_error(place, value):
    document = orjson.loads(orjson.dumps(DOCUMENT))
    target = document
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    with contextlib.suppress(StoreError):
        assert isinstance(decode_flow(orjson.dumps(document)), Flow)
