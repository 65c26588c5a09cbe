"""Files that import others, on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.support import Dagflow

MAIN = 'import "./lib/greet.flow" as lib\n\nflow main(name: string) { on manual\n lib.greet(name: name)\n}\n'
GREET = 'flow greet(name: string) { log(message: "hello ${name}") }\n'


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "sub" / "lib").mkdir(parents=True)
    (folder / "sub" / "main.flow").write_text(MAIN)
    (folder / "sub" / "lib" / "greet.flow").write_text(GREET)
    (folder / "outside.flow").write_text(GREET)


@pytest.mark.parametrize("path", ["sub/main.flow", "./sub/main.flow", "sub/lib/../main.flow", "{folder}/sub/main.flow"])
def test_files_below_are_found(dagflow: Dagflow, folder: Path, path: str) -> None:
    path = path.format(folder=folder)
    said = dagflow("check", path)
    assert (said.code, said.out.replace("\n", "")) == (0, f"{path}: ok: main")


def test_a_file_in_the_directory_itself(dagflow: Dagflow, folder: Path) -> None:
    (folder / "main.flow").write_text(MAIN.replace("./lib/greet.flow", "outside.flow"))
    assert dagflow("check", "main.flow").out == "main.flow: ok: main\n"


@pytest.mark.parametrize("way", ["../outside.flow", "./link.flow", "./lib", "./pipe.flow"])
def test_nothing_else_is_read(dagflow: Dagflow, folder: Path, way: str) -> None:

    (folder / "sub" / "link.flow").symlink_to(folder / "outside.flow")
    os.mkfifo(folder / "sub" / "pipe.flow")
    (folder / "sub" / "main.flow").write_text(MAIN.replace("./lib/greet.flow", way))
    said = dagflow("check", "sub/main.flow")
    assert said.code == 1
    assert "error[E212]" in said.out


def test_errors_of_the_other_file_are_shown_with_its_lines(dagflow: Dagflow, folder: Path) -> None:
    (folder / "sub" / "lib" / "greet.flow").write_text(GREET.replace("message", "mesage"))
    said = dagflow("check", "sub/main.flow", "--fix")
    assert said.code == 1
    assert " --> sub/lib/greet.flow:1:32" in said.out
    assert (folder / "sub" / "main.flow").read_text() == MAIN
    as_json = dagflow("check", "sub/main.flow", "--json").json["diagnostics"]
    assert [each["file"] for each in as_json] == ["sub/main.flow", "sub/lib/greet.flow"]
    assert as_json[1]["fix"] is None
