"""What somebody meets who begins: what is missing is said with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Dagflow

FLOW = 'flow hello(name: string, to: Email, n: int = 3) {\n  on manual\n  email(template: "hello", to: to)\n}\n'
SECRET = 'flow hello(token: Secret<string>) {\n  on manual\n  log(message: "x")\n}\n'


@pytest.mark.parametrize("command", ["run", "dry-run"])
def test_an_input_that_is_missing_is_shown(folder: Path, dagflow: Dagflow, command: str) -> None:
    (folder / "hello.flow").write_text(FLOW)
    said = dagflow(command, "hello.flow")
    assert said.code == 2
    assert "--input is missing" in said.err
    assert said.err.endswith("""for example: --input '{"name": "name", "to": "somebody@example.org"}'\n""")


def test_an_input_nobody_can_write_down_is_not_shown(folder: Path, dagflow: Dagflow) -> None:
    (folder / "hello.flow").write_text(SECRET)
    said = dagflow("dry-run", "hello.flow")
    assert (said.code, "for example" in said.err) == (2, False)


def test_a_template_that_is_missing_is_named(folder: Path, dagflow: Dagflow) -> None:
    (folder / "new").mkdir()
    (folder / "new" / "hello.flow").write_text(FLOW)
    said = dagflow("run", "new/hello.flow", "--quiet", "--input", '{"name": "Ada", "to": "ada@example.org"}')
    assert "create new/templates/hello.txt" in said.out


HOST = """
from typing import Annotated

import dagflow

catalog = dagflow.Catalog()
FileRef = Annotated[str, dagflow.Scalar("FileRef")]


@catalog.action("files.read_all_of_a_folder", effect="pure")
def read(folder: FileRef, pattern: str = "*", deep: bool = False, most: int = 100) -> list[FileRef]:
    return []
"""


def test_an_interface_file_is_in_the_one_style_and_keeps_kinds_of_text(folder: Path, dagflow: Dagflow) -> None:
    (folder / "files.py").write_text(HOST)
    (folder / "files.flow").write_text(dagflow("actions", "--actions", "files.py", "--export").out)
    assert dagflow("fmt", "--check", "files.flow").code == 0
    (folder / "f.flow").write_text("flow f(x: string) { on manual\n files.read_all_of_a_folder(folder: x)\n}\n")
    by_host, by_file = (dagflow("check", "f.flow", "--actions", each) for each in ("files.py", "files.flow"))
    assert "`folder` takes FileRef, got string" in by_host.out
    assert by_file == by_host


KIT = """{"name": "Lead", "actions": [
  {"id": "big", "kind": "builtin:if", "inputs": {"condition": {">": ["!ref($.event.data.n)", 1]}}},
  {"id": "tell", "kind": "log", "inputs": {"message": "big"}},
  {"id": "note", "kind": "log", "inputs": {"message": "done"}}
], "edges": [
  {"from": "$source", "to": "big"},
  {"from": "big", "to": "tell", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
  {"from": "tell", "to": "note"}
]}
"""


def test_check_says_where_an_imported_workflow_does_otherwise(folder: Path, dagflow: Dagflow) -> None:
    (folder / "kit.json").write_text(KIT)
    said = dagflow("check", "kit.json")
    assert said.code == 0
    assert said.out.startswith("note[N601]: workflow-kit would still run `note`\n --> kit.json:8:3 (at /edges/2)\n")
    assert said.out.endswith("kit.json: ok: lead (1 warning, 1 note)\n")
    found = dagflow("check", "kit.json", "--json").json
    assert isinstance(found, dict)
    assert [(each["code"], each["file"], each["pointer"]) for each in found["diagnostics"]] == [
        ("N601", "kit.json", "/edges/2"),
        ("W304", "kit.json (imported)", ""),
    ]


LOOP = """
action stock.reserve(sku: string) idempotent
action stock.release(sku: string) idempotent

flow f(skus: list<string>) {
  on manual
  for sku in skus max 10 {
    held = stock.reserve(sku: sku) undo stock.release(sku: sku)
  }
  fail "no"
} on error as problem {
  log(message: problem.message)
}
"""


def test_a_loop_without_a_name_is_called_by_its_words(folder: Path, dagflow: Dagflow) -> None:
    (folder / "f.flow").write_text(LOOP)
    said = dagflow("dry-run", "f.flow", "--input", '{"skus": ["a"]}')
    steps = [line.lstrip().removeprefix("+0s").split() for line in said.out.splitlines() if line.lstrip().startswith("+")]
    assert [" ".join(step) for step in steps] == [
        "for sku in skus []",
        'for sku[0]: held stock.reserve(sku: "a")',
        'fail "no" failed: no',
        'for sku[0]: undo held stock.release(sku: "a")',
        "undo for",
        'log log(message: "no")',
    ]
    assert "+ 10 × 2 (for sku in skus)" in dagflow("check", "--bounds", "f.flow").out


def test_a_name_that_eval_was_not_given(dagflow: Dagflow) -> None:
    said = dagflow("eval", "x + 1")
    assert "nothing of this name was given" in said.err
    assert """give it a value: --input '{"x": …}'""" in said.err
    assert "did you mean `prize`?" in dagflow("eval", "price + 1", "--input", '{"prize": 1}').err


def test_tests_of_a_directory_and_of_no_name(dagflow: Dagflow, folder: Path) -> None:
    (folder / "deep").mkdir()
    dagflow("new", "mine", "-o", "deep/mine.flow")
    assert dagflow("test", "deep").out.endswith("2 passed\n")
    said = dagflow("test", "deep", "-k", "nothing")
    assert (said.code, said.out) == (5, "no test matches `-k nothing`\n")


def test_coverage_of_some_tests_is_about_their_flows(dagflow: Dagflow) -> None:
    for name in ("one", "two"):
        dagflow("new", name)
    said = dagflow("test", "one.flow", "two.flow", "--coverage", "-k", "one::")
    assert [line.split()[0] for line in said.out.splitlines() if "/" in line] == ["one"]
