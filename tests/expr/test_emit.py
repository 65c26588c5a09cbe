"""The emitter: what a damaged form does, what goes into the code, and that a stored form is as good as a fresh one."""

from __future__ import annotations

import contextlib
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.errors import EvaluationError, StoreError
from dagflow.expr.codegen.emit import compile_cores
from dagflow.expr.library.namespace import NAMESPACE, TABLE
from dagflow.expr.library.overloads import Overload
from dagflow.lang.expressions import evaluate_expression
from tests.expr.support import BINDINGS, checked

ONE = ("int", 1)
DAMAGED = [
    None, 1, "x", (), [], (1,), ("nope",), ("null", 1), ("bool", 1), ("bool",), ("int", True), ("int", 2**63), ("int", "1"), ("int", 1, 2),
    ("uint", -1), ("uint", 2**64), ("double", 1), ("double", float("inf")), ("double", float("nan")), ("string", 1), ("bytes", "zz"),
    ("bytes", 1), ("duration", 2**63), ("duration", "1"), ("timestamp", 2**80), ("type", 1), ("var", 1), ("var",), ("local", 0), ("local", "x"), ("local", -1),
    ("field", ("null",)), ("field", ("null",), 1), ("field", "x", "y"), ("at", ONE), ("if", ONE, ONE), ("all_of",), ("all_of", ONE),
    ("list",), ("list", (1,), ONE), ("list", (True,)), ("list", True), ("record",), ("record", ("a",)), ("record", "a", ONE), ("record", (1,), ONE),
    ("map", (False,), ONE), ("map",), ("map", (False,), ONE, ONE, ONE), ("text", 1), ("call",), ("call", "os.system(string)", ("string", "x")),
    ("call", 1), ("call", "_+_(int, int)", ONE), ("dyn",), ("dyn", "_+_", False, ONE), ("dyn", "eval", False, ONE, ONE), ("dyn", "_+_", 0, ONE, ONE),
    ("fail", 1, 2), ("fail", "x"), ("bind", 0, ONE), ("bind", "v0", ONE, ONE), ("map_optional", 0, ONE), ("loop",),
    ("loop", "all", "list", 0, None, ("list", ()), None, None), ("loop", "nope", "list", 0, None, ("list", ()), ONE, None),
    ("loop", "list", "list", 0, None, ("list", ()), None, None), ("loop", "list", 1, 0, None, ("list", ()), None, ONE),
    ("loop", "list", "list", None, None, ("list", ()), None, ONE), ("loop", "list", "list", 10_000, None, ("list", ()), None, ONE),
    ("wrap",), ("coalesce", ONE), ("or", ONE, ONE, ONE),
]  # fmt: skip


@pytest.mark.parametrize("core", DAMAGED, ids=repr)
def test_a_damaged_form_is_refused(core: object) -> None:
    for each in (core, ("wrap", core), ("any_of", ("bool", True), core)):
        with pytest.raises(StoreError, match="damaged"):
            compile_cores([each])


def test_a_form_nested_beyond_reason_is_refused() -> None:
    core: object = ("bool", True)
    for _ in range(100_000):
        core = ("wrap", core)
    with pytest.raises(StoreError, match="nested too deeply"):
        compile_cores([core])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["call", "var", "x", "loop", "_+_(int, int)", "list", "__import__('os')"]),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


@given(json_values)
def test_no_json_makes_anything_but_a_store_error(core: object) -> None:
    try:
        (run,) = compile_cores([core])
    except StoreError:
        return
    with contextlib.suppress(EvaluationError):
        run({})


