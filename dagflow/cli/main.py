"""The command line: what can be said, and which exit code it ends with."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import cast

from dagflow.cli.codes import BUG, FAILED, INTERRUPTED, OK, USAGE
from dagflow.cli.editors import add_lsp
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
        _complain(f"{error}\nthis is a fault of dagflow itself; please report it with this message")
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
            "this is a fault of dagflow itself; please report it with what DAGFLOW_TRACEBACK=1 shows when it happens again"
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
    raise UsageError(f"there is no command `{word}`; {hint}`dagflow --help` lists them")


def _complain(message: str) -> None:
    from dagflow.cli.texts import printable_lines  # noqa: PLC0415 - costs rich, which most commands do not need to fail

    print(f"dagflow: {printable_lines(message)}", file=sys.stderr)


def _check(arguments: argparse.Namespace) -> int:
    from dagflow.cli.authoring import check  # noqa: PLC0415 - each command imports only what it needs

    return check(arguments)


def _explain(arguments: argparse.Namespace) -> int:
    from dagflow.cli.explaining import explain  # noqa: PLC0415

    return explain(arguments)


def _fmt(arguments: argparse.Namespace) -> int:
    from dagflow.cli.formatting import fmt  # noqa: PLC0415

    return fmt(arguments)


def _graph(arguments: argparse.Namespace) -> int:
    from dagflow.cli.drawing import graph  # noqa: PLC0415

    return graph(arguments)


def _import(arguments: argparse.Namespace) -> int:
    from dagflow.cli.authoring import import_workflow  # noqa: PLC0415

    return import_workflow(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from dagflow.cli.exporting import export  # noqa: PLC0415

    return export(arguments)


def _actions(arguments: argparse.Namespace) -> int:
    from dagflow.cli.authoring import actions  # noqa: PLC0415

    return actions(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from dagflow.cli.running import run  # noqa: PLC0415

    return run(arguments)


def _resume(arguments: argparse.Namespace) -> int:
    from dagflow.cli.running import resume  # noqa: PLC0415

    return resume(arguments)


def _send(arguments: argparse.Namespace) -> int:
    from dagflow.cli.sending import send  # noqa: PLC0415

    return send(arguments)


def _cancel(arguments: argparse.Namespace) -> int:
    from dagflow.cli.running import cancel  # noqa: PLC0415

    return cancel(arguments)


def _runs(arguments: argparse.Namespace) -> int:
    from dagflow.cli.running import runs  # noqa: PLC0415

    return runs(arguments)


def _show(arguments: argparse.Namespace) -> int:
    from dagflow.cli.running import show  # noqa: PLC0415

    return show(arguments)


def _store_verify(arguments: argparse.Namespace) -> int:
    from dagflow.cli.storing import verify_store  # noqa: PLC0415

    return verify_store(arguments)


def _store_backup(arguments: argparse.Namespace) -> int:
    from dagflow.cli.storing import backup_store  # noqa: PLC0415

    return backup_store(arguments)


def _store_vacuum(arguments: argparse.Namespace) -> int:
    from dagflow.cli.storing import vacuum_store  # noqa: PLC0415

    return vacuum_store(arguments)


def _store_salvage(arguments: argparse.Namespace) -> int:
    from dagflow.cli.storing import salvage_store  # noqa: PLC0415

    return salvage_store(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dagflow",
        description="Typed, total flows: check them, run them, kill them, resume them.",
        epilog="Exit codes: 0 all is well, 1 the flow is wrong or its run failed, 2 dagflow was called in a way that cannot work.",
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
    check = command(commands, "check", _check, "say everything that is wrong with flows")
    check.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a .flow file, a directory of them, a .json workflow, or - for standard input; the current directory if not given",
    )
    check.add_argument("--format", choices=["text", "json"], default="text")
    check.add_argument("--bounds", action="store_true", help="say what a run of each flow can come to at most")
    check.add_argument("--store", metavar="PATH", help="also say which steps are gone that unfinished runs of this store know")
    check.add_argument("--strict", action="store_true", help="warnings count as errors")
    check.add_argument("--fix", action="store_true", help="apply the safe fixes to the files first; of -, print what comes out")
    add_actions(check)

    fmt = command(commands, "fmt", _fmt, "write flows in the one style there is")
    fmt.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a .flow file, a directory of them, or - for standard input; the current directory if not given",
    )
    fmt.add_argument("--check", action="store_true", help="change nothing, name the files that are not in that style")
    fmt.add_argument("--diff", action="store_true", help="change nothing, show what would change")

    explain = command(commands, "explain", _explain, "tell what a code such as E308 means")
    explain.add_argument("codes", nargs="*", metavar="CODE", help="a code of a message; all are listed if none is given")

    _add_graph(commands)

    importer = command(commands, "import", _import, "turn a JSON workflow into a flow")
    importer.add_argument("file", metavar="FILE", help="a .json file, or - for standard input")
    importer.add_argument("-o", "--output", metavar="FILE", help="write the flow there instead of printing it")

    export = command(commands, "export", _export, "print a file of flows as canonical JSON")
    export.add_argument("file", metavar="FILE", help="a .flow file, or - for standard input")
    export.add_argument("--flow", metavar="NAME", help="only this flow, those it calls, and the declarations")
    export.add_argument("-o", "--output", metavar="FILE", help="write the JSON there instead of printing it")

    actions = command(commands, "actions", _actions, "list the actions flows can call")
    actions.add_argument("--json", action="store_true", help="as JSON")
    actions.add_argument(
        "--export", action="store_true", help="as an interface file: declarations that `--actions file.flow` reads"
    )
    add_actions(actions)


def _add_graph(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    graph = command(commands, "graph", _graph, "draw the graph a flow compiles to, or how a run went")
    graph.add_argument(
        "file", metavar="FILE|RUN", help=f"a .flow file, a .json workflow, - for standard input, or a run: {RUN_HELP}"
    )
    graph.add_argument("--flow", metavar="NAME", help="which flow of the file")
    graph.add_argument(
        "--format",
        choices=["terminal", "svg", "png", "mermaid", "dot", "json"],
        help="if not given, what the output's name ends in, `terminal` on a terminal, else `mermaid`",
    )
    graph.add_argument("--run", metavar="RUN", help=f"lay over the file's flow how this run went: {RUN_HELP}")
    graph.add_argument("--diff", metavar="OTHER", help="show what has changed since this file")
    graph.add_argument("--theme", choices=["light", "dark", "auto"], default="light", help="the colours of svg and png")
    graph.add_argument("--unfold", action="store_true", help="draw every step, also of a very large flow")
    graph.add_argument("-o", "--output", metavar="FILE", help="write it there instead of printing it")
    add_store(graph)
    add_actions(graph)


def _add_running(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = command(commands, "run", _run, "run a flow to its end")
    run.add_argument("file", metavar="FILE", help="a .flow file, a .json workflow, or - for standard input")
    run.add_argument("--flow", metavar="NAME", help="which flow of the file")
    run.add_argument("--event", metavar="NAME", help="start it as this event would; --input is what the event carries")
    run.add_argument("--input", metavar="JSON|@FILE|-", help="the flow's input, or the event's payload")
    run.add_argument(
        "--id", metavar="ID", help="a name for this run: one that was started before is continued, not started again"
    )
    add_store(run)
    add_actions(run)
    _add_manner(run)

    resume = command(commands, "resume", _resume, "go on with runs that were interrupted")
    resume.add_argument("run", nargs="?", metavar="RUN", help=f"only this one, all unfinished ones if not given: {RUN_HELP}")
    add_store(resume)
    add_actions(resume)
    _add_manner(resume)

    send = command(commands, "send", _send, "send an event to the runs that wait for it, and go on with them")
    send.add_argument("event", metavar="EVENT", help="the event's name")
    send.add_argument("--input", metavar="JSON|@FILE|-", help="what the event carries; nothing if not given")
    send.add_argument("--id", metavar="ID", help="a name for this event: one that was sent before is not sent again")
    add_store(send)
    add_actions(send)
    send.add_argument("--quiet", action="store_true", help="show no progress")
    send.add_argument("--json", action="store_true", help="print the results as JSON")
    send.set_defaults(fast_forward=False)

    cancel = command(commands, "cancel", _cancel, "cancel a run")
    cancel.add_argument("run", metavar="RUN", help=RUN_HELP)
    add_store(cancel)
    add_actions(cancel)

    runs = command(commands, "runs", _runs, "list runs, newest first")
    runs.add_argument("--limit", type=int, default=20, metavar="N")
    runs.add_argument("--unfinished", action="store_true", help="only those that have not ended")
    runs.add_argument(
        "--of", metavar="RUN", help="only those that are part of this run: the items of its loops, the flows it called"
    )
    runs.add_argument("--json", action="store_true", help="as JSON")
    add_store(runs)

    show = command(commands, "show", _show, "show how a run went, step by step")
    show.add_argument("run", metavar="RUN", help=RUN_HELP)
    show.add_argument("--json", action="store_true", help="as JSON")
    show.add_argument("--traceback", action="store_true", help="show where in the host's code actions failed")
    add_store(show)


def _add_storing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    store = commands.add_parser(
        "store", help="look after a store: verify, backup, vacuum, salvage", description="Look after a store."
    )
    parts = store.add_subparsers(title="commands", required=True, metavar="COMMAND")

    verify = command(parts, "verify", _store_verify, "read all of a store and say whether it is as it was written")
    verify.add_argument("--json", action="store_true", help="as JSON")
    add_store(verify)

    backup = command(parts, "backup", _store_backup, "copy a store, also while it is in use")
    backup.add_argument("file", metavar="FILE", help="the copy; there must be nothing of that name")
    add_store(backup)

    vacuum = command(parts, "vacuum", _store_vacuum, "remove runs that ended long ago, and give their room back")
    vacuum.add_argument("--keep", default="30d", metavar="LENGTH", help="how long ended runs stay (default: 30d)")
    add_store(vacuum)

    salvage = command(parts, "salvage", _store_salvage, "set damaged runs aside in a file, so that the others continue")
    salvage.add_argument("--json", action="store_true", help="as JSON")
    add_store(salvage)


def _add_manner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast-forward", action="store_true", help="let waits pass in virtual time")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
