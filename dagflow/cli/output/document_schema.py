"""JSON Schema of the documents of commands."""

from __future__ import annotations

from dagflow.app.documents.schema import Schema, schema_of
from dagflow.cli.output.documents import DOCUMENTS, ErrorDocument


def document_schema(command: str) -> Schema:
    """Return the schema of everything that `dagflow COMMAND --json` prints: its document, or that of an error.

    Raises:
        KeyError: the command has no `--json`.
    """
    definitions: dict[str, Schema] = {}
    document = schema_of(DOCUMENTS[command], definitions)
    error = schema_of(ErrorDocument, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"dagflow {command} --json",
        "anyOf": [document, error],
        "$defs": definitions,
    }
