"""Events go into the store and come back as they were; what is damaged is told, not guessed."""

from __future__ import annotations

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.engine import events as e
from dagflow.errors import StoreError
from dagflow.model.plan import build_plan
from dagflow.model.status import RunStatus
from dagflow.store.api import Record
from dagflow.store.codec.events import from_record, to_record
from tests.engine.flows import action, flow_of

PLAN = build_plan(flow_of(action("a"), action("b.when")))

INSTANTS = st.integers(0, 2**62)
NODES = st.integers(0, 1)
ATTEMPTS = st.integers(1, 1000)
TEXTS = st.text(max_size=20).filter(lambda text: text.isascii() or text.isprintable())
SHAPES = {
    "at": INSTANTS,
    "node": NODES,
    "attempt": ATTEMPTS,
    "outcome": st.integers(0, 200),
    "due": INSTANTS,
    "count": st.integers(0, 10_000),
    "index": st.integers(0, 10_000),
    "step": TEXTS,
    "by": TEXTS,
    "kept": st.just(()),
    "is_dirty": st.booleans(),
    "is_made": st.booleans(),
    "number": st.integers(0, 1000),
    "code": TEXTS,
    "message": TEXTS,
    "is_fatal": st.booleans(),
    "retry_after_ns": st.none() | INSTANTS,
    "jitter": st.floats(0, 1, exclude_max=True),
    "status": st.sampled_from(RunStatus),
}
CLASSES = e.Event.__args__  # type: ignore[attr-defined]
WITH_VALUE = {
    e.ValueComputed,
    e.EventEmitted,
    e.RunRequested,
    e.EventArrived,
    e.AttemptSucceeded,
    e.DefaultUsed,
    e.ItemEnded,
    e.StepSkipped,
}


@given(st.sampled_from(CLASSES).flatmap(lambda c: st.builds(c, **{f.name: SHAPES[f.name] for f in attrs.fields(c)})))
def test_there_and_back(event: e.Event) -> None:
    value = b'{"some":"value"}' if type(event) in WITH_VALUE else None
    if isinstance(event, e.RunStarted):
        value = orjson.dumps({"due": event.due})
    record = to_record(event, PLAN, value)
    fact = from_record(record, PLAN)
    assert (fact.event, fact.value) == (event, value)


def test_an_item_that_yielded_nothing() -> None:
    event = e.ItemEnded(5, 0, 3, RunStatus.SUCCEEDED)
    record = to_record(event, PLAN)
    assert record == Record("item_ended", 5, "a", 0, b'{"index":3,"status":"succeeded"}')
    assert (from_record(record, PLAN).event, from_record(record, PLAN).value) == (event, None)


def test_the_words_on_disk() -> None:
    """These are in the files of our users."""
    assert to_record(e.RunCancelRequested(5), PLAN) == Record("run_cancel_requested", 5)
    assert to_record(e.AttemptStarted(5, 0, 2), PLAN) == Record("attempt_started", 5, "a", 2)
    assert to_record(e.GateDecided(5, 1, 1), PLAN) == Record("gate_decided", 5, "b.when", 0, b'{"outcome":1}')
    assert to_record(e.AttemptFailed(5, 0, 1, "x", "y"), PLAN).payload == (
        b'{"code":"x","message":"y","is_fatal":false,"retry_after_ns":null,"jitter":0.0}'
    )


@pytest.mark.parametrize(
    ("record", "match"),
    [
        (Record("node_blessed", 5, "a"), "'node_blessed', which this version"),
        (Record("attempt_started", 5, "zzz", 1), "the node 'zzz', which its flow does not have"),
        (Record("gate_decided", 5, "a"), "damaged event of the kind 'gate_decided'"),
        (Record("gate_decided", 5, "a", 0, b"{"), "damaged event of the kind 'gate_decided'"),
        (Record("gate_decided", 5, "a", 0, b"7"), "damaged event"),
        (Record("gate_decided", 5, "a", 0, b'{"luck": 1}'), "damaged event"),
        (Record("run_ended", 5, "", 0, b'{"status": "great"}'), "damaged event"),
    ],
)
def test_damage(record: Record, match: str) -> None:
    with pytest.raises(StoreError, match=match):
        from_record(record, PLAN)
