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
    assert "no --input was given" in said.err
    assert said.err.endswith("""for example: --input '{"name": "name", "to": "somebody@example.org"}'\n""")


def test_an_input_nobody_can_write_down_is_not_shown(folder: Path, dagflow: Dagflow) -> None:
    (folder / "hello.flow").write_text(SECRET)
    said = dagflow("dry-run", "hello.flow")
    assert (said.code, "for example" in said.err) == (2, False)


def test_a_template_that_is_missing_is_named(folder: Path, dagflow: Dagflow) -> None:
    (folder / "new").mkdir()
    (folder / "new" / "hello.flow").write_text(FLOW)
    said = dagflow("run", "new/hello.flow", "--quiet", "--input", '{"name": "Ada", "to": "ada@example.org"}')
    assert "it would be a file new/templates/hello.txt" in said.out


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
