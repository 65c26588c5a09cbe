"""The entry point: runs one command and turns whatever happens into an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from dagflow.cli.declaring import COMPLETE_VARIABLE, Invocation
from dagflow.cli.exit_codes import INTERRUPTED, OK, USAGE
from dagflow.cli.group import dagflow


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error is reported in words.

    Args:
        argv: the arguments without the program's name; default: those of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        if argv is None and COMPLETE_VARIABLE in os.environ:
            return shell_complete(dagflow, {}, "dagflow", COMPLETE_VARIABLE, os.environ[COMPLETE_VARIABLE])
        code = _guarded(sys.argv[1:] if argv is None else [*argv])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has gone; the rest of it is discarded.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


def _guarded(words: list[str]) -> int:
    invocation = Invocation()
    try:
        if not words:
            print(click.Context(dagflow, info_name="dagflow", **dagflow.context_settings).get_help(), file=sys.stderr)
            return USAGE
        with dagflow.make_context("dagflow", [*words], obj=invocation) as context:
            code = dagflow.invoke(context)
    except click.exceptions.Exit as wish:  # `--help` and `--version` have printed what there is to print
        return wish.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - reported, or raised again
        from dagflow.cli.failures import report  # noqa: PLC0415 - only for what fails

        # A parser that stopped at a mistake may not have come to `--json`.
        is_json = invocation.is_json or (isinstance(error, click.UsageError) and "--json" in words)
        return report(error, is_json=is_json, has_actions=invocation.has_actions)
    return code if isinstance(code, int) else OK
