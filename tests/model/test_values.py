"""Values of the language that Python has no type for."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.model.values import (
    MAX_DURATION_NS,
    MAX_TIMESTAMP_NS,
    MIN_DURATION_NS,
    MIN_TIMESTAMP_NS,
    NONE,
    Duration,
    Optional,
    Secret,
    Timestamp,
    TypeValue,
    UInt,
)

UTC = dt.UTC


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("0001-01-01T00:00:00Z", MIN_TIMESTAMP_NS),
        ("9999-12-31T23:59:59.999999999Z", MAX_TIMESTAMP_NS),
    ],
)
def test_instants_from_text(text: str, nanos: int) -> None:
    assert Timestamp.parse(text).nanos == nanos


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "1970-01-01", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z", "1970-01-01T25:00:00Z", "1970-01-01T00:00:00",
        "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+00:60", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "1970-01-01T00:00:00.0000000001Z", "١٩٧٠-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_texts_that_are_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a timestamp|outside of"):
        Timestamp.parse(text)


@given(st.integers(MIN_TIMESTAMP_NS, MAX_TIMESTAMP_NS))
def test_instants_there_and_back(nanos: int) -> None:
    assert Timestamp.parse(str(Timestamp(nanos))).nanos == nanos


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_of_python(moment: dt.datetime) -> None:
    assert Timestamp.from_datetime(moment).to_datetime() == moment


def test_an_instant_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        Timestamp.from_datetime(dt.datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("1h30m", 5_400 * 10**9),
        ("-1.5h", -5_400 * 10**9),
        ("1ms", 10**6),
        ("1us", 1_000),
        ("7ns", 7),
        (".5s", 5 * 10**8),
    ],
)
def test_lengths_from_text(text: str, nanos: int) -> None:
    if text == "0":
        text = "0s"
    assert Duration.parse(text).nanos == nanos


@pytest.mark.parametrize("text", ["", "1", "h", "1d", "1 h", "x", "9" * 300 + "h", "300000000h", "-300000000h", "1h-1m"])
def test_texts_that_are_no_lengths(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a duration|longer than"):
        Duration.parse(text)


@given(st.integers(MIN_DURATION_NS, MAX_DURATION_NS))
def test_lengths_there_and_back(nanos: int) -> None:
    assert Duration.parse(str(Duration(nanos))).nanos == nanos


@given(st.timedeltas(dt.timedelta(days=-100_000), dt.timedelta(days=100_000)))
def test_lengths_of_python(length: dt.timedelta) -> None:
    assert Duration.from_timedelta(length).to_timedelta() == length


def test_a_length_of_python_can_be_too_long() -> None:
    with pytest.raises(ValueError, match="292"):
        Duration.from_timedelta(dt.timedelta.max)


def test_how_values_read() -> None:
    assert (repr(UInt(3)), str(UInt(3)), UInt(3) == 3) == ("UInt(3)", "3", True)
    assert repr(Optional(3, is_present=True)) == "optional.of(3)"
    assert repr(NONE) == "optional.none()"
    assert str(TypeValue("int")) == "int"
    assert repr(Secret("token")) == "Secret('token')"
    assert str(Secret("token")) == "Secret('token')"
    assert f"{Secret('token')}" == "Secret('token')"
