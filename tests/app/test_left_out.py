"""A parameter or field of an optional type that is left out reads as nothing, wherever its name is read."""

from __future__ import annotations

import pytest

import dagflow
from dagflow.app.interpreter import Interpreter
from tests.app.host import Host
from tests.app.test_testing import holds

#: What reads the optional parameter `a`, and what the flow returns where it was left out.
READERS = {
    "an operator": ('return a ?? "none"', "none"),
    "a question": ('return a.hasValue() ? "some" : "none"', "none"),
    "a condition": ('if a.hasValue() { return "some" }\n return "none"', "none"),
    "a text": ('return "${a ?? "none"}"', "none"),
    "an argument": ("x = called(a: a)\n return x", "nobody"),
    "an argument that is left out too": ("x = called()\n return x", "nobody"),
    "the body of a loop": ('r = for n in [1] max 1 {\n yield a ?? "none"\n }\n return r[0]', "none"),
    "the body of a loop in a loop": (
        'r = for n in [1] max 1 {\n q = for m in [1] max 1 {\n yield a ?? "none"\n }\n yield q[0]\n }\n return r[0]',
        "none",
    ),
    "a wait": ('e = wait event "e" as e when (e.s ?? "") == (a ?? "none") within 1ms\n return e.?s ?? "none"', "none"),
}
CALLED = """
event "e" { s: string? }
flow called(a: string?) -> string {
  on manual
  return a ?? "nobody"
}
"""


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("given", [{}, None, {"a": None}])
def test_a_parameter_that_is_left_out_is_nothing(reader: str, given: object) -> None:
    text, expected = READERS[reader]
    flow = dagflow.compile(f"{CALLED}\nflow f(a: string?) -> string {{\n on manual\n {text}\n}}").unwrap("f")
    result = dagflow.run(flow, given)
    assert (result.output, result.failures) == (expected, ())


def test_in_tests_of_the_language() -> None:
    holds(
        """
        given ()
        expect run.output == "nobody" && step.output == "nobody" && calls("log").size() == 1
        """,
        CALLED + 'flow f(a: string?) -> string {\n on manual\n step = called()\n log(message: a ?? "nobody")\n return step\n}',
    )


@pytest.mark.parametrize("how", ["", "as e ", "as e with (id: e.id)", "as e when !e.who.hasValue() "])
async def test_in_triggers(how: str) -> None:
    host = Host()
    text = f"""
      event "x" {{ id: string, who: string? }}
      flow f(id: string, who: string?) -> string {{
        on event "x" {how}
        on manual
        return who ?? "nobody"
      }}
    """
    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        run = await interpreter.trigger(host.flow(text, "f"), "x", {"id": "1"})
        assert run is not None
        assert (await run.wait()).output == "nobody"


async def test_in_runs_that_are_started_and_after_a_restart(tmp_path: object) -> None:
    host = Host()
    text = (
        CALLED.replace(
            'return a ?? "nobody"', 'wait event "e" as e when (e.s ?? "") == (a ?? "go") within 1d\n return a ?? "nobody"'
        )
        + "flow f() {\n on manual\n start called()\n}"
    )
    path = f"{tmp_path}/runs.db"
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        await (await interpreter.start(host.flow(text, "f"))).wait()
        (begun,) = await interpreter.unfinished()
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        assert await interpreter.send("e", {"s": "go"}) == 1
        assert (await (await interpreter.get_run(begun.id)).wait()).output == "nobody"
