"""`dagflow fmt`: flow files in the canonical style."""

from __future__ import annotations

import codecs
import difflib
import sys
from pathlib import Path

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import FAILED, OK


@click.command(
    cls=Command,
    examples=[
        ("dagflow fmt", "format all flows of this directory"),
        ("dagflow fmt --check", "list the files that are not formatted"),
    ],
)
@argument(
    "files",
    nargs=-1,
    metavar="FILE",
    type=options.FilePath(".flow"),
    about="a .flow file, a directory of them, or - for standard input; default: the current directory",
)
@click.option("--check", is_flag=True, help="Change nothing; list the files that are not formatted.")
@click.option("--diff", is_flag=True, help="Change nothing; print a diff.")
def fmt(*, files: tuple[str, ...], check: bool, diff: bool) -> int:
    """Format flow files.

    The exit code is 1 if a file has syntax errors, or would change with `--check` or `--diff`.
    """
    from dagflow.cli.files import flow_files
    from dagflow.cli.fixes import print_text, replace
    from dagflow.cli.output.text import printable
    from dagflow.cli.sources import decoded, name_of, read_bytes
    from dagflow.errors import FlowInvalid, UsageError
    from dagflow.lang.format.formatter import format as format_text

    paths = flow_files(files)
    for path in paths:
        if path.endswith(".json"):
            raise UsageError(f"{path} is JSON, and `fmt` formats .flow files; to convert it, use `dagflow import`")
    code = OK
    for path in paths:
        data = read_bytes(path)
        text = decoded(data, path)
        try:
            result = format_text(text, filename=name_of(path))
        except FlowInvalid as error:
            print(f"{error.rendered}\n", file=sys.stderr)
            code = FAILED
            continue
        if check or diff:
            if result != text:
                code = FAILED
                _tell(path, text, result, is_diff=diff)
        elif path == "-":
            print_text(result)
        elif result != text:
            mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
            replace(Path(path), data, mark + result.encode())
            print(printable(f"formatted {path}"), file=sys.stderr)
    return code


def _tell(path: str, before: str, after: str, *, is_diff: bool) -> None:
    from dagflow.cli.output.text import printable_lines
    from dagflow.cli.sources import name_of

    name = name_of(path)
    if not is_diff:
        print(name)
        return
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), name, f"{name} (formatted)", lineterm="")
    sys.stdout.write(printable_lines("\n".join([*lines, ""])))
