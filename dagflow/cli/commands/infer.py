"""`dagflow infer`: a type from samples."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Final, cast

from dagflow.cli.exit_codes import OK
from dagflow.cli.output.text import printable_lines
from dagflow.cli.sources import read_text
from dagflow.errors import UsageError
from dagflow.lang.importers.samples import infer_declarations
from dagflow.model.wire.json_reader import JsonTextError, parse_json

_TYPE_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9_]*", re.ASCII)


def infer(arguments: argparse.Namespace) -> int:
    """Print the declaration of a type that every sample is of."""
    if not _TYPE_NAME.fullmatch(arguments.name):
        raise UsageError(f"--name must begin with a capital letter, such as `Lead`; got `{arguments.name}`")
    if arguments.files.count("-") > 1:
        raise UsageError("`-` may be given only once, because standard input can be read only once")
    samples: list[object] = []
    for path in arguments.files:
        samples += _samples(path)
    if not samples:
        raise UsageError("no samples found; pass a JSON value, a JSON list, or one JSON value per line")
    sys.stdout.write(printable_lines(infer_declarations(arguments.name, samples)))
    return OK


def _samples(path: str) -> list[object]:
    """What is in a file: one JSON value, the items of a JSON list, or a JSON value on each line."""
    text = read_text(path)
    try:
        value = parse_json(text)
    except JsonTextError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise UsageError(f"{path} is not valid JSON: {error}") from error
        return [_line(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _line(path: str, number: int, line: str) -> object:
    try:
        return parse_json(line)
    except JsonTextError as error:
        raise UsageError(f"{path} is not valid JSON, neither as a whole nor line by line: line {number}: {error}") from error
