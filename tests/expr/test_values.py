"""Instants and lengths: their texts, their neighbours in Python, their order."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.model import values
from dagflow.model.values import Duration, Optional, Secret, Timestamp, TypeValue, UInt

instants = st.integers(values.MIN_TIMESTAMP_NS, values.MAX_TIMESTAMP_NS).map(Timestamp)
lengths = st.integers(values.MIN_DURATION_NS, values.MAX_DURATION_NS).map(Duration)


@given(instants)
def test_an_instant_reads_back(instant: Timestamp) -> None:
    assert Timestamp.parse(str(instant)) == instant
    assert Timestamp.from_datetime(instant.to_datetime()).nanos == instant.nanos // 1000 * 1000


@given(lengths)
def test_a_length_reads_back(length: Duration) -> None:
    assert Duration.parse(str(length)) == length
    micros = length.nanos // 1000
    assert length.to_timedelta() == dt.timedelta(microseconds=micros)
    if micros * 1000 >= values.MIN_DURATION_NS:
        assert Duration.from_timedelta(length.to_timedelta()).nanos == micros * 1000


@given(instants, instants)
def test_order_is_that_of_the_nanoseconds(a: Timestamp, b: Timestamp) -> None:
    assert (a < b) == (a.nanos < b.nanos)
    assert (a == b) == (hash(a) == hash(b) and a.nanos == b.nanos)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2009-02-13T23:31:30.5+01:00", "2009-02-13T22:31:30.5Z"),
        ("2009-02-13t23:31:30z", "2009-02-13T23:31:30Z"),
        ("2009-02-13T23:31:30-00:30", "2009-02-14T00:01:30Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_timestamp_texts(text: str, shown: str) -> None:
    assert str(Timestamp.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2009-02-13", "2009-02-13T23:31:30", "2009-02-30T00:00:00Z", "2009-02-13T24:00:00Z", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01", "2009-02-13T23:31:30+24:00", "2009-02-13T23:31:30.1234567890Z", "٢٠٠٩-02-13T23:31:30Z",
    ],
)  # fmt: skip
def test_no_timestamps(text: str) -> None:
    with pytest.raises(ValueError, match=r"timestamp|outside"):
        Timestamp.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1h30m", "5400s"),
        ("-1.5s", "-1.5s"),
        ("+2ms", "0.002s"),
        ("0", "0s"),
        (".5s", "0.5s"),
        ("1us1ns", "0.000001001s"),
        ("1.s", "1s"),
    ],
)
def test_duration_texts(text: str, shown: str) -> None:
    assert str(Duration.parse(text)) == shown


@pytest.mark.parametrize("text", ["", "1", "1d", "1s ", "s", ".s", "--1s", "9223372037s", "1" * 300 + "s", "1h-1m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|292"):
        Duration.parse(text)


def test_python_values_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Timestamp.from_datetime(dt.datetime(2020, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="292"):
        Duration.from_timedelta(dt.timedelta.max)


def test_how_values_show_themselves() -> None:
    assert repr(UInt(3)) == "UInt(3)"
    assert str(UInt(3)) == f"{UInt(3)}" == "3"
    assert UInt(3) == 3
    assert repr(Optional(1, is_present=True)) == "optional.of(1)"
    assert repr(Optional()) == "optional.none()"
    assert str(TypeValue("int")) == "int"
    assert repr(Secret("token")) == "Secret('token')"
