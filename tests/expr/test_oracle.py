"""The same expression here and in the reference implementation (C++), which need not agree on more than the specification.

Known differences, all left out: numbers from bools, `in` of a map for what is no key, texts of doubles beyond a million, leap seconds, white space around numbers, two-variable macros.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from dagflow.errors import ExpressionError
from dagflow.lang.expressions import evaluate_expression

cel = pytest.importorskip("cel_expr_python.cel")
ext_optional = pytest.importorskip("cel_expr_python.ext.ext_optional")
ext_strings = pytest.importorskip("cel_expr_python.ext.ext_strings")

ENV = cel.NewEnv(extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings()])

ints = st.sampled_from(["0", "1", "2", "-1", "7", "9223372036854775807", "-9223372036854775808"])
doubles = st.sampled_from(["0.0", "1.5", "-2.0", "1e30", "7.0"])
uints = st.sampled_from(["0u", "1u", "7u", "18446744073709551615u"])
strings = st.sampled_from(["''", "'a'", "'abc'", "'é'", "'7'", "'1.5'"])
bools = st.sampled_from(["true", "false", "1/0 == 1"])
atoms = st.one_of(ints, doubles, uints, strings, bools, st.sampled_from(["null", "b'a'", "duration('90s')", "timestamp(0)"]))


def extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", "&&", "||", "in"]), inner)
    return st.one_of(
        pairs.map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})"),
        st.lists(inner, max_size=3).map(lambda p: f"[{', '.join(p)}]"),
        st.tuples(inner, inner).map(lambda p: f"{{'a': {p[0]}, 'b': {p[1]}}}"),
        st.tuples(inner, st.sampled_from(["int", "double", "string", "uint", "size", "type", "dyn", "bool", "!", "-"])).map(
            lambda p: f"{p[1]}({p[0]})"
        ),
        st.tuples(inner, st.sampled_from(["a", "?b", "c"])).map(lambda p: f"({p[0]}).{p[1]}"),
        st.tuples(inner, st.sampled_from(["all", "exists", "exists_one", "map", "filter"]), inner).map(
            lambda p: f"[{p[0]}, 1].{p[1]}(x, {p[2]} == x)"
        ),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}]"),
        st.tuples(inner, inner).map(lambda p: f"optional.of({p[0]}).orValue({p[1]})"),
    )


expressions = st.recursive(atoms, extended, max_leaves=6)
FAILED = object()
UNKNOWN = object()


def reference(text: str) -> object:
    try:
        found = ENV.compile(text, disable_check=True).eval()
    except Exception:  # noqa: BLE001 - whatever it raises
        return FAILED
    try:
        value = found.plain_value()
    except Exception:  # noqa: BLE001 - whatever it raises
        return UNKNOWN
    if found.type().name() == "ERROR":
        if "found : @in" in str(value):
            reject()  # what cannot be a key is in no map
        return FAILED
    return value


def ours(text: str) -> object:
    try:
        return evaluate_expression(text, {}, interpolate=False)
    except ExpressionError as error:
        if "for (bool)" in str(error):
            reject()  # the reference converts bools to numbers, the specification does not
        return FAILED


def agree(left: object, right: object) -> bool:
    if right is UNKNOWN or isinstance(right, cel.Type):
        return left is not FAILED
    if left is FAILED or right is FAILED:
        return left is right
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(agree, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(agree(left[key], right[key]) for key in left)
    if hasattr(left, "to_timedelta"):
        return left.to_timedelta() == right
    if hasattr(left, "to_datetime"):
        return left.to_datetime() == right
    return left == right and isinstance(left, bool) == isinstance(right, bool)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions)
def test_agreement(text: str) -> None:
    assert agree(ours(text), reference(text)), (ours(text), reference(text))