@pytest.mark.parametrize(
    "text",
    [
        "lead.status == 'won' && lead.n > 2", "xs.map(x, x * 2).filter(x, x > 2)", "{'a': 1, ?'b': maybe}", "lead.price * 2.0 < 4.5",
        "b'\\xff' + b'a' == b'\\xffa'", "now - lead.created > 2d", "'${lead.n} of ${xs.size()}'", "5u + 3u", "cel.bind(x, 1 + 1, x * x)",
        "xs.transformMap(i, x, x > 1, string(x))", "payload.user.l.all(x, x > 0)", "bonus.?code ?? 'x'", "[?maybe].size()", "int",
        "optional.of(1).optMap(x, x + 1)", "{1: 2, true: 3}[1] == 2", "xs.exists_one(i, x, x == 2)", "{'k': 1}.transformMapEntry(k, v, {v: k})",
    ],
)  # fmt: skip
def test_a_form_survives_json(text: str) -> None:
    core = checked(text).core
    again = json.loads(json.dumps(core))
    first, second = compile_cores([core, again])
    assert first(BINDINGS) == second(BINDINGS)


NASTY = ["'", '"', "\\", "\n", "{}", "{0}", "{", "%s", "__class__", "b['x']", '"""', "\x00", "\u202e", "'+__import__('os')+'"]


@pytest.mark.parametrize("name", NASTY)
def test_no_text_becomes_code(name: str) -> None:
    cores = [
        ("string", name),
        ("var", name),
        ("field", ("var", "m"), name),
        ("select", ("var", "m"), name),
        ("record", (name,), ("record", (name,), ("string", name))),
        ("text", ("string", name), ("string", name)),
        ("type", name),
        ("test", ("var", "m"), name),
    ]
    bindings = {name: 1, "m": {name: 2}}
    found = [run(bindings) for run in compile_cores(cores)]
    assert found[:6] == [name, 1, 2, 2, {name: {name: name}}, name * 2]
    assert [str(found[6]), found[7]] == [name, True]
    with pytest.raises(EvaluationError) as error:
        compile_cores([("fail", name, name)])[0]({})
    assert (error.value.code, error.value.message) == (name, name)


def test_generated_code_has_no_builtins() -> None:
    (run,) = compile_cores([("call", "_+_(int, int)", ONE, ONE)])
    (function,) = (cell.cell_contents for cell in run.__closure__)
    assert function.__globals__["__builtins__"] == {}
    assert not {"eval", "exec", "open", "getattr", "__import__"} & set(NAMESPACE)


def test_values_of_the_wrong_shape_are_evaluation_errors() -> None:
    cases = [
        (("field", ("var", "x"), "a"), {"x": None}, "type_mismatch"),
        (("field", ("var", "x"), "a"), {"x": {}}, "no_such_key"),
        (("var", "x"), {}, "no_such_key"),
        (("call", "_<_(int, int)", ("var", "x"), ONE), {"x": "a"}, "type_mismatch"),
        (("call", "_+_(timestamp, duration)", ("var", "x"), ("duration", 1)), {"x": 5}, "type_mismatch"),
        (("call", "double(int)", ("var", "x")), {"x": 10**400}, "overflow"),
    ]
    for core, bindings, code in cases:
        with pytest.raises(EvaluationError) as error:
            compile_cores([core])[0](bindings)
        assert error.value.code == code


def test_an_evaluation_error_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(EvaluationError("overflow", "too much")))
    assert (again.code, again.message, str(again)) == ("overflow", "too much", "too much")


def test_a_bound_value_that_fails_is_computed_only_when_read() -> None:
    assert evaluate_expression("cel.bind(x, 1 / 0, true)", {}) is True
    assert evaluate_expression("cel.bind(x, 1 / 0, x == 1 || true)", {}) is True


def every_row() -> list[Overload]:
    return list(TABLE.by_id.values())


@pytest.mark.parametrize("each", every_row(), ids=lambda each: each.id)
def test_every_row_says_whether_it_can_fail(each: Overload) -> None:
    """A template names each argument exactly once: arguments are never evaluated twice."""
    for template in (each.template, each.in_loop):
        for index in range(len(each.params)):
            assert template.count(f"{{{index}}}") == 1


def test_what_comes_to_the_same_code_is_made_once() -> None:
    core = ("field", ("var", "x"), "a")
    first, zero, again, minus = compile_cores([core, ("double", 0.0), core, ("double", -0.0)])
    assert first is again
    assert (str(zero({})), str(minus({}))) == ("0.0", "-0.0")
