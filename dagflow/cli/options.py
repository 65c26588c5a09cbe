"""Arguments and options that several commands have, and how the shell completes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from dagflow.cli.declaring import Count, Decorated, Invocation, ParamType, argument

RUN_HELP: Final = "a run id, a unique prefix of one, or `last` for the newest"
FLOW_OR_JSON: Final = "a .flow file, a .json workflow, or - for standard input"
_STORE: Final = "dagflow.db"
#: Names are completed from the text of a file, since compiling it would take longer than a reader waits.
_FLOW: Final = re.compile(r"^\s*flow\s+([a-z_]\w*)", re.MULTILINE)
_EVENT: Final = re.compile(r'\bon\s+event\s+"([^"\n]+)"')
_MOST_CHARS: Final = 1_000_000
#: Runs that are offered; more would fill the screen.
_MOST_RUNS: Final = 30


class FilePath(ParamType):
    """A path whose completion offers files with these suffixes, and directories."""

    name = "file"

    def __init__(self, *suffixes: str) -> None:
        self._suffixes = suffixes

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the files and directories that begin like this."""
        head, slash, tail = incomplete.rpartition("/")
        directories: list[str] = []
        files: list[str] = []
        for each in _listed(Path(f"{head}{slash}") if slash else Path()):
            if each.name.startswith(tail) and (not each.name.startswith(".") or tail.startswith(".")):
                if each.is_dir():
                    directories.append(f"{head}{slash}{each.name}/")
                elif each.name.endswith(self._suffixes):
                    files.append(f"{head}{slash}{each.name}")
        if not files:
            # The shell completes a directory without a space behind it.
            return [CompletionItem(incomplete, type="dir")]
        return [CompletionItem(each) for each in sorted(files + directories)]


def _listed(directory: Path) -> Iterator[Path]:
    try:
        yield from directory.iterdir()
    except OSError:
        return


class NameIn(ParamType):
    """A name that stands in the file of the same command line."""

    def __init__(self, name: str, pattern: re.Pattern[str]) -> None:
        self.name = name
        self._pattern = pattern

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names in the file that begin like this."""
        # Behind an option without its value click leaves the arguments that it has read in `args`.
        given = next((each for each in (ctx.params.get("file"), *ctx.args) if str(each).endswith(".flow")), None)
        if given is None:
            return []
        try:
            with Path(given).open(encoding="utf-8", errors="replace") as file:
                text = file.read(_MOST_CHARS)
        except OSError:
            return []
        names = dict.fromkeys(self._pattern.findall(text))
        return [CompletionItem(each) for each in names if each.startswith(incomplete)]


def flow_names() -> ParamType:
    """Return the type of the name of a flow in the file."""
    return NameIn("flow", _FLOW)


class RunId(ParamType):
    """A run, as `Archive.find` takes it."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return `last` and the newest runs of the store that begin like this."""
        from dagflow.app.archive import Archive  # noqa: PLC0415 - only to complete, and in commands that need it anyway
        from dagflow.errors import DagflowError  # noqa: PLC0415 - likewise

        found = [CompletionItem("last", help="the newest run")]
        try:
            with Archive.open(ctx.params.get("store") or _STORE) as archive:
                rows = archive.runs(limit=_MOST_RUNS)
        except DagflowError:
            rows = []
        found += [CompletionItem(row.id, help=f"{row.flow} {row.status.value}") for row in rows]
        return [each for each in found if each.value.startswith(incomplete)]


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    invocation = context.find_object(Invocation)
    if invocation is not None:
        invocation.is_json = value
    return value


def _actions_or_project(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value is None and not context.resilient_parsing:
        value = _of_project("actions")
    invocation = context.find_object(Invocation)
    if invocation is not None:
        invocation.has_actions = value is not None
    return value


def _store_or_project(context: click.Context, _: click.Parameter, value: str | None) -> str:
    if value is None and not context.resilient_parsing:
        value = _of_project("store")
    return _STORE if value is None else value


def _of_project(key: str) -> str | None:
    from dagflow.cli.project import current_project  # noqa: PLC0415 - only for commands without the option

    project = current_project()
    return None if project is None else getattr(project, key)


flow_paths = argument(
    "files",
    nargs=-1,
    metavar="FILE",
    type=FilePath(".flow", ".json"),
    about="a .flow file, a directory of them, a .json workflow, or - for standard input; default: the current directory",
)
flow_path = argument("file", metavar="FILE", type=FilePath(".flow", ".json"), about=FLOW_OR_JSON)
run_id = argument("run", metavar="RUN", type=RunId(), about=RUN_HELP)
optional_run = argument("run", metavar="[RUN]", required=False, type=RunId(), about=f"{RUN_HELP}; without one, give --where")


def bulk(command: Decorated) -> Decorated:
    """Declare the options of a command that can do the same to many runs."""
    for option in (
        click.option(
            "--rate", type=Count(), default=20, metavar="N", help="With --where: so many runs per second. Default: 20."
        ),
        click.option(
            "--limit", type=Count(), default=1000, metavar="N", help="With --where: at most so many runs. Default: 1000."
        ),
        click.option("--dry-run", "is_dry", is_flag=True, help="List the runs that are meant, and do nothing."),
        click.option(
            "--where",
            multiple=True,
            metavar="WORD=VALUE",
            help="All runs that fit: status=failed, flow=NAME, tenant=NAME, older=2h, text=TEXT in a failure. Repeat it for several words.",
        ),
    ):
        command = option(command)
    return command


actions = click.option(
    "--actions",
    metavar="MODULE",
    type=FilePath(".py", ".flow"),
    callback=_actions_or_project,
    help="Your dagflow.Catalog, as MODULE or FILE.py, with :NAME if there are several, or an interface file FILE.flow. "
    "Default: that of the project file, or the built-in actions.",
)
store = click.option(
    "--store",
    metavar="PATH",
    type=FilePath(".db"),
    callback=_store_or_project,
    help=f"SQLite file or postgresql:// URL for runs. Default: that of the project file, or {_STORE}; :memory: stores nothing.",
)
keys = click.option(
    "--keys", metavar="FILE", type=FilePath(".keys"), help="The file of API keys. Default: PATH.keys, beside the store."
)
tenant = click.option("--tenant", default="", metavar="NAME", help="Whose flows these are. Default: the tenant without a name.")
flow_name = click.option("--flow", metavar="NAME", type=flow_names(), help="The flow to use, if the file has several.")
event_name = click.option(
    "--event",
    metavar="NAME",
    type=NameIn("event", _EVENT),
    help="Start the flow as this event would; --input is the event's payload.",
)
flow_input = click.option("--input", metavar="JSON|@FILE|-", help="The flow's input, or the event's payload.")
fast_forward = click.option("--fast-forward", is_flag=True, help="Skip waits by using virtual time.")
quiet = click.option("--quiet", is_flag=True, help="Do not show progress.")
as_json = click.option(
    "--json",
    "is_json",
    is_flag=True,
    is_eager=True,
    callback=_set_json,
    help="Print one JSON document on standard output; `dagflow schema --json-of COMMAND` prints its schema.",
)


def output_file(help_: str) -> Callable[[Decorated], Decorated]:
    """Return `-o`, with this line of help."""
    return click.option("-o", "--output", metavar="FILE", type=click.Path(), help=help_)
