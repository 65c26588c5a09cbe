"""`dagflow schema`: JSON Schema of inputs, events, actions and outputs; Python stubs of a host."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Choice, Command, argument
from dagflow.cli.exit_codes import OK
from dagflow.cli.table import WITH_JSON


@click.command(
    cls=Command,
    examples=[
        ("dagflow schema lead.flow --flow lead_approval", "the schema of an input, for a form"),
        ("dagflow schema --openapi --actions host.py", "components for the OpenAPI document of an application"),
        ("dagflow schema --json-of 'store verify'", "the schema of the output of a command"),
    ],
)
@argument(
    "file",
    required=False,
    metavar="FILE",
    type=options.FilePath(".flow", ".json"),
    about="a .flow file; default: only the actions of --actions",
)
@click.option("--flow", metavar="NAME", type=options.flow_names(), help="Print only the schema of this flow's input.")
@click.option("--stubs", is_flag=True, help="Print a Python stub (.pyi) of types and actions.")
@click.option("--openapi", is_flag=True, help="Print OpenAPI 3.1 components of events, actions and flows.")
@click.option(
    "--json-of",
    "command",
    type=Choice(WITH_JSON),
    metavar="COMMAND",
    help="Print the schema of the JSON that this command prints with --json.",
)
@options.actions
def schema(*, file: str | None, flow: str | None, stubs: bool, openapi: bool, command: str | None, actions: str | None) -> int:
    """Print JSON Schema for inputs, events, actions and the output of commands."""
    from dagflow.cli.output.document_schema import document_schema
    from dagflow.cli.output.text import json_text, printable_lines
    from dagflow.cli.sources import load_flows, load_host
    from dagflow.errors import FlowInvalid, UsageError
    from dagflow.lang.exporters.json_schema import input_schema, openapi_of, schemas_of
    from dagflow.lang.exporters.python_stub import stub_of

    if command is not None:
        print(json_text(document_schema(command)))
        return OK
    host = load_host(actions, file)
    if file is None:
        if flow is not None:
            raise UsageError("`--flow` needs a FILE")
        interface, flows = host.catalog.interface, {}
    else:
        compilation = load_flows(file, host.catalog)
        if compilation.has_errors:
            raise FlowInvalid(compilation.diagnostics, compilation.render())
        interface, flows = compilation.interface, compilation.flows
        if flow is not None:
            print(json_text(input_schema(compilation.unwrap(flow))))
            return OK
    if stubs:
        sys.stdout.write(printable_lines(stub_of(interface)))
    elif openapi:
        print(json_text(openapi_of(flows.values(), interface.events, interface.actions)))
    else:
        print(json_text(schemas_of(flows.values(), interface.events, interface.actions)))
    return OK
