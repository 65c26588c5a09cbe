"""Where an action failed is kept in the history beside the failure, without secrets, and said in the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import dagflow
from dagflow import Catalog, Interpreter
from dagflow.actions.secrets import EnvironmentSecrets, Redactor
from dagflow.actions.tracebacks import MAX_TRACEBACK, traceback_of
from dagflow.cli.main import main

CANARY = "c4n4ry+/=t0ken"
FLOW = """
flow f -> string {
  on manual
  a = act(token: secrets.api_token) retry 1 every 1ms
  return a
}
"""


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301 - to have its traceback
    except BaseException as caught:  # noqa: BLE001
        return caught


def read_all(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def catalog_with(*, is_async: bool = True) -> Catalog:
    catalog = Catalog(secrets=EnvironmentSecrets({"DAGFLOW_SECRET_API_TOKEN": CANARY}))

    def look_up(token: str) -> str:
        return {}[f"no session for {token}"]

    if is_async:

        @catalog.action("act", effect="idempotent")
        async def act(token: dagflow.Secret) -> str:
            try:
                return look_up(token)
            except KeyError as error:
                raise ConnectionError(f"cannot log in with {token}") from error
    else:

        @catalog.action("act", effect="idempotent")
        def act_in_thread(token: dagflow.Secret) -> str:
            return look_up(token)

    return catalog


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_failure_tells_where_it_came_from_also_after_a_restart(tmp_path, caplog, capsys, is_async):
    catalog, path = catalog_with(is_async=is_async), tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=catalog) as interpreter:
        run = await interpreter.start(dagflow.compile(FLOW, catalog=catalog).unwrap())
        (failure,) = (await run.wait()).failures
    told = failure.traceback
    assert "in catalog_with.<locals>.look_up" in told
    assert 'return {}[f"no session for {token}"]' in told
    assert ("This led to:" in told) is is_async
    assert told.splitlines()[-1].startswith(
        "ConnectionError: cannot log in with [secret api_token]" if is_async else "KeyError: "
    )
    # Nothing of what stands between the driver and the action.
    assert "calling.py" not in told
    async with Interpreter.open(path, catalog=catalog) as interpreter:
        assert (await interpreter.result(run.id)).failures == (failure,)
    assert main(["show", "last", "--store", str(path), "--traceback"]) == 0
    shown = capsys.readouterr().out
    assert "a, attempt 2:\nTraceback (most recent call last):" in shown
    warnings = [record for record in caplog.records if record.name == "dagflow.attempts"]
    assert [(record.levelname, record.attempt, record.code, record.run) for record in warnings] == [
        ("WARNING", n, failure.code, run.id) for n in (1, 2)
    ]
    assert told in warnings[1].getMessage()
    kept = read_all(tmp_path)
    assert b"c4n4ry" not in kept + shown.encode() + caplog.text.encode()


async def test_what_an_action_says_by_itself_needs_no_traceback(tmp_path, capsys):
    catalog, path = Catalog(), tmp_path / "runs.db"

    @catalog.action("act")
    async def act(n: int) -> str:
        raise dagflow.Fatal("no") from (None if n else ValueError("why"))

    text = "flow f(n: int) -> string {\n  on manual\n  a = act(n: n)\n  return a\n}\n"
    flow = dagflow.compile(text, catalog=catalog).unwrap()
    async with Interpreter.open(path, catalog=catalog) as interpreter:
        told = [(await (await interpreter.start(flow, {"n": n})).wait()).failures[0].traceback for n in (0, 1)]
    assert told[0].startswith("ValueError: why\nThis led to:\nTraceback")
    assert told[1] == ""
    assert main(["show", "last", "--store", str(path), "--traceback"]) == 0
    assert "no tracebacks" in capsys.readouterr().out


def test_a_traceback_is_bounded_and_keeps_its_end():
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise ValueError("x" * 1_000_000 + "end")

    with pytest.raises(ValueError) as caught:
        deep(300)
    told = traceback_of(caught.value, Redactor())
    assert len(told) <= MAX_TRACEBACK
    assert told.count("in test_a_traceback_is_bounded_and_keeps_its_end.<locals>.deep") == 20
    assert told.splitlines()[-1].startswith("ValueError: xxx")


def test_members_of_a_group_and_circles_of_causes_are_told_of_once():
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    group = ExceptionGroup("both", [first, *(OSError(str(n)) for n in range(50))])
    told = traceback_of(raised(group), Redactor())
    assert told.count("ValueError: first") == told.count("KeyError: 'second'") == 1
    assert told.endswith("ExceptionGroup: both (51 sub-exceptions)")
    assert told.count("OSError") < 5


async def test_a_run_is_in_the_log_from_its_beginning_to_its_end(caplog):
    caplog.set_level(logging.INFO)
    catalog = Catalog()
    text = "flow f -> int {\n  on manual\n  return 1\n}\n"
    async with Interpreter.open(":memory:", catalog=catalog) as interpreter:
        run = await interpreter.start(dagflow.compile(text, catalog=catalog).unwrap())
        await run.wait()
    said = [(r.levelname, r.run, r.flow, r.getMessage()) for r in caplog.records if r.name == "dagflow.runs"]
    assert said == [
        ("INFO", run.id, "f", f"run {run.id} of f begins"),
        ("INFO", run.id, "f", f"run {run.id} of f: succeeded"),
    ]


def test_a_host_that_says_nothing_about_logging_gets_nothing(capfd):
    assert any(isinstance(each, logging.NullHandler) for each in logging.getLogger("dagflow").handlers)
