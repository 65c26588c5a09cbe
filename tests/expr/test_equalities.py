"""What a condition asks of an event, before there is one."""

from __future__ import annotations

import pytest

import dagflow
from dagflow.execution.program import prepare
from dagflow.model.correlation_key import key_at, key_of

FLOW = """
event "e" {{ id: string, n: int, ok: bool, x: double, deep: {{ id: string }}, free: json }}
flow f(id: string, n: int, x: double, free: json) {{
  on manual
  a = wait event "e" as e when {condition} within 1d
}}
"""


@pytest.mark.parametrize(
    ("condition", "path", "reads"),
    [
        ("e.id == id", '["id"]', {"id"}),
        ('"a" == e.id', '["id"]', set()),
        ("e.n == n + 1 && e.id == id", '["n"]', {"n"}),
        ("e.x > 1.0 && (e.ok == true && e.id != id)", '["ok"]', set()),
        ("e.deep.id == id", '["deep","id"]', {"id"}),
        # Nothing that has to hold, or nothing that only one text stands for.
        ("e.id == id || e.n == n", None, None),
        ("e.x == x", None, None),
        ("e.id == e.deep.id", None, None),
        ("!(e.id == id)", None, None),
        ("e.free == free", None, None),
        ("id == id", None, None),
    ],
)
def test_what_is_asked(condition: str, path: str | None, reads: set[str] | None) -> None:
    flow = dagflow.compile(FLOW.format(condition=condition), catalog=dagflow.Catalog()).unwrap("f")
    found = prepare(flow).codes[0].correlation
    assert (None if found is None else (found.path, found.reads)) == (None if path is None else (path, reads))


def test_keys_of_values() -> None:
    assert [key_of(value) for value in ("a", "1", 1, True, False)] == ['"a"', '"1"', "1", "true", "false"]
    assert [key_of(value) for value in (None, 1.0, [], {})] == [None] * 4
    long = {key_of("x" * 500), key_of("x" * 501)}
    assert len(long) == 2
    assert all(key is not None and len(key) < 100 for key in long)
    assert key_at({"a": {"b": 3}}, '["a","b"]') == "3"
    assert key_at({"a": []}, '["a","b"]') is None
    assert key_at({}, '["a"]') is None
