"""The core of a constant gives the constant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from dagflow.expr.checker.constants import constant_core
from dagflow.expr.codegen.emit import compile_cores
from dagflow.model.types import JSON
from dagflow.model.values import Duration, Timestamp, UInt
from dagflow.model.wire import codec as wire
from tests.model.strategies import plain_json


def of(value: object) -> object:
    return compile_cores([constant_core(value)])[0]({})


@settings(max_examples=40)
@given(plain_json)
def test_json_is_itself(value: object) -> None:
    stored = wire.decode(value, JSON)
    assert of(stored) == stored


@pytest.mark.parametrize(
    "value", [None, True, 7, -1.5, "a", b"\x00a", UInt(7), Duration(5), Timestamp(9), [UInt(1)], {1: "a", 2: "b"}]
)
def test_everything_else_is_itself(value: object) -> None:
    found = of(value)
    assert found == value
    assert type(found) is type(value)
