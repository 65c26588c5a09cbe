"""`export`: a file of flows as canonical JSON."""

from __future__ import annotations

import argparse
import json
import sys

from dagflow.cli.exit_codes import OK
from dagflow.cli.files import write_new
from dagflow.cli.output.text import printable
from dagflow.cli.sources import name_of, read_text
from dagflow.errors import UsageError
from dagflow.lang.canonical.codec import to_data


def export(arguments: argparse.Namespace) -> int:
    """Print a file of flows as JSON, or write it to a file that is not there yet."""
    path = arguments.file
    if path.endswith(".json"):
        raise UsageError(f"{path} is already JSON; to convert it to a flow, use `dagflow import`")
    data = to_data(read_text(path), flow=arguments.flow, filename=name_of(path))
    # Every letter that is not ASCII is escaped, so that no terminal and no encoding changes what is read back.
    text = json.dumps(data, indent=2) + "\n"
    if arguments.output is None:
        sys.stdout.write(text)
        return OK
    target = write_new(arguments.output, text)
    print(printable(f"wrote {target}; `dagflow import {target}` converts it back"), file=sys.stderr)
    return OK
