"""What `--json` prints is as `dagflow schema --json-of` says, for every command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import jsonschema
import pytest
from jsonschema.validators import validator_for

from dagflow.cli.group import dagflow as group
from dagflow.cli.main import main
from dagflow.cli.output.documents import DOCUMENTS
from dagflow.cli.table import WITH_JSON
from tests.cli.support import Dagflow, Said
from tests.cli.test_help import contexts

FLOW = """
event "e" { n: int }

flow f(n: int) -> string? {
  on manual
  on event "e" as e when e.n > 1 with (n: e.n)
  filter big: n > 1
  rows = for i in [1, 2] max 2 collect errors {
    broken() when i == 1
    yield i
  }
  a = note(text: "x")
  wait 1h
  return a
}

test "passes" for f {
  given (n: 2)
  mock broken fails "shut"
  mock note returns "X"
  expect run.status == "succeeded"
}

test "fails" for f {
  given (n: 0)
  expect a.ran
}
"""
BROKEN = 'flow f { on manual\n let unused = 1\n lgo(mess: "x")\n wait 2 days\n}\n'
RUN = ("run", "f.flow", "--actions", "host.py", "--fast-forward", "--quiet", "--json")


def schema_of(dagflow: Dagflow, command: str) -> dict[str, Any]:
    said = dagflow("schema", "--json-of", command)
    assert said.code == 0
    schema = json.loads(said.out)
    validator_for(schema).check_schema(schema)
    return schema


@pytest.fixture
def valid(dagflow: Dagflow, flow: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command with `--json` and validates what it prints, all of it."""
    flow(FLOW)
    Path("broken.flow").write_text(BROKEN)

    def call(*words: str, code: int, command: str = "") -> Said:
        said = Said(main(words), *capsys.readouterr())
        assert said.code == code, said
        jsonschema.validate(json.loads(said.out), schema_of(dagflow, command or words[0]))
        return said

    return call


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check", "f.flow", "--actions", "host.py", "--bounds"], 0),
        (["check", "broken.flow", "approval.json"], 1),
        (["check", "missing.flow"], 2),
        (["check", "--formt"], 2),
        (["explain"], 0),
        (["explain", "E308", "W501", "N601"], 0),
        (["explain", "E999"], 2),
        (["actions", "--actions", "host.py"], 0),
        (["eval", "{'a': [1, n]}", "--input", '{"n": 1.5}'], 0),
        (["eval", "1 / 0"], 1),
        (["eval", "1 +"], 1),
        (["graph", "f.flow", "--actions", "host.py"], 0),
        (["graph", "broken.flow"], 1),
        (["test", "f.flow", "--actions", "host.py", "--coverage", "--chaos"], 1),
        (["test", "broken.flow"], 1),
        (["dry-run", "f.flow", "--actions", "host.py", "--input", '{"n": 2}'], 0),
        (["dry-run", "f.flow", "--actions", "host.py", "--input", '{"n": 1}', "--result", "broken=null"], 2),
        (["dry-run", "f.flow", "--actions", "host.py", "--event", "e", "--input", '{"n": 1}'], 0),
        (["runs"], 2),
        (["run", "f.flow", "--actions", "host.py", "--event", "e", "--input", '{"n": 1}'], 0),
        (["show", "last"], 2),
    ],
)
def test_without_a_run(valid: Callable[..., Said], words: list[str], code: int) -> None:
    valid(*words, "--json", code=code)


def test_with_runs(valid: Callable[..., Said], dagflow: Dagflow, folder: Path) -> None:
    assert '"succeeded"' in valid(*RUN, "--input", '{"n": 2}', code=0).out
    valid("runs", "--json", code=0)
    valid("runs", "--parent", "last", "--json", code=0)
    valid("top", "--json", code=0)
    valid("show", "last", "--json", code=0)
    valid("why", "last", "a", "--json", code=0)
    valid("why", "last", "b", "--json", code=2)
    valid("cancel", "last", "--json", code=0)
    valid("resume", "--json", code=0)
    valid("send", "e", "--input", '{"n": 3}', "--json", code=0)
    valid("store", "verify", "--json", code=0, command="store verify")
    valid("store", "backup", "copy.db", "--json", code=0, command="store backup")
    valid("store", "backup", "copy.db", "--json", code=2, command="store backup")
    valid("store", "vacuum", "--json", code=0, command="store vacuum")


def test_with_a_failed_run(valid: Callable[..., Said], flow: Callable[[str], str]) -> None:
    flow("flow f { on manual\n a = broken()\n b = log(message: 'x')\n}")
    said = valid(*RUN, code=1)
    assert said.json["failures"][0]["code"] == "shut"  # type: ignore[index]
    valid("show", "last", "--json", code=0)
    valid("why", "last", "b", "--json", code=0)


def test_with_a_damaged_store(valid: Callable[..., Said], dagflow: Dagflow, folder: Path) -> None:
    valid(*RUN, "--input", '{"n": 2}', code=0)
    connection = apsw.Connection(str(folder / "dagflow.db"))
    connection.execute("UPDATE run SET flow = 'x' WHERE parent = ''").fetchall()
    connection.close()
    valid("store", "verify", "--json", code=1, command="store verify")
    valid("runs", "--json", code=0)
    assert dagflow("show", "last", "--json").json["error"]["kind"] == "store"  # type: ignore[index]
    valid("store", "salvage", "--json", code=0, command="store salvage")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["check", "--json", "--formt"], "usage"),
        (["check", "missing.flow", "--json"], "usage"),
        (["run", "broken.flow", "--json"], "flow"),
        (["eval", "1 / 0", "--json"], "expression"),
        (["show", "last", "--json"], "store"),
        (["actions", "--json", "--actions", "faulty.py"], "bug"),
    ],
)
def test_an_error_is_a_document_and_a_message(dagflow: Dagflow, folder: Path, words: list[str], kind: str) -> None:
    (folder / "broken.flow").write_text(BROKEN)
    (folder / "faulty.py").write_text(
        "import dagflow\nclass Faulty(dagflow.Catalog):\n    interface = property(lambda self: 1 / 0)\ncatalog = Faulty()\n"
    )
    said = dagflow(*words)
    error = said.json["error"]  # type: ignore[index]
    assert (error["kind"], error["exit_code"]) == (kind, said.code)
    assert error["message"].splitlines()[0] in said.err
    assert bool(error["codes"]) is (kind == "flow")


def test_without_json_an_error_prints_nothing_on_standard_output(dagflow: Dagflow) -> None:
    assert dagflow("check", "missing.flow").out == ""


def test_every_command_with_json_has_a_schema() -> None:
    having = {
        context.command_path.removeprefix("dagflow ")
        for context in contexts()
        if any("--json" in param.opts for param in context.command.params)
    }
    assert having == set(DOCUMENTS) == set(WITH_JSON)
    assert group.name == "dagflow"


def test_a_wrong_document_is_found(dagflow: Dagflow) -> None:
    """The schemas are closed: they reject a member too many, one too few, and a wrong word."""
    schema = schema_of(dagflow, "cancel")
    jsonschema.validate({"run": "x", "status": "cancelled"}, schema)
    for wrong in ({"run": "x"}, {"run": "x", "status": "gone"}, {"run": "x", "status": "failed", "more": 1}, None):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
