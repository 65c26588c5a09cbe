"""Log records as lines of JSON: each is one document with its place, whatever it holds, and none has the content of a secret."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.actions import EnvironmentSecrets

CANARY = "c4n4ry+/=t0ken"
FLOW = """
flow greet(name: string) -> string {
  said = log(message: "hello ${name}", data: {"n": 1})
  bad = refuse(token: secrets.api_token) retry 1 every 1ms
  return name
}
"""


def catalog_with_secret() -> dagflow.Catalog:
    catalog = dagflow.Catalog.builtin(secrets=EnvironmentSecrets({"DAGFLOW_SECRET_API_TOKEN": CANARY}))

    @catalog.action
    async def refuse(token: dagflow.Secret) -> str:
        logging.getLogger("shop.client").error(
            "no login with %s", token, extra={"headers": {"authorization": f"Bearer {token}"}}
        )
        raise ConnectionError(f"no login with {token}")

    return catalog


@contextmanager
def lines_of_log(formatter: logging.Formatter) -> Iterator[list[Any]]:
    """The documents that all loggers have written, once the block is left."""
    stream, root, found = io.StringIO(), logging.getLogger(), []
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield found
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    found += map(orjson.loads, stream.getvalue().splitlines())


async def test_each_line_says_which_attempt_of_which_run_it_is_about() -> None:
    catalog = catalog_with_secret()
    flow = dagflow.compile(FLOW, catalog=catalog).unwrap()
    with lines_of_log(dagflow.JsonLogFormatter(catalog)) as lines:
        async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            run = await interpreter.start(flow, {"name": "Ada"})
            await run.wait()
    ours = [line for line in lines if line["logger"].startswith("dagflow.")]
    place = {"tenant": "", "flow": "greet", "run": run.id}
    assert all(place.items() <= line.items() for line in ours)
    shown = [(line["level"], line["logger"], line.get("step"), line.get("attempt")) for line in ours]
    assert shown[0] == ("info", "dagflow.runs", None, None)
    assert sorted(shown[1:-1]) == [
        ("info", "dagflow.flow", "said", 1),
        ("warning", "dagflow.attempts", "bad", 1),
        ("warning", "dagflow.attempts", "bad", 2),
    ]
    assert shown[-1] == ("info", "dagflow.runs", None, None)
    assert ours[-1]["status"] == "failed"
    failed = next(line for line in ours if line.get("step") == "bad")
    assert (failed["action"], failed["code"]) == ("refuse", "exception.connection_error")
    assert failed["message"].endswith("failed: exception.connection_error: no login with [secret api_token]")
    assert failed["traceback"].splitlines()[-1] == "ConnectionError: no login with [secret api_token]"
    assert next(line for line in ours if line.get("step") == "said")["data"] == {"n": 1}


async def test_records_of_other_loggers_lose_the_secrets_of_the_catalog() -> None:
    catalog = catalog_with_secret()
    flow = dagflow.compile(FLOW, catalog=catalog).unwrap()
    with lines_of_log(dagflow.JsonLogFormatter(catalog)) as lines:
        async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            await (await interpreter.start(flow, {"name": "Ada"})).wait()
    theirs = [line for line in lines if line["logger"] == "shop.client"]
    assert theirs[0]["headers"] == {"authorization": "Bearer [secret api_token]"}
    assert "c4n4ry" not in orjson.dumps(lines).decode()


def record_with(fields: dict[str, object], message: str = "m") -> logging.LogRecord:
    return logging.makeLogRecord({"name": "a", "levelname": "INFO", "levelno": 20, "msg": message, "created": 1.5} | fields)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(object()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.sets(st.integers())
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@settings(max_examples=30)
@given(st.text(), st.dictionaries(st.text(min_size=1).map("x_{}".format), values))
def test_every_record_is_one_line_with_all_its_fields(message: str, fields: dict[str, object]) -> None:
    line = dagflow.JsonLogFormatter().format(record_with(fields, message))
    assert "\n" not in line
    document = orjson.loads(line)
    assert document["time"] == "1970-01-01T00:00:01.500Z"
    assert len(document) == 4 + len(fields)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (float("nan"), "nan"),
        ("a\ud800b", "a\\ud800b"),
        (b"raw", "b'raw'"),
        ((1, [2.5]), [1, [2.5]]),
        (dagflow.Secret("token"), "Secret('token')"),
    ],
)
def test_a_field_without_a_form_in_json_is_a_text(value: object, written: object) -> None:
    assert orjson.loads(dagflow.JsonLogFormatter().format(record_with({"field": value})))["field"] == written


def test_a_field_that_contains_itself_ends() -> None:
    deep: list[object] = []
    deep.append(deep)
    assert "[[...]]" in dagflow.JsonLogFormatter().format(record_with({"field": deep}))


def test_an_exception_has_its_traceback_in_one_member() -> None:
    error = ValueError("first\nsecond")
    record = record_with({"exc_info": (type(error), error, None)})
    document = orjson.loads(dagflow.JsonLogFormatter().format(record))
    assert document["message"] == "m"
    assert document["exception"].endswith("ValueError: first\nsecond")
