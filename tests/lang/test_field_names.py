"""Fields whose names are no identifiers stand in backquotes, wherever a text has them."""

from __future__ import annotations

import json

import pytest

import dagflow
from dagflow.lang.canonical.codec import to_data
from dagflow.lang.importers.detect import import_json
from dagflow.lang.importers.samples import infer_declarations

SOURCE = """/// From the bus.
event "aws/ec2" {
  `detail-type`: string,
  detail: {`instance-id`: string, `a.b`: string?}
}

type Row {
  `@id`: string,
  `in`: int = 3
}

flow f(row: Row) -> string {
  on event "aws/ec2" as e when e.`detail-type` == "x" with (row: {"@id": e.detail.`instance-id`})
  on manual

  emit "aws/ec2" (`detail-type`: row.`@id`, detail: {"instance-id": "i"})
  return "${row.`@id`} ${row.`in`}"
}
"""


def test_a_flow_declares_reads_and_gives_them() -> None:
    compilation = dagflow.compile(SOURCE)
    assert compilation.diagnostics == ()
    assert dagflow.format(SOURCE) == SOURCE
    assert dagflow.run(compilation.unwrap(), {"row": {"@id": "7"}}).output == "7 3"


def test_json_has_them_as_they_are() -> None:
    text, found = import_json(json.dumps(to_data(SOURCE)))
    assert not found
    assert text == SOURCE


@pytest.mark.parametrize(
    ("source", "fixed"),
    [
        ('type T { "detail-type": string }', "type T { `detail-type`: string }"),
        ("type T { a: int, detail-type-id: string? }", "type T { a: int, `detail-type-id`: string? }"),
    ],
)
def test_other_notations_have_a_fix(source: str, fixed: str) -> None:
    (found,) = dagflow.compile(source).diagnostics
    assert found.title == "the name of a field is no text and has no hyphen"
    assert found.fix is not None
    (edit,) = found.fix.edits
    assert source[: edit.span.start] + edit.text + source[edit.span.end :] == fixed


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("flow f(`a-b`: int) {\n  on manual\n}", "expected a name after `(`"),
        ("flow f(a-b: int) {\n  on manual\n}", "expected `:` after `a`"),
        ("type T { `a-b`: int, `a-b`: int }", "`a-b` is declared twice"),
        ("type R { `x-y`: int }\nflow f(r: R) -> int {\n  on manual\n  return r.`x-z`\n}", "`r` has no field `x-z`"),
    ],
)
def test_mistakes_in_them(source: str, title: str) -> None:
    assert title in [each.title for each in dagflow.compile(source).diagnostics]


def test_a_name_with_a_dot_is_no_path() -> None:
    source = "type R { `x.y`: int?, x: {y: int?} }\nflow f(r: R) -> int {\n  on manual\n  return has(r.x.y) ? r.`x.y` : 1\n}"
    assert [each.code for each in dagflow.compile(source).diagnostics] == ["E312"]


def test_a_type_of_samples_has_them_beside_names() -> None:
    text = infer_declarations("Bus", [{"detail-type": "a", "detail": {"2026-01-01": 1}, "per-day": {"n": 1}}])
    assert text == (
        "type PerDay {\n  n: int\n}\n\ntype Bus {\n  `detail-type`: string,\n  detail: map<string, int>,\n  `per-day`: PerDay\n}\n"
    )
