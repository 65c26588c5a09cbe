"""A literal inside of a list's operations is read as the type that the whole should have."""

from __future__ import annotations

import pytest

import dagflow

HEAD = """
type Out { id: string, n: double, note: string? }
type Row { id: string, count: int }

"""
RECORD = '{"id": r.id, "n": 1}'


def titles(result: str, text: str) -> list[str]:
    source = HEAD + f"flow f(rows: list<Row>, one: Row?) -> {result} {{\n  on manual\n  return {text}\n}}\n"
    return [each.title for each in dagflow.compile(source).diagnostics]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("list<Out>", f"rows.map(r, {RECORD})"),
        ("list<Out>", f"rows.map(r, r.count > 1, {RECORD}).reverse()"),
        ("list<Out>", f"rows.map(r, {RECORD}).filter(o, o.n > 1.0).sortBy(o, o.id)"),
        ("list<Out>", f"rows.map(r, {RECORD}) + [{{'id': 'x', 'n': 2}}]"),
        ("list<Out>", f"rows.transformList(i, r, {RECORD})"),
        ("list<Out>", f"rows.size() > 3 ? [] : rows.map(r, {RECORD})"),
        ("list<Out>", f"cel.bind(all, rows, all.map(r, {RECORD}))"),
        ("list<Out>", f"rows.zip(r, c, rows.map(r, r.count), {RECORD})"),
        ("list<Out>", f"rows.reduce(all, r, [], all + [{RECORD}])"),
        ("list<list<Out>>", f"rows.map(r, [{RECORD}])"),
        ("list<double>", "rows.map(r, 1)"),
        ("map<string, Out>", f"rows.toMap(r, r.id, {RECORD})"),
        ("map<string, list<Out>>", f"rows.map(r, {RECORD}).groupBy(o, o.id)"),
        ("map<int, Out>", f"rows.transformMap(i, r, {RECORD})"),
        ("Out?", f"one.optMap(r, {RECORD})"),
        ("Out?", f"rows.map(r, {RECORD}).first()"),
    ],
)  # fmt: skip
def test_a_record_where_one_is_wanted(result: str, text: str) -> None:
    assert titles(result, text) == []


def test_a_mistake_in_it_is_reported_at_its_field() -> None:
    source = (
        HEAD
        + 'flow f(rows: list<Row>) -> list<Out> {\n  on manual\n  return rows.map(r, {"id": r.id, "n": 1, "nota": "x"})\n}\n'
    )
    (found,) = dagflow.compile(source).diagnostics
    assert found.title == "Out has no field `nota`"
    assert source[found.span.start : found.span.end] == '"nota"'


def test_records_made_by_a_loop_have_their_fields_when_the_flow_runs() -> None:
    source = HEAD + f"flow f(rows: list<Row>) -> list<Out> {{\n  on manual\n  return rows.map(r, {RECORD})\n}}\n"
    run = dagflow.run(dagflow.compile(source).unwrap(), {"rows": [{"id": "a", "count": 1}]})
    assert run.output == [{"id": "a", "n": 1.0}]
