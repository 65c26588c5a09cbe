"""The sample of CEL's published conformance suite, every case through the public functions."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagflow.errors import ExpressionError
from dagflow.expr.library.overloads import Overload, row
from dagflow.lang.expressions import check_expression, evaluate_expression
from dagflow.model.values import Duration, Timestamp, TypeValue, UInt

CASES = [json.loads(line) for line in (Path(__file__).parent / "conformance.jsonl").read_text().splitlines()]


def decoded(tagged: dict[str, object]) -> object:
    value = tagged.get("value")
    match tagged["type"]:
        case "null":
            return None
        case "int":
            return int(value)
        case "uint":
            return UInt(value)
        case "double":
            return float(value)
        case "bytes":
            return base64.b64decode(value)
        case "timestamp":
            return Timestamp.parse(value)
        case "duration":
            return Duration.parse(value)
        case "list":
            return [decoded(item) for item in value]
        case "map":
            return {decoded(key): decoded(item) for key, item in value}
        case "type":
            return TypeValue(value)
        case _:
            return value


def same(left: object, right: object) -> bool:
    """Equal, and of the same CEL type all the way down; NaN is the same as NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (left == right and math.copysign(1, left) == math.copysign(1, right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    return left == right


def functions(type_env: list[dict[str, object]]) -> Iterator[Overload]:
    for entry in type_env:
        for each in entry.get("overloads", ()):
            dot = "." if each["receiver"] else ""
            yield row(f"{dot}{entry['name']}({', '.join(each['params'])}) -> {each['result']}", "None")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, object]) -> None:
    types = {entry["name"]: entry["type"] for entry in case["type_env"] if "type" in entry}
    expect = case["expect"]
    if "deduced_type" in expect:
        found = check_expression(case["expr"], types, container=case["container"], functions=tuple(functions(case["type_env"])))
        assert str(found) == expect["deduced_type"]
    if case["check_only"]:
        return
    bindings = {name: decoded(value) for name, value in case["bindings"].items()}
    given = None if case["disable_check"] else types
    if "error" in expect:
        with pytest.raises(ExpressionError):
            evaluate_expression(case["expr"], bindings, types=given, container=case["container"], interpolate=False)
        return
    result = evaluate_expression(case["expr"], bindings, types=given, container=case["container"], interpolate=False)
    assert same(result, decoded(expect["value"])), result


def test_the_sample_is_whole() -> None:
    assert len(CASES) == 823
