"""The project file sets `--actions`, `--store` and the templates for a folder and those below it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import HOST, Dagflow

FLOW = 'flow f {\n  on manual\n  said = note(text: "hi")\n}\n'


@pytest.fixture
def below(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below that of the project file."""
    (folder / "own_host.py").write_text(HOST)
    below = folder / "flows" / "sales"
    below.mkdir(parents=True)
    (below / "f.flow").write_text(FLOW)
    monkeypatch.chdir(below)
    return below


@pytest.mark.parametrize(
    ("name", "head"), [("dagflow.toml", ""), ("pyproject.toml", '[project]\nname = "shop"\n\n[tool.dagflow]\n')]
)
def test_it_sets_actions_and_store(folder: Path, below: Path, dagflow: Dagflow, name: str, head: str) -> None:
    assert dagflow("check", "f.flow").code == 1
    (folder / name).write_text(f'{head}actions = "own_host.py"\nstore = "kept.db"\n')
    assert dagflow("check", "f.flow").code == 0
    assert dagflow("run", "f.flow", "--quiet").code == 0
    assert (folder / "kept.db").is_file()
    assert not (below / "dagflow.db").exists()
    assert "succeeded" in dagflow("runs").out


def test_an_option_overrides_it(folder: Path, below: Path, dagflow: Dagflow) -> None:
    (folder / "dagflow.toml").write_text('actions = "own_host.py"\nstore = "kept.db"\n')
    assert dagflow("run", "f.flow", "--quiet", "--store", "mine.db").code == 0
    assert (below / "mine.db").is_file()
    assert not (folder / "kept.db").exists()


def test_the_nearest_one_counts(folder: Path, below: Path, dagflow: Dagflow) -> None:
    (folder / "dagflow.toml").write_text('actions = "own_host.py"\n')
    (below / "dagflow.toml").write_text("")
    assert dagflow("check", "f.flow").code == 1


def test_a_module_lies_beside_it(folder: Path, below: Path, dagflow: Dagflow) -> None:
    (folder / "own_module_of_project.py").write_text(HOST)
    (folder / "dagflow.toml").write_text('actions = "own_module_of_project"\n')
    assert dagflow("check", "f.flow").code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('store = "a.db"\nacton = "x"\n', "dagflow.toml:2: unknown key `acton`; did you mean `actions`?"),
        ("\nstore = 3\n", "dagflow.toml:2: `store` must be a text that is not empty; got 3"),
        ('store = ""\n', "dagflow.toml:1: `store` must be a text that is not empty; got ''"),
        (
            'store = "a.db"\nactions = "gone.py"\n',
            "dagflow.toml:2: `actions` must name a module or a file that exists; got 'gone.py'",
        ),
        ('store = "a.db"\nstore "b"\n', "dagflow.toml:2: the file must be TOML; got: "),
    ],
)
def test_a_mistake_has_a_line(folder: Path, below: Path, dagflow: Dagflow, text: str, message: str) -> None:
    (folder / "dagflow.toml").write_text(text)
    said = dagflow("check", "f.flow")
    assert said.code == 2
    assert message in said.err


def test_a_mistake_in_pyproject_has_its_line(folder: Path, below: Path, dagflow: Dagflow) -> None:
    (folder / "pyproject.toml").write_text("[tool.other]\nstore = 1\n\n[tool.dagflow]\nstore = 2\n")
    assert "pyproject.toml:5: `store` must be" in dagflow("runs").err
