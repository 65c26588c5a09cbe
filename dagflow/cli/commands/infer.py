"""`dagflow infer`: a type from samples."""

from __future__ import annotations

import re
import sys
from typing import Final, cast

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK

_TYPE_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9_]*", re.ASCII)


@click.command(cls=Command, examples=[("dagflow infer events.jsonl --name Lead", "print `type Lead {…}`")])
@argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE",
    type=options.FilePath(".json", ".jsonl", ".ndjson"),
    about="JSON: a sample, a list of samples, or one per line; - for standard input",
)
@click.option("--name", default="Event", metavar="NAME", help="The name of the type. Default: Event.")
def infer(*, files: tuple[str, ...], name: str) -> int:
    """Infer a type from JSON samples."""
    from dagflow.cli.output.text import printable_lines
    from dagflow.errors import UsageError
    from dagflow.lang.importers.samples import infer_declarations

    if not _TYPE_NAME.fullmatch(name):
        raise UsageError(f"--name must begin with a capital letter, such as `Lead`; got `{name}`")
    if files.count("-") > 1:
        raise UsageError("`-` may be given only once, because standard input can be read only once")
    samples: list[object] = []
    for path in files:
        samples += _samples(path)
    if not samples:
        raise UsageError("no samples found; pass a JSON value, a JSON list, or one JSON value per line")
    sys.stdout.write(printable_lines(infer_declarations(name, samples)))
    return OK


def _samples(path: str) -> list[object]:
    """Return the samples of a file: one JSON value, the items of a JSON list, or a JSON value on each line."""
    from dagflow.cli.sources import read_text
    from dagflow.errors import UsageError
    from dagflow.model.wire.json_reader import JsonTextError, parse_json

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
    from dagflow.errors import UsageError
    from dagflow.model.wire.json_reader import JsonTextError, parse_json

    try:
        return parse_json(line)
    except JsonTextError as error:
        raise UsageError(f"{path} is not valid JSON, neither as a whole nor line by line: line {number}: {error}") from error
