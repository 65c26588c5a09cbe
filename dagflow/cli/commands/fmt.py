"""`fmt`: writes flow files in the one style there is, or says which are not."""

from __future__ import annotations

import argparse
import codecs
import difflib
import sys
from pathlib import Path

from dagflow.cli.commands.check_fix import print_text, replace
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.files import flow_files
from dagflow.cli.output.text import printable, printable_lines
from dagflow.cli.sources import decoded, name_of, read_bytes
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.format.formatter import format as format_text


def fmt(arguments: argparse.Namespace) -> int:
    """Format each file, or with `--check` or `--diff` only say what would change; 1 if a file does not parse or should change."""
    paths = flow_files(arguments.files)
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
        if arguments.check or arguments.diff:
            if result != text:
                code = FAILED
                _tell(path, text, result, is_diff=arguments.diff)
        elif path == "-":
            print_text(result)
        elif result != text:
            mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
            replace(Path(path), data, mark + result.encode())
            print(printable(f"formatted {path}"), file=sys.stderr)
    return code


def _tell(path: str, before: str, after: str, *, is_diff: bool) -> None:
    name = name_of(path)
    if not is_diff:
        print(name)
        return
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), name, f"{name} (formatted)", lineterm="")
    sys.stdout.write(printable_lines("\n".join([*lines, ""])))
