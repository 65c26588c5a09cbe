"""The project file sets `--actions`, `--store` and the templates for a folder and those below it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.support import HOST, Dagflow
from tests.lsp.client import editor

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


def test_one_that_every_user_may_have_put_there_is_passed_over(folder: Path, below: Path, dagflow: Dagflow) -> None:
    (folder / "flows" / "dagflow.toml").write_text('actions = "missing.py"\n')
    (folder / "flows").chmod(0o1777)
    (folder / "dagflow.toml").write_text('actions = "own_host.py"\n')
    assert dagflow("check", "f.flow").code == 0
    (folder / "flows").chmod(0o755)
    assert "missing.py" in dagflow("check", "f.flow").err


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


def test_templates_lie_where_it_says(folder: Path, below: Path, dagflow: Dagflow) -> None:
    (below / "mail.flow").write_text('flow f {\n  on manual\n  sent = email(template: "own", to: Email("a@b.cd"))\n}\n')
    (folder / "letters").mkdir()
    (folder / "letters" / "own.txt").write_text("Subject: Hi\n\nHello\n")
    assert dagflow("run", "mail.flow", "--quiet").code == 1
    (folder / "dagflow.toml").write_text('templates = "letters"\n')
    assert dagflow("run", "mail.flow", "--quiet").code == 0


def test_the_language_server_reads_it(folder: Path, below: Path) -> None:
    (folder / "dagflow.toml").write_text('actions = "own_host.py"\n')

    async def session() -> list[str]:
        async with editor() as it:
            await it.open("untitled:f.flow", FLOW)
            return [str(each.code) for each in await it.wait_until_settled("untitled:f.flow")]

    assert asyncio.run(session()) == []


HINT = "no actions module is configured: set `actions` in dagflow.toml or pass --actions\n"


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("text", [FLOW, "flow f(a: Lead) {\n  on manual\n}\n"], ids=["E201", "E209"])
def test_an_unknown_action_or_type_names_it(folder: Path, below: Path, dagflow: Dagflow, command: str, text: str) -> None:
    (below / "f.flow").write_text(text)
    assert dagflow(command, "f.flow").err.endswith(HINT)
    (folder / "dagflow.toml").write_text('actions = "own_host.py"\n')
    assert HINT not in dagflow(command, "f.flow").err


def test_another_error_does_not(below: Path, dagflow: Dagflow) -> None:
    (below / "f.flow").write_text("flow f {\n  on manual\n  start nothing()\n}\n")
    said = dagflow("check", "f.flow")
    assert said.code == 1
    assert HINT not in said.err
