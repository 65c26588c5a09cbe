from __future__ import annotations

import contextlib
import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.model.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    UNKNOWN,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    TypeType,
)
from dagflow.model.values import NONE, Duration, Optional, Secret, Timestamp, UInt
from dagflow.model.wire import codec as wire
from tests.model.strategies import plain_json, typed_values

LEAD = RecordType(
    "Lead",
    (
        Field("email", ScalarType("Email")),
        Field("status", EnumType("Status", ("new", "won", "lost"))),
        Field("score", INT, has_default=True, default=10),
        Field("owner", OptionalType(STRING)),
    ),
)
GOOD = {"email": "ann@example.com", "status": "new"}


def problems(json_value: object, type_: Type) -> dict[str, str]:
    with pytest.raises(wire.WireError) as caught:
        wire.decode(json_value, type_)
    return {problem.pointer: problem.message for problem in caught.value.problems}


@given(typed_values())
def test_a_value_comes_back_as_it_went(pair):
    type_, value = pair
    json_value = wire.encode(value, type_)
    assert wire.decode(json_value, type_) == value
    assert wire.loads(wire.dumps(value, type_), type_) == value
    assert wire.parse_json(wire.dumps(value, type_)) == json_value
    if wire.is_plain(type_):
        assert json_value == value


@given(plain_json)
def test_free_json_comes_back_as_it_went(value):
    assert wire.loads(wire.dumps(value, JSON), JSON) == value
    assert wire.parse_json(json.dumps(value)) == value


@given(typed_values(), plain_json)
def test_no_json_makes_decode_raise_anything_else(pair, json_value):
    type_, _ = pair
    try:
        value = wire.decode(json_value, type_)
    except wire.WireError:
        return
    assert wire.decode(wire.encode(value, type_), type_) == value


def test_defaults_are_filled_in_and_absent_stays_absent():
    assert wire.decode(GOOD, LEAD) == {**GOOD, "score": 10}
    assert wire.decode({**GOOD, "owner": None, "score": 1}, LEAD) == {**GOOD, "owner": None, "score": 1}
    assert wire.encode(GOOD, LEAD) == {**GOOD, "score": 10}


def test_a_default_is_a_fresh_value_each_time():
    record = RecordType("", (Field("tags", ListType(STRING), has_default=True, default=[]), Field("t", DURATION, True, "5s")))
    first = wire.decode({}, record)
    first["tags"].append("x")
    assert wire.decode({}, record) == {"tags": [], "t": Duration(5_000_000_000)}
    assert wire.encode({}, record) == {"tags": [], "t": "5s"}


def test_all_problems_come_at_once_with_pointers():
    found = problems({"emial": "x", "status": "wonn", "score": "5", "owner": 5, "a/b~c": 1}, LEAD)
    assert found == {
        "/emial": "there is no such field; did you mean `email`?",
        "/status": 'expected one of "new", "won", "lost", found another text; did you mean "won"?',
        "/score": "expected a whole number, found a text",
        "/owner": "expected a text, found the number 5",
        "/a~1b~0c": "there is no such field; the fields are email, status, score, owner",
        "": "the field `email` (Email) is missing",
    }


