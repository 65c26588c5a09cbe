"""`merge`: the entries of two records, maps or json objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow.errors import EvaluationError
from dagflow.lang.expressions import evaluate_expression

HEAD = """
type Lead { name: string, tier: "free" | "paid", score: double, note: string? }
type Change { note: string?, score: double? }

"""


def compiled(result: str, text: str) -> dagflow.Compilation:
    params = "lead: Lead, change: Change, note: string?, data: json, tags: map<string, int>, key: Secret<string>"
    return dagflow.compile(HEAD + f"flow f({params}) -> {result} {{\n  on manual\n  return {text}\n}}\n")


def output(result: str, text: str, **given: object) -> object:
    lead = {"name": "Ada", "tier": "free", "score": 1.5, "note": "old"}
    values: dict[str, object] = {"lead": lead, "change": {}, "data": {}, "tags": {}, "key": {"secret": "k"}}
    run = dagflow.run(compiled(result, text).unwrap(), values | given)
    assert run.failures == ()
    return run.output


@pytest.mark.parametrize(
    ("result", "text", "changed"),
    [
        ("Lead", 'lead.merge({"score": 2, "tier": "paid"})', {"score": 2.0, "tier": "paid"}),
        ("Lead", 'lead.merge({"note": null})', {"note": None}),
        ("Lead", 'lead.merge({"note": note})', {"note": None}),
        ("Lead", 'lead.merge({?"note": note})', {}),
        ("Lead", "lead.merge(change)", {"score": 7.0}),
        ("Lead", 'lead.merge({"note": "a"}).merge({"note": "b"})', {"note": "b"}),
        ("json", 'lead.merge({"age": 3})', {"age": 3}),
    ],
)  # fmt: skip
def test_a_record_with_other_fields(result: str, text: str, changed: dict[str, object]) -> None:
    found = output(result, text, change={"score": 7.0})
    wanted = {"name": "Ada", "tier": "free", "score": 1.5, "note": "old"} | changed
    assert isinstance(found, dict)
    assert {name: value for name, value in found.items() if value is not None} == {
        name: value for name, value in wanted.items() if value is not None
    }


def test_a_new_field_makes_another_type() -> None:
    assert output("{name: string, tier: string, score: double, note: string?, n: int}", 'lead.merge({"n": 1})')
    (found,) = compiled("Lead", 'lead.merge({"n": 1})').diagnostics
    assert (found.code, found.label) == ("E307", "`n` is not a field of Lead")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("lead.merge(tags)", "`merge` requires two records, maps or json objects; got Lead and map<string, int>"),
        ('tags.merge({"a": "b"})', "`merge` requires two records, maps or json objects; got map<string, int> and map<string, string>"),
        ("[1].merge([2])", "`merge` requires two records, maps or json objects; got list<int> and list<int>"),
        ('lead.merge({?"note": "x"})', "`?` needs an optional, not string"),
        ('lead.merge({?"score": note})', "`score` is double in one and string? in the other"),
        ('lead.merge({"key": key})', "a secret would leave the system"),
        ("note.merge(data)", "this value may be absent"),
    ],
)  # fmt: skip
def test_what_cannot_be_merged(text: str, title: str) -> None:
    assert title in [each.title for each in compiled("json", text).diagnostics]


KEYED = st.dictionaries(st.text("abc", max_size=1), st.integers(0, 9), max_size=3)


@given(KEYED, KEYED)
def test_the_right_entry_stays(left: dict[str, int], right: dict[str, int]) -> None:
    types = {"l": "map(string, int)", "r": "map(string, int)"}
    bindings = {"l": left, "r": right}
    assert (
        evaluate_expression("l.merge(r)", bindings, types=types) == evaluate_expression("l.merge(r)", bindings) == left | right
    )


def test_json_that_is_no_object_has_a_code() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate_expression("a.merge({'x': 1})", {"a": [1]})
    assert caught.value.code == "type_mismatch"
    assert evaluate_expression("a.merge({'x': null})", {"a": {"x": 1, "y": 2}}) == {"x": None, "y": 2}
