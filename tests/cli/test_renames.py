"""`check --store`: steps that runs in progress know and the file no longer has."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from dagflow.app.interpreter import Interpreter
from dagflow.cli.sources import load_host
from dagflow.lang.compiler import compile_text
from tests.cli.support import HOST, Dagflow

BEFORE = """flow f(names: list<string>) {
  on manual
  proposal = note(text: "proposal")
  pause = wait 2h
  each = for name in names max 5 {
    told = note(text: name)
  }
  follow_up = note(text: "follow up")
}
"""


@pytest.fixture(autouse=True)
def host(folder: Path) -> None:
    (folder / "host.py").write_text(HOST)


def asleep(folder: Path, text: str, count: int) -> None:
    """Runs that wait, and nobody who drives them."""
    catalog = load_host("host.py", None).catalog
    flow = compile_text(text, catalog.interface).unwrap()

    async def main() -> None:
        async with Interpreter.open(folder / "runs.db", catalog=catalog) as interpreter:
            for _ in range(count):
                await interpreter.start(flow, {"names": []})

    trio.run(main)


def check(dagflow: Dagflow, folder: Path, text: str, *more: str) -> str:
    (folder / "f.flow").write_text(text)
    said = dagflow("check", "f.flow", "--actions", "host.py", "--store", "runs.db", *more)
    assert said.code == (1 if "W701" in said.out and "--strict" in more else 0), said
    return said.out


def test_a_renamed_step_is_found_by_what_it_does(dagflow: Dagflow, folder: Path) -> None:
    asleep(folder, BEFORE, 2)
    assert check(dagflow, folder, BEFORE).startswith("f.flow: ok: f")
    after = BEFORE.replace("proposal =", "proposal_mail =").replace("told =", "said =").replace("pause = wait", "wait")
    said = check(dagflow, folder, after)
    assert said.count("W701") == 3
    assert (
        """warning[W701]: `proposal` disappeared while 2 runs know it
 --> f.flow:3:3
3 |   proposal_mail = note(text: "proposal")
  |   ^^^^^^^^^^^^^ new step with the same action and arguments as the old `proposal`
  = help: if it is the same step, say so
  = fix (safe): append `was proposal`
"""
        in said
    )
    assert "f.flow: ok: f (3 warnings)" in said
    assert "|     ^^^^ new step with the same action and arguments as the old `told`" in said
    assert "`pause` disappeared" in said
    mended = after.replace('"proposal")', '"proposal") was proposal').replace("(text: name)", "(text: name) was told")
    mended = mended.replace("  wait 2h", "  rest = wait 2h was pause")
    assert check(dagflow, folder, mended).startswith("f.flow: ok: f")


def test_what_does_something_else_is_not_proposed(dagflow: Dagflow, folder: Path) -> None:
    asleep(folder, BEFORE, 1)
    said = check(dagflow, folder, BEFORE.replace('follow_up = note(text: "follow up")', 'other = note(text: "something else")'))
    assert "`follow_up` disappeared while 1 run knows it" in said
    assert " --> f.flow:1:6\n" in said
    assert "if a step was renamed, write `was follow_up` behind it" in said
    twins = BEFORE.replace("follow_up =", "one =")
    twins = twins.replace('one = note(text: "follow up")', 'one = note(text: "follow up")\n  two = note(text: "follow up")')
    assert "2 new steps do the same" in check(dagflow, folder, twins)


def test_a_wait_with_another_name(dagflow: Dagflow, folder: Path) -> None:
    asleep(folder, BEFORE, 1)
    said = check(dagflow, folder, BEFORE.replace("pause = wait", "rest = wait"))
    assert "new step that waits for the same as the old `pause`" in said


def test_a_step_that_was_given_its_name(dagflow: Dagflow, folder: Path) -> None:
    asleep(folder, BEFORE.replace("proposal = note", "note"), 1)
    said = check(dagflow, folder, BEFORE)
    assert "`note` disappeared while 1 run knows it" in said
    assert 'proposal = note(text: "proposal")' in said


def test_as_data(dagflow: Dagflow, folder: Path) -> None:
    asleep(folder, BEFORE, 1)
    (folder / "f.flow").write_text(BEFORE.replace("proposal =", "mail ="))
    said = dagflow("check", "f.flow", "--actions", "host.py", "--store", "runs.db", "--json")
    assert isinstance(said.json, dict)
    (found,) = said.json["diagnostics"]
    assert (found["code"], found["fix"]["text"], found["fix"]["safe"]) == ("W701", "append `was proposal`", True)
    assert found["fix"]["edits"][0]["text"] == " was proposal"


def test_a_store_that_is_not_there(dagflow: Dagflow, folder: Path) -> None:
    (folder / "f.flow").write_text(BEFORE)
    said = dagflow("check", "f.flow", "--actions", "host.py", "--store", "none.db")
    assert said.code == 2
    assert "none.db" in said.err