def test_pointers_reach_into_lists_and_maps_and_begin_with_the_path():
    type_ = MapType(STRING, ListType(LEAD))
    with pytest.raises(wire.WireError) as caught:
        wire.decode({"x": [GOOD, {**GOOD, "score": True}]}, type_, path="/input")
    assert [str(problem) for problem in caught.value.problems] == ["/input/x/1/score: expected a whole number, found true"]
    assert str(caught.value) == "/input/x/1/score: expected a whole number, found true"
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1, NULL),
        (1, BOOL),
        ("true", BOOL),
        (True, INT),
        (1.0, INT),
        (2**63, INT),
        (-(2**63) - 1, INT),
        (-1, UINT),
        (2**64, UINT),
        (True, UINT),
        ("1", UINT),
        (math.nan, DOUBLE),
        (math.inf, DOUBLE),
        (True, DOUBLE),
        ("1", DOUBLE),
        (10**400, DOUBLE),
        (5, STRING),
        ("\ud800", STRING),
        ("\ud800", JSON),
        ({"\udfff": 1}, JSON),
        (math.inf, JSON),
        (2**63, JSON),
        (object(), JSON),
        ({(1, 2): 1}, JSON),
        ("é", BYTES),
        ("YQ", BYTES),
        (b"a", BYTES),
        ("yesterday", TIMESTAMP),
        ("2026-02-30T00:00:00Z", TIMESTAMP),
        (5, TIMESTAMP),
        ("2 days", DURATION),
        ("", DURATION),
        ("300000d", DURATION),
        ("1" * 100 + "s", DURATION),
        (5, DURATION),
        ("x", EnumType("", ("a", "b"))),
        (1, EnumType("", ("a", "b"))),
        ("ftp://x", ScalarType("Url")),
        (1, ScalarType("Url")),
        ("hunter2", SecretType(STRING)),
        ({"secret": 1}, SecretType(STRING)),
        ("int", TypeType(INT)),
        ({}, ListType(INT)),
        ([], MapType(STRING, INT)),
        ([], LEAD),
        ({"yes": 1}, MapType(BOOL, INT)),
        ({"01": 1}, MapType(INT, INT)),
        ({"1.5": 1}, MapType(INT, INT)),
        ({"-1": 1}, MapType(UINT, INT)),
        ({"9" * 21: 1}, MapType(INT, INT)),
    ],
)
def test_what_does_not_fit_is_refused(value, type_):
    assert len(problems(value, type_)) == 1


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("5400s", 5_400_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("2d", 172_800_000_000_000),
        ("1w", 604_800_000_000_000),
        ("-1.5s", -1_500_000_000),
        ("500ms", 500_000_000),
        ("3us", 3_000),
        ("0", 0),
    ],
)
def test_durations_are_read_in_many_forms_and_written_in_one(text, nanos):
    value = wire.decode(text, DURATION)
    assert value == Duration(nanos)
    assert wire.encode(value, DURATION) == str(Duration(nanos))


def test_timestamps_are_text():
    value = wire.decode("2026-01-31T10:00:00.5+01:00", TIMESTAMP)
    assert wire.encode(value, TIMESTAMP) == "2026-01-31T09:00:00.5Z"


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (Timestamp(10**30), TIMESTAMP),
        (Duration(2**63), DURATION),
        ("2026-01-31T10:00:00Z", TIMESTAMP),
        ("x", BYTES),
        ("x", SecretType(STRING)),
        ({"a": 1}, MapType(INT, INT)),
        ({1: 1}, MapType(BOOL, INT)),
        (Secret("x"), JSON),
        (Secret("x"), STRING),
    ],
)
def test_encode_refuses_what_is_not_of_the_type(value, type_):
    with pytest.raises(wire.WireError):
        wire.encode(value, type_)


def test_values_json_lacks_become_text_inside_free_json():
    value = {
        "at": Timestamp(0),
        "for": Duration(1_500_000_000),
        "raw": b"a",
        "n": UInt(5),
        "big": UInt(2**64 - 1),
        "some": Optional(1, is_present=True),
        "none": NONE,
        "pair": (1, 2),
        1: {True: 2.5},
    }
    plain = wire.encode(value, JSON)
    assert plain == {
        "at": "1970-01-01T00:00:00Z",
        "for": "1.5s",
        "raw": "YQ==",
        "n": 5,
        "big": "18446744073709551615",
        "some": 1,
        "none": None,
        "pair": [1, 2],
        "1": {"true": 2.5},
    }
    assert wire.decode(plain, JSON) == plain
    assert wire.encode(value, UNKNOWN) == wire.encode(value, ParamType("T")) == plain


