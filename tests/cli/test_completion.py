"""`dagflow completion`: what the shells are offered."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import REPOSITORY, Dagflow, environment, process

FLOW = 'event "a/b" { n: int }\nflow first { on event "a/b" as e\n log(message: "x")\n}\nflow second { on manual\n log(message: "x")\n}\n'


@pytest.fixture
def offered(folder: Path):
    """What is offered for the last of these words, by the protocol that all three scripts use."""
    (folder / "two.flow").write_text(FLOW)
    (folder / "deep").mkdir()
    (folder / "deep" / "inner.flow").write_text(FLOW)

    def ask(*words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "dagflow"],
            cwd=folder,
            env=environment(
                _DAGFLOW_COMPLETE="bash_complete", COMP_WORDS=" ".join(["dagflow", *words]), COMP_CWORD=str(len(words))
            ),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]

    return ask


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ch"], ["check"]),
        (["store", "v"], ["verify", "vacuum"]),
        (["help", "re"], ["resume", "rerun", "retry"]),
        (["check", "--str"], ["--strict"]),
        (["graph", "two.flow", "--format", "m"], ["mermaid"]),
        (["run", "two.flow", "--color", "a"], ["auto", "always"]),
        (["check", "tw"], ["two.flow"]),
        (["check", "deep/"], ["deep/inner.flow"]),
        (["check", "lead."], ["lead.json"]),
        (["check", "dee"], ["dir,dee"]),
        (["run", "two.flow", "--flow", ""], ["first", "second"]),
        (["run", "two.flow", "--event", "a"], ["a/b"]),
        (["run", "none.flow", "--flow", ""], []),
        (["show", "la"], ["last"]),
        (["explain", "E50"], ["E501", "E502", "E503", "E504", "E505"]),
        (["new", "--template", "w"], ["webhook"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["schema", "--json-of", "w"], ["why"]),
    ],
    ids=" ".join,
)
def test_offers(offered, words: list[str], found: list[str]) -> None:
    assert offered(*words) == found


def test_offers_the_runs_of_the_store(offered, dagflow: Dagflow) -> None:
    arguments = ("run", "two.flow", "--flow", "second", "--quiet", "--json")
    newest = dagflow(*arguments).json["run"]
    other = dagflow(*arguments, "--store", "other.db").json["run"]
    assert offered("show", "") == ["last", newest]
    assert offered("graph", "--store", "other.db", "--run", other[:-1]) == [other]
    assert offered("show", "--store", "none.db", "") == ["last"]
    assert not Path("none.db").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_ask_dagflow(dagflow: Dagflow, shell: str) -> None:
    said = dagflow("completion", shell)
    assert (said.code, said.err) == (0, "")
    assert f"_DAGFLOW_COMPLETE={shell}_complete" in said.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(folder: Path) -> None:
    """A real bash reads the script, and its completion function is called as a Tab calls it."""
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "dagflow"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dagflow "$@"\n')
    wrapper.chmod(0o755)
    (folder / "script.bash").write_text(process(folder, "completion", "bash").out)
    (folder / "ask.bash").write_text(
        "source script.bash\n"
        'name=$(complete -p dagflow | sed "s/.*-F \\([^ ]*\\) .*/\\1/")\n'
        "COMP_WORDS=(dagflow graph lead_approval.flow --th) COMP_CWORD=3\n"
        '$name dagflow\necho "${COMPREPLY[@]}"\n'
        "COMPREPLY=() COMP_WORDS=(dagflow run lead_) COMP_CWORD=2\n"
        '$name dagflow\necho "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "ask.bash"],
        cwd=folder,
        env=environment(PATH=f"{folder / 'bin'}:/usr/bin:/bin", PYTHONPATH=str(REPOSITORY)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "--theme\nlead_approval.flow\n", "")
