"""The commands around a flow: `new`, `test`, `dry-run`, `why`, `eval`, `schema`, `infer`, `doc`."""

from __future__ import annotations

import argparse

from dagflow.cli.options import RUN_HELP, add_actions, add_store, command


def add_tools(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them all."""
    _add_new(commands)
    _add_test(commands)
    _add_dry_run(commands)
    _add_why(commands)
    _add_eval(commands)
    _add_describing(commands)


def _new(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.new import new  # noqa: PLC0415 - each command imports only what it needs

    return new(arguments)


def _test(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.test import test  # noqa: PLC0415

    return test(arguments)


def _dry_run(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.dry_run import dry_run  # noqa: PLC0415

    return dry_run(arguments)


def _why(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.why import why  # noqa: PLC0415

    return why(arguments)


def _eval(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.eval_ import evaluate  # noqa: PLC0415

    return evaluate(arguments)


def _schema(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.schema import schema  # noqa: PLC0415

    return schema(arguments)


def _infer(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.infer import infer  # noqa: PLC0415

    return infer(arguments)


def _doc(arguments: argparse.Namespace) -> int:
    from dagflow.cli.commands.doc import document  # noqa: PLC0415

    return document(arguments)


def _add_new(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = command(commands, "new", _new, "create a flow from a template, with tests")
    new.add_argument("name", nargs="?", metavar="NAME", help="the name of the flow; prompted for on a terminal")
    new.add_argument("--template", metavar="NAME", help="the template; see --list")
    new.add_argument("--list", action="store_true", help="list the templates")
    new.add_argument("-o", "--output", metavar="FILE", help="output file (default: NAME.flow; - for standard output)")


def _add_test(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    test = command(commands, "test", _test, "run the tests in flow files, in virtual time")
    test.add_argument("files", nargs="*", metavar="FILE", help=".flow files or directories; default: the current directory")
    test.add_argument("-k", metavar="EXPR", help="only tests whose FILE::FLOW::NAME matches, such as `late and not refund`")
    test.add_argument("--chaos", action="store_true", help="also crash at every point, resume, and expect the same result")
    test.add_argument("--coverage", action="store_true", help="report steps, outcomes, errors and timeouts that no test covers")
    test.add_argument("--graph", metavar="FILE", help="with --coverage: also draw the coverage of each flow, as .svg or .png")
    test.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
    test.add_argument("--format", choices=["text", "json"], default="text")
    add_actions(test)


def _add_dry_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    dry = command(commands, "dry-run", _dry_run, "show what a run would do, without running it")
    dry.add_argument("file", metavar="FILE", help="a .flow file, a .json workflow, or - for standard input")
    dry.add_argument("--flow", metavar="NAME", help="the flow to use, if the file has several")
    dry.add_argument("--event", metavar="NAME", help="start the flow as this event would; --input is the event's payload")
    dry.add_argument("--input", metavar="JSON|@FILE|-", help="the flow's input, or the event's payload")
    dry.add_argument(
        "--result",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="the result of an action or a step; default: a sample value of its type",
    )
    dry.add_argument("--json", action="store_true", help="print JSON")
    add_actions(dry)


def _add_why(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    why = command(commands, "why", _why, "explain why a step ran or did not run")
    why.add_argument("run", metavar="RUN", help=RUN_HELP)
    why.add_argument("step", metavar="STEP", help="the name of the step")
    why.add_argument("--json", action="store_true", help="print JSON")
    add_store(why)


def _add_eval(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    evaluate = command(commands, "eval", _eval, "evaluate an expression and print its value, type and cost")
    evaluate.add_argument("expression", metavar="EXPR")
    evaluate.add_argument("--input", metavar="JSON|@FILE|-", help="a JSON object with the names that the expression may read")
    evaluate.add_argument("--json", action="store_true", help="print JSON")


def _add_describing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    schema = command(commands, "schema", _schema, "print JSON Schema for inputs, events and actions")
    schema.add_argument("file", nargs="?", metavar="FILE", help="a .flow file; default: only the actions of --actions")
    schema.add_argument("--flow", metavar="NAME", help="only the schema of this flow's input")
    schema.add_argument("--stubs", action="store_true", help="print a Python stub (.pyi) of types and actions")
    add_actions(schema)

    infer = command(commands, "infer", _infer, "infer a type from JSON samples")
    infer.add_argument(
        "files", nargs="+", metavar="FILE", help="JSON: a sample, a list of samples, or one per line; - for standard input"
    )
    infer.add_argument("--name", default="Event", metavar="NAME", help="the name of the type (default: Event)")

    doc = command(commands, "doc", _doc, "generate Markdown pages for flows and actions")
    doc.add_argument("files", nargs="+", metavar="FILE", help="a .flow file")
    doc.add_argument("-o", "--output", metavar="DIR", help="write one page per flow to this directory")
    add_actions(doc)
