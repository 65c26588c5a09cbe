"""`--help`, `help`, wrong usage, and the time that it takes to start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from dagflow.cli.declaring import Argument
from dagflow.cli.group import dagflow as group
from dagflow.cli.group import find
from dagflow.cli.table import COMMANDS
from tests.cli.support import Dagflow, environment

ROOT = click.Context(group, info_name="dagflow")


def contexts(parent: click.Context = ROOT) -> Iterator[click.Context]:
    assert isinstance(parent.command, click.Group)
    for name in parent.command.list_commands(parent):
        context = find([name], parent)
        yield context
        if isinstance(context.command, click.Group):
            yield from contexts(context)


ALL = [pytest.param(each, id=each.command_path) for each in contexts()]


class TestHelp:
    def test_every_command_has_its_line_in_a_section(self, dagflow: Dagflow) -> None:
        said = dagflow("--help")
        assert (said.code, said.err) == (0, "")
        for name, (_, about) in COMMANDS.items():
            line = next(line for line in said.out.splitlines() if line.startswith(f"  {name} "))
            assert line.split(None, 1)[1] in about
        assert [line for line in said.out.splitlines() if line.endswith(":")] == [
            "Write flows:", "Test and describe flows:", "Run flows:", "Inspect runs:", "Connect other programs:", "Help:", "Options:",
        ]  # fmt: skip
        assert said.out.endswith("Exit codes: 0 success, 1 check or run failed, 2 usage error.\n")

    def test_no_command_is_wrong_usage(self, dagflow: Dagflow) -> None:
        said = dagflow()
        assert (said.code, said.out) == (2, "")
        assert said.err == dagflow("--help").out

    @pytest.mark.parametrize("name", [*COMMANDS])
    def test_the_table_has_the_line_of_the_command(self, name: str) -> None:
        summary = (find([name], ROOT).command.help or "").split("\n", 1)[0]
        assert summary == f"{COMMANDS[name][1]}."

    @pytest.mark.parametrize("context", ALL)
    def test_every_parameter_is_explained(self, context: click.Context) -> None:
        text = context.get_help()
        for param in context.command.params:
            if isinstance(param, click.Option):
                assert param.help, param.name
                assert param.help.endswith("."), param.name
                assert param.opts[-1] in text
            else:
                assert isinstance(param, Argument)
                assert param.about, param.name

    @pytest.mark.parametrize("context", ALL)
    def test_every_command_has_the_common_options(self, context: click.Context) -> None:
        opts = {name for param in context.command.get_params(context) for name in param.opts}
        assert {"--color", "--help", "-h"} <= opts

    @pytest.mark.parametrize("words", [["check"], ["store"], ["store", "verify"]])
    def test_help_shows_the_help_of_a_command(self, dagflow: Dagflow, words: list[str]) -> None:
        assert dagflow("help", *words) == dagflow(*words, "--help") == dagflow(*words, "-h")

    def test_help_alone_lists_the_commands(self, dagflow: Dagflow) -> None:
        assert dagflow("help") == dagflow("--help")

    def test_examples_are_shown(self, dagflow: Dagflow) -> None:
        assert "Examples:\n  dagflow check  " in dagflow("check", "--help").out


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("words", "usage", "message"),
        [
            (["chekc"], "dagflow", "unknown command `chekc`; did you mean `check`? `dagflow --help` lists the commands"),
            (["help", "rum"], "dagflow", "unknown command `rum`; did you mean `run`? `dagflow --help` lists the commands"),
            (
                ["store", "verfy"],
                "dagflow store",
                "unknown command `verfy`; did you mean `verify`? `dagflow store --help` lists the commands",
            ),
            (["help", "run", "x"], "dagflow run", "`dagflow run` has no commands; got `x`"),
            (["store"], "dagflow store", "missing command; `dagflow store --help` lists the commands"),
            (
                ["check", "--stric"],
                "dagflow check",
                "unknown option `--stric`; did you mean `--strict`? `dagflow check --help` lists the options",
            ),
            (["check", "-x"], "dagflow check", "unknown option `-x`; `dagflow check --help` lists the options"),
            (["check", "--store"], "dagflow check", "`--store` needs a value; `dagflow check --help` lists the options"),
            (["check", "--fix=1"], "dagflow check", "`--fix` takes no value; `dagflow check --help` lists the options"),
            (
                ["run"],
                "dagflow run",
                "missing FILE: a .flow file, a .json workflow, or - for standard input; `dagflow run --help` lists the options",
            ),
            (
                ["why", "a", "b", "c"],
                "dagflow why",
                "got unexpected extra argument (c); `dagflow why --help` lists the options",
            ),
            (["runs", "--limit", "0"], "dagflow runs", "--limit must be at least 1; got 0"),
            (["runs", "--limit", "x"], "dagflow runs", "--limit must be a whole number; got `x`"),
            (
                ["graph", "f.flow", "--format", "gif"],
                "dagflow graph",
                "--format must be terminal, svg, png, mermaid or dot; got `gif`",
            ),
            (["completion", "tcsh"], "dagflow completion", "SHELL must be bash, zsh or fish; got `tcsh`"),
        ],
    )
    def test_it_is_reported_with_the_usage_and_one_thing_to_do(
        self, dagflow: Dagflow, words: list[str], usage: str, message: str
    ) -> None:
        said = dagflow(*words)
        assert (said.code, said.out) == (2, "")
        first, second = said.err.splitlines()
        assert first.startswith(f"Usage: {usage} [OPTIONS]")
        assert second == f"dagflow: {message}"

    def test_a_word_cannot_steer_the_terminal(self, dagflow: Dagflow) -> None:
        assert "`\\u001b[31m`" in dagflow("\x1b[31m").err

    @pytest.mark.parametrize(
        ("words", "value"),
        [
            (["-1 + 2"], "1"),
            (["-x"], "-1"),
            (["-(x)", "--json"], '"value": -1'),
            (["--input", '{"x": 2}', "-x + 1"], "-1"),
            (["--", "-x"], "-1"),
        ],
    )
    def test_an_expression_may_begin_with_a_minus(self, dagflow: Dagflow, words: list[str], value: str) -> None:
        said = dagflow("eval", "--input", '{"x": 1}', *words)
        assert (said.code, said.err) == (0, "")
        assert value in said.out.split("type", 1)[0]


HEAVY = "' '.join(name for name in ('rich', 'trio', 'attrs', 'networkx', 'dagflow.lang') if name in sys.modules)"


@pytest.mark.parametrize(
    "words",
    [["--version"], ["--help"], ["help"], *([*name.split(), "--help"] for name in (*COMMANDS, "store verify"))],
    ids=" ".join,
)
def test_help_and_version_import_nothing_heavy(words: list[str]) -> None:
    code = f"import sys; from dagflow.cli.main import main; main({words!r}); sys.exit({HEAVY} or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("words", ["dagflow che", "dagflow run --fl", "dagflow check x", "dagflow run x.flow --flow f"])
def test_completion_imports_nothing_heavy(words: str) -> None:
    last = str(len(words.split()) - 1)
    code = f"import sys; sys.argv = ['dagflow']; from dagflow.cli.main import main; main(); sys.exit({HEAVY} or 0)"
    variables = environment(_DAGFLOW_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=last)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL, env=variables)
