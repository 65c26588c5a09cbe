"""`dagflow schema`: JSON Schema of inputs, events and actions; Python stubs of a host."""

from __future__ import annotations

import argparse
import sys

from dagflow.cli.exit_codes import OK
from dagflow.cli.output.text import json_text, printable_lines
from dagflow.cli.sources import load_flows, load_host
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.exporters.json_schema import input_schema, schemas_of
from dagflow.lang.exporters.python_stub import stub_of


def schema(arguments: argparse.Namespace) -> int:
    """Print schemas or stubs of a file, or of the host alone."""
    host = load_host(arguments.actions, arguments.file)
    if arguments.file is None:
        if arguments.flow is not None:
            raise UsageError("`--flow` needs a FILE")
        interface, flows = host.catalog.interface, {}
    else:
        compilation = load_flows(arguments.file, host.catalog)
        if compilation.has_errors:
            raise FlowInvalid(compilation.diagnostics, compilation.render())
        interface, flows = compilation.interface, compilation.flows
        if arguments.flow is not None:
            print(json_text(input_schema(compilation.unwrap(arguments.flow))))
            return OK
    if arguments.stubs:
        sys.stdout.write(printable_lines(stub_of(interface)))
    else:
        print(json_text(schemas_of(flows.values(), interface.events, interface.actions)))
    return OK
