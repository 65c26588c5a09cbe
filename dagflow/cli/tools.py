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
    from dagflow.cli.beginning import new  # noqa: PLC0415 - each command imports only what it needs

    return new(arguments)


def _test(arguments: argparse.Namespace) -> int:
    from dagflow.cli.testing import test  # noqa: PLC0415

    return test(arguments)


def _dry_run(arguments: argparse.Namespace) -> int:
    from dagflow.cli.drying import dry_run  # noqa: PLC0415

    return dry_run(arguments)


def _why(arguments: argparse.Namespace) -> int:
    from dagflow.cli.why import why  # noqa: PLC0415

    return why(arguments)


def _eval(arguments: argparse.Namespace) -> int:
    from dagflow.cli.evaluating import evaluate  # noqa: PLC0415

    return evaluate(arguments)


def _schema(arguments: argparse.Namespace) -> int:
    from dagflow.cli.schemas import schema  # noqa: PLC0415

    return schema(arguments)


def _infer(arguments: argparse.Namespace) -> int:
    from dagflow.cli.inferring import infer  # noqa: PLC0415

    return infer(arguments)


def _doc(arguments: argparse.Namespace) -> int:
    from dagflow.cli.documenting import document  # noqa: PLC0415

    return document(arguments)


def _add_new(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = command(commands, "new", _new, "write a flow to begin with, with tests")
    new.add_argument("name", nargs="?", metavar="NAME", help="what the flow is called; asked for on a terminal")
    new.add_argument("--template", metavar="NAME", help="what it begins with; --list names them")
    new.add_argument("--list", action="store_true", help="name what a flow can begin with")
    new.add_argument("-o", "--output", metavar="FILE", help="write it there instead of to NAME.flow; - prints it")


def _add_test(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    test = command(commands, "test", _test, "run the tests in flow files, in virtual time")
    test.add_argument(
        "files", nargs="*", metavar="FILE", help=".flow files, or directories of them; the current directory if not given"
    )
    test.add_argument("-k", metavar="EXPR", help="only tests with these words in FILE::FLOW::NAME: `late and not refund`")
    test.add_argument("--chaos", action="store_true", help="also crash at every point and go on, and expect the same end")
    test.add_argument("--coverage", action="store_true", help="say which steps, outcomes, errors and timeouts no test has seen")
    test.add_argument(
        "--graph", metavar="FILE", help="also draw what has been seen of each flow, as .svg or .png; with --coverage"
    )
    test.add_argument("--junit", metavar="FILE", help="also write the results as JUnit's XML")
    test.add_argument("--format", choices=["text", "json"], default="text")
    add_actions(test)


def _add_dry_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    dry = command(commands, "dry-run", _dry_run, "say what a run would do, and do nothing")
    dry.add_argument("file", metavar="FILE", help="a .flow file, a .json workflow, or - for standard input")
    dry.add_argument("--flow", metavar="NAME", help="which flow of the file")
    dry.add_argument("--event", metavar="NAME", help="start it as this event would; --input is what the event carries")
    dry.add_argument("--input", metavar="JSON|@FILE|-", help="the flow's input, or the event's payload")
    dry.add_argument(
        "--result", action="append", default=[], metavar="NAME=JSON", help="what an action or step gives; made up if not said"
    )
    dry.add_argument("--json", action="store_true", help="as JSON")
    add_actions(dry)


def _add_why(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    why = command(commands, "why", _why, "say why a step of a run did or did not run")
    why.add_argument("run", metavar="RUN", help=RUN_HELP)
    why.add_argument("step", metavar="STEP", help="the name of the step")
    why.add_argument("--json", action="store_true", help="as JSON")
    add_store(why)


def _add_eval(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    evaluate = command(commands, "eval", _eval, "evaluate an expression: its value, its type and what it costs")
    evaluate.add_argument("expression", metavar="EXPR")
    evaluate.add_argument("--input", metavar="JSON|@FILE|-", help="an object: the names the expression may read")
    evaluate.add_argument("--json", action="store_true", help="as JSON")


def _add_describing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    schema = command(commands, "schema", _schema, "print JSON Schema of inputs, events and actions")
    schema.add_argument("file", nargs="?", metavar="FILE", help="a .flow file; the host's actions alone if not given")
    schema.add_argument("--flow", metavar="NAME", help="only the input of this flow, as a schema by itself")
    schema.add_argument("--stubs", action="store_true", help="print a Python stub (.pyi) of types and actions instead")
    add_actions(schema)

    infer = command(commands, "infer", _infer, "make a type of samples")
    infer.add_argument(
        "files", nargs="+", metavar="FILE", help="JSON: a sample, a list of samples, or one on each line; - for standard input"
    )
    infer.add_argument("--name", default="Event", metavar="NAME", help="what the type is called (default: Event)")

    doc = command(commands, "doc", _doc, "write pages about flows and actions, as Markdown")
    doc.add_argument("files", nargs="+", metavar="FILE", help="a .flow file")
    doc.add_argument("-o", "--output", metavar="DIR", help="write a page for each flow there, instead of printing them")
    add_actions(doc)