def test_subclasses_become_plain():
    class Text(str):
        __slots__ = ()

    value = wire.encode(Text("x"), STRING)
    assert type(value) is str
    assert type(wire.encode(UInt(4), INT)) is int
    assert type(wire.encode(3, DOUBLE)) is float


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded_by_64_everywhere():
    assert wire.decode(nested(64), JSON) == nested(64)
    assert list(problems(nested(65), JSON).values()) == ["nested deeper than 64 levels"]
    assert wire.decode([nested(63)], ListType(JSON)) == nested(64)
    assert "nested deeper" in str(problems([nested(64)], ListType(JSON)))
    deep: Type = INT
    for _ in range(65):
        deep = ListType(deep)
    assert "nested deeper" in str(problems(nested(65), deep))
    mapped: Type = INT
    recorded: Type = INT
    value: object = 1
    for _ in range(65):
        mapped, recorded = MapType(STRING, mapped), RecordType("", (Field("a", recorded),))
        value = {"a": value}
    assert "nested deeper" in str(problems(value, mapped))
    assert "nested deeper" in str(problems(value, recorded))
    assert "nested deeper" in str(problems(value, JSON))


def test_a_value_that_contains_itself_is_refused_quickly():
    for loop in ([], {}):
        value: object = loop
        if isinstance(loop, list):
            loop.extend([loop, loop])
        else:
            loop.update(a=loop, b=loop)
        with pytest.raises(wire.WireError):
            wire.encode(value, JSON)


def test_problems_are_capped():
    assert len(problems(["x"] * 1000, ListType(INT))) == 100
    assert len(problems({str(n): "x" for n in range(1000)}, MapType(STRING, INT))) == 100
    assert len(problems({f"{n:09d}": "x" for n in range(1000)}, RecordType("", (Field("q", OptionalType(INT)),)))) == 100
    assert len(problems([math.inf] * 1000, JSON)) == 100
    assert len(problems({str(n): math.inf for n in range(1000)}, JSON)) == 100


def test_a_codec_can_be_kept():
    lead = wire.codec(LEAD)
    assert lead is wire.codec(LEAD)
    assert lead.loads(lead.dumps(GOOD)) == lead.decode(lead.encode(GOOD)) == {**GOOD, "score": 10}


def test_secrets_travel_as_handles():
    assert wire.dumps(Secret("slack_token"), SecretType(STRING)) == b'{"secret":"slack_token"}'


def test_loads_of_damaged_text_tells_the_place():
    with pytest.raises(wire.JsonTextError, match="line 1, column 2"):
        wire.loads(b'{"a', LEAD)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "Ann <ann@example.com>",
        "ann@example.com, bob@example.com",
        "ann@example.com\r\nBcc: x@example.com",
        "ann@example.com\n",
        "ann @example.com",
        "ann@exa mple.com",
        "ann@@example.com",
        "(c)ann@example.com",
        '"a b"@example.com',
        ".ann@example.com",
        "ann@-x.com",
        "ann@x..com",
        "änn@example.com",
        "ann@example.com\x00",
        "ann@example.com\u2028",
        "a" * 65 + "@example.com",
        "a@" + "b" * 300,
    ],
)
def test_an_email_is_one_bare_address(address):
    assert len(problems(address, ScalarType("Email"))) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//x",
        "http://",
        "http:///x",
        "javascript:x",
        "http://a b",
        "http://a\n",
        "http://x:99999",
        "http://[::1",
        "http://a\\b",
    ],
)
def test_a_url_is_http_with_a_host(url):
    assert len(problems(url, ScalarType("Url"))) == 1


@given(st.text(max_size=40))
def test_the_scalar_checks_raise_nothing_else(text):
    for name in ("Email", "Url"):
        with contextlib.suppress(wire.WireError):
            wire.decode(text, ScalarType(name))
