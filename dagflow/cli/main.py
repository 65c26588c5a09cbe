"""The command line: what can be said, and which exit code it ends with."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import cast

from dagflow.cli.commands.lsp import add_lsp
from dagflow.cli.exit_codes import BUG, FAILED, INTERRUPTED, OK, USAGE
from dagflow.cli.options import RUN_HELP, add_actions, add_store, command
from dagflow.cli.tools import add_tools
from dagflow.diagnostic import nearest
from dagflow.errors import DagflowBug, DagflowError, EvaluationError, FlowInvalid, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever goes wrong is told in words.

    Args:
        argv: the arguments without the program's name; those of the process if not given.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _guarded(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what is left to write goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


def _guarded(argv: Sequence[str] | None) -> int:
    parser = _parser()
    words = sys.argv[1:] if argv is None else [*argv]
    try:
        if not words:
            parser.print_help(sys.stderr)
            return USAGE
        _check_command(words[0], parser)
        arguments = parser.parse_args(words)
        wanted: Callable[[argparse.Namespace], int] = arguments.command
        return wanted(arguments)
    except SystemExit as wish:  # argparse has said why
        return wish.code if isinstance(wish.code, int) else OK
    except EvaluationError as error:
        _complain(str(error))
        return FAILED
    except FlowInvalid as error:
        print(error.rendered, file=sys.stderr)
        return FAILED
    except DagflowBug as error:
        _complain(f"{error}\nthis is a bug in dagflow; please report it with this message")
        return BUG
    except DagflowError as error:
        _complain(str(error))
        return USAGE
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("DAGFLOW_TRACEBACK"):
            raise
        _complain(
            f"{type(error).__name__}: {error}\n"
            "this is a bug in dagflow; please report it, with the output of DAGFLOW_TRACEBACK=1 if you can reproduce it"
        )
        return BUG


def _check_command(word: str, parser: argparse.ArgumentParser) -> None:
    """Say what was meant; argparse only lists what there is."""
    action = next(each for each in parser._actions if each.metavar == "COMMAND")  # noqa: SLF001 - argparse has no other way to say
    commands = cast("dict[str, argparse.ArgumentParser]", action.choices)
    if word.startswith("-") or word in commands:
        return
    meant = nearest(word, [*commands])
    hint = f"did you mean `{meant}`? " if meant else ""
    raise UsageError(f"unknown command `{word}`; {hint}`dagflow --help` lists the commands")


def _complain(message: str) -> None:
    from dagflow.cli.output.text import printable_lines  # noqa: PLC0415 - costs rich, which most commands do not need to fail

    print(f"dagflow: {printable_lines(message)}", file=sys.stderr)


def _check(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.check import check  # noqa: PLC0415 - each command imports only what it needs

    return check(arguments)


def _explain(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.explain import explain  # noqa: PLC0415

    return explain(arguments)


def _fmt(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.fmt import fmt  # noqa: PLC0415

    return fmt(arguments)


def _graph(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.graph import graph  # noqa: PLC0415

    return graph(arguments)


def _import(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.check import import_workflow  # noqa: PLC0415

    return import_workflow(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.export import export  # noqa: PLC0415

    return export(arguments)


def _actions(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.check import actions  # noqa: PLC0415

    return actions(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.run import run  # noqa: PLC0415

    return run(arguments)


def _resume(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.run import resume  # noqa: PLC0415

    return resume(arguments)


def _send(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.send import send  # noqa: PLC0415

    return send(arguments)


def _cancel(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.run import cancel  # noqa: PLC0415

    return cancel(arguments)


def _runs(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.run import runs  # noqa: PLC0415

    return runs(arguments)


def _show(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.run import show  # noqa: PLC0415

    return show(arguments)


def _store_verify(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.store import verify_store  # noqa: PLC0415

    return verify_store(arguments)


def _store_backup(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.store import backup_store  # noqa: PLC0415

    return backup_store(arguments)


def _store_vacuum(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.store import vacuum_store  # noqa: PLC0415

    return vacuum_store(arguments)


def _store_salvage(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.store import salvage_store  # noqa: PLC0415

    return salvage_store(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dagflow",
        description="Check, test, run and resume typed flows.",
        epilog="Exit codes: 0 success, 1 check or run failed, 2 usage error.",
    )
    parser.add_argument("--version", action="version", version=f"dagflow {version('dagflow')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_authoring(commands)
    add_tools(commands)
    add_lsp(commands)
    _add_running(commands)
    _add_storing(commands)
    return parser


def _add_authoring(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = command(commands, "check", _check, "check flows and report all errors")
    check.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a .flow file, a directory of them, a .json workflow, or - for standard input; default: the current directory",
    )
    check.add_argument("--format", choices=["text", "json"], default="text")
    check.add_argument("--bounds", action="store_true", help="print upper bounds for a run of each flow")
    check.add_argument(
        "--store", metavar="PATH", help="also report removed steps that unfinished runs of this store still reference"
    )
    check.add_argument("--strict", action="store_true", help="treat warnings as errors")
    check.add_argument(
        "--fix", action="store_true", help="apply the safe fixes to the files first; for -, print the fixed text"
    )
    add_actions(check)

    fmt = command(commands, "fmt", _fmt, "format flow files")
    fmt.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a .flow file, a directory of them, or - for standard input; default: the current directory",
    )
    fmt.add_argument("--check", action="store_true", help="change nothing; list the files that are not formatted")
    fmt.add_argument("--diff", action="store_true", help="change nothing; print a diff")

    explain = command(commands, "explain", _explain, "explain a diagnostic code")
    explain.add_argument("codes", nargs="*", metavar="CODE", help="a diagnostic code such as E308; default: list all codes")

    _add_graph(commands)

    importer = command(commands, "import", _import, "convert a JSON workflow to a flow")
    importer.add_argument("file", metavar="FILE", help="a .json file, or - for standard input")
    importer.add_argument("-o", "--output", metavar="FILE", help="write the flow to this file")

    export = command(commands, "export", _export, "print a flow file as canonical JSON")
    export.add_argument("file", metavar="FILE", help="a .flow file, or - for standard input")
    export.add_argument("--flow", metavar="NAME", help="only this flow, the flows it calls, and the declarations")
    export.add_argument("-o", "--output", metavar="FILE", help="write the JSON to this file")

    actions = command(commands, "actions", _actions, "list the actions that flows can call")
    actions.add_argument("--json", action="store_true", help="print JSON")
    actions.add_argument("--export", action="store_true", help="print an interface file, for use with `--actions FILE.flow`")
    add_actions(actions)


def _add_graph(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    graph = command(commands, "graph", _graph, "draw the graph of a flow or a run")
    graph.add_argument(
        "file", metavar="FILE|RUN", help=f"a .flow file, a .json workflow, - for standard input, or a run: {RUN_HELP}"
    )
    graph.add_argument("--flow", metavar="NAME", help="the flow to use, if the file has several")
    graph.add_argument(
        "--format",
        choices=["terminal", "svg", "png", "mermaid", "dot", "json"],
        help="default: by the suffix of --output; else `terminal` on a terminal, `mermaid` in a pipe",
    )
    graph.add_argument("--run", metavar="RUN", help=f"show the status of this run on the flow of the file: {RUN_HELP}")
    graph.add_argument("--diff", metavar="OTHER", help="show the changes since this file")
    graph.add_argument("--theme", choices=["light", "dark", "auto"], default="light", help="colours for svg and png")
    graph.add_argument("--unfold", action="store_true", help="draw every step, even of a very large flow")
    graph.add_argument("-o", "--output", metavar="FILE", help="write the picture to this file")
    add_store(graph)
    add_actions(graph)


def _add_running(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = command(commands, "run", _run, "run a flow until it ends")
    run.add_argument("file", metavar="FILE", help="a .flow file, a .json workflow, or - for standard input")
    run.add_argument("--flow", metavar="NAME", help="the flow to use, if the file has several")
    run.add_argument("--event", metavar="NAME", help="start the flow as this event would; --input is the event's payload")
    run.add_argument("--input", metavar="JSON|@FILE|-", help="the flow's input, or the event's payload")
    run.add_argument("--id", metavar="ID", help="idempotency key of the run: if a run with this id exists, it is continued")
    add_store(run)
    add_actions(run)
    _add_manner(run)

    resume = command(commands, "resume", _resume, "resume interrupted runs")
    resume.add_argument("run", nargs="?", metavar="RUN", help=f"the run to resume: {RUN_HELP}; default: all unfinished runs")
    add_store(resume)
    add_actions(resume)
    _add_manner(resume)

    send = command(commands, "send", _send, "deliver an event to waiting runs and continue them until they end or wait again")
    send.add_argument("event", metavar="EVENT", help="the event's name")
    send.add_argument("--input", metavar="JSON|@FILE|-", help="the event's payload; default: {}")
    send.add_argument(
        "--id", metavar="ID", help="idempotency key of the event: an event with the same id is delivered only once"
    )
    add_store(send)
    add_actions(send)
    send.add_argument("--quiet", action="store_true", help="do not show progress")
    send.add_argument("--json", action="store_true", help="print the results as JSON")
    send.set_defaults(fast_forward=False)

    cancel = command(commands, "cancel", _cancel, "cancel a run")
    cancel.add_argument("run", metavar="RUN", help=RUN_HELP)
    add_store(cancel)
    add_actions(cancel)

    runs = command(commands, "runs", _runs, "list runs, newest first")
    runs.add_argument("--limit", type=int, default=20, metavar="N")
    runs.add_argument("--unfinished", action="store_true", help="only runs that have not ended")
    runs.add_argument(
        "--parent", metavar="RUN", help="only the child runs of this run: the items of its loops and the flows it called"
    )
    runs.add_argument("--json", action="store_true", help="print JSON")
    add_store(runs)

    show = command(commands, "show", _show, "show a run step by step")
    show.add_argument("run", metavar="RUN", help=RUN_HELP)
    show.add_argument("--json", action="store_true", help="print JSON")
    show.add_argument("--traceback", action="store_true", help="show Python tracebacks of failed actions")
    add_actions(show)
    add_store(show)


def _add_storing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    store = commands.add_parser(
        "store", help="maintain the store: verify, backup, vacuum, salvage", description="Maintain the store."
    )
    parts = store.add_subparsers(title="commands", required=True, metavar="COMMAND")

    verify = command(parts, "verify", _store_verify, "check the whole store for damage")
    verify.add_argument("--json", action="store_true", help="print JSON")
    add_store(verify)

    backup = command(parts, "backup", _store_backup, "copy a store, even while it is in use")
    backup.add_argument("file", metavar="FILE", help="the copy; the file must not exist")
    add_store(backup)

    vacuum = command(parts, "vacuum", _store_vacuum, "remove old ended runs and free their disk space")
    vacuum.add_argument(
        "--keep", default="30d", metavar="DURATION", help="remove runs that ended longer ago than this (default: 30d)"
    )
    add_store(vacuum)

    salvage = command(parts, "salvage", _store_salvage, "move damaged runs to a file")
    salvage.add_argument("--json", action="store_true", help="print JSON")
    add_store(salvage)


def _add_manner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast-forward", action="store_true", help="skip waits by using virtual time")
    parser.add_argument("--quiet", action="store_true", help="do not show progress")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
