"""Report an error of a command: in words on standard error, with `--json` as a document on standard output too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Final

import click

from dagflow.cli.declaring import Argument, Invocation, unknown
from dagflow.cli.exit_codes import BUG, FAILED, USAGE
from dagflow.cli.output.documents import ErrorDetail, ErrorDocument, ErrorKind
from dagflow.cli.output.text import json_text, printable, printable_lines
from dagflow.errors import DagflowBug, DagflowError, EvaluationError, FlowInvalid, StoreError

#: What a flow lacks if the host's actions and types are missing.
_OF_HOSTS: Final = {"E201": "unknown action", "E209": "unknown type"}


def hint_at_actions(found: Iterable[tuple[str, str]]) -> None:
    """Print how to configure an actions module if none is, and one of these codes and titles is of an unknown action or type."""
    context = click.get_current_context(silent=True)
    invocation = None if context is None else context.find_object(Invocation)
    if invocation is not None and not invocation.has_actions:
        print_hint(found)


def print_hint(found: Iterable[tuple[str, str]]) -> None:
    """Print the hint of a command without an actions module."""
    if any(code in _OF_HOSTS and title.startswith(_OF_HOSTS[code]) for code, title in found):
        print("no actions module is configured: set `actions` in dagflow.toml or pass --actions", file=sys.stderr)


def report(error: Exception, *, is_json: bool, has_actions: bool = True) -> int:
    """Print the error and return the exit code it means. Raises a bug's own exception if DAGFLOW_TRACEBACK is set."""
    match error:
        case click.UsageError():
            usage = f"{error.ctx.get_usage()}\n" if error.ctx is not None else ""
            return _reported("usage", USAGE, printable(_message(error)), before=usage, is_json=is_json)
        case EvaluationError():
            return _reported("expression", FAILED, printable_lines(str(error)), is_json=is_json)
        case FlowInvalid():
            return _invalid(error, is_json=is_json, has_actions=has_actions)
        case DagflowBug():
            message = f"{error}\nthis is a bug in dagflow; please report it with this message"
            return _reported("bug", BUG, printable_lines(message), is_json=is_json)
        case StoreError():
            return _reported("store", USAGE, printable_lines(str(error)), is_json=is_json)
        case DagflowError():
            return _reported("usage", USAGE, printable_lines(str(error)), is_json=is_json)
        case _:
            if os.environ.get("DAGFLOW_TRACEBACK"):
                raise error
            message = (
                f"{type(error).__name__}: {error}\n"
                "this is a bug in dagflow; please report it, with the output of DAGFLOW_TRACEBACK=1 if you can reproduce it"
            )
            return _reported("bug", BUG, printable_lines(message), is_json=is_json)


def _reported(kind: ErrorKind, code: int, message: str, *, before: str = "", is_json: bool) -> int:
    print(f"{before}dagflow: {message}", file=sys.stderr)
    if is_json:
        _print_document({"kind": kind, "message": message, "exit_code": code, "codes": []})
    return code


def _invalid(error: FlowInvalid, *, is_json: bool, has_actions: bool) -> int:
    print(error.rendered, file=sys.stderr)
    if not has_actions:
        print_hint((each.code, each.title) for each in error.diagnostics)
    if is_json:
        codes = [each.code for each in error.diagnostics]
        _print_document({"kind": "flow", "message": error.rendered, "exit_code": FAILED, "codes": codes})
    return FAILED


def _print_document(detail: ErrorDetail) -> None:
    document: ErrorDocument = {"error": detail}
    print(json_text(document))


def _message(error: click.UsageError) -> str:
    """Return the mistake, and one thing to do about it; click's own messages say only the first."""
    what = "commands" if error.ctx is not None and isinstance(error.ctx.command, click.Group) else "options"
    help_ = f"`{error.ctx.command_path} --help` lists the {what}" if error.ctx is not None else ""
    match error:
        case click.NoSuchOption():
            return unknown("option", error.option_name, _long_options(error), help_)
        case click.BadOptionUsage():
            return f"`{error.option_name}` {_needs(error)}; {help_}"
        case click.MissingParameter():
            return f"missing {_named(error)}; {help_}"
        case click.BadParameter():
            return f"{_named(error)} {error.message}"
        case _:
            if error.message.startswith(("unknown", "`")):
                return error.message
            return f"{error.message.rstrip('.')[:1].lower()}{error.message.rstrip('.')[1:]}; {help_}"


def _long_options(error: click.NoSuchOption) -> list[str]:
    """Return the names that a long option may have been meant to be; a single letter resembles every other one."""
    if error.ctx is None or not error.option_name.startswith("--"):
        return []
    names = [name for each in error.ctx.command.get_params(error.ctx) for name in each.opts]
    return [name for name in names if name.startswith("--")]


def _needs(error: click.BadOptionUsage) -> str:
    return "takes no value" if "not take" in error.message else "needs a value"


def _named(error: click.BadParameter) -> str:
    param = error.param
    if isinstance(param, Argument):
        return f"{param.word}: {param.about}" if isinstance(error, click.MissingParameter) and param.about else param.word
    return param.opts[-1] if param is not None else "a value"
