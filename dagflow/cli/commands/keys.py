"""`dagflow keys`: the API keys that `dagflow serve` accepts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Choice, Group, argument
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.web.keys import KeyFile

#: The roles; `dagflow.web.access` says what each may do, and a test compares the two.
ROLES = ("viewer", "editor", "operator", "sender", "admin")


@click.group(cls=Group)
def keys() -> None:
    """Create, list and revoke the API keys that `dagflow serve` accepts."""


@keys.command(
    examples=[
        ("dagflow keys create --role sender --tenant acme", "print a key that may send events of that tenant"),
        ("dagflow keys create --role editor --only orders --only refunds", "a key for two flows"),
    ]
)
@click.option(
    "--role", required=True, type=Choice([*ROLES]), help="What the key may do: viewer, editor, operator, sender or admin."
)
@options.tenant
@click.option("--only", "flows", multiple=True, metavar="FLOW", help="A flow that the key may see and use. Default: all.")
@click.option("--comment", default="", metavar="TEXT", help="For whom the key is.")
@options.store
@options.keys
def create(*, role: str, tenant: str, flows: tuple[str, ...], comment: str, store: str, keys: str | None) -> int:
    """Create a key and print it; it cannot be shown again."""
    from dagflow.web.access import Principal

    print(_file(store, keys).create(Principal(tenant, role, frozenset(flows) or None), comment=comment))
    return OK


@keys.command("list", examples=[("dagflow keys list", "list the keys without their contents")])
@options.store
@options.keys
@options.as_json
def list_(*, store: str, keys: str | None, is_json: bool) -> int:
    """List the keys, without their contents."""
    from rich.text import Text

    from dagflow.app.documents.values import rfc3339
    from dagflow.cli.output.columns import aligned
    from dagflow.cli.output.console import console
    from dagflow.cli.output.documents import KeyDocument
    from dagflow.cli.output.text import instant, json_text, printable

    found = _file(store, keys).keys()
    if is_json:
        documents: list[KeyDocument] = [
            {
                "id": key.id,
                "tenant": key.tenant,
                "role": key.role.value,
                "flows": None if key.flows is None else [*key.flows],
                "comment": key.comment,
                "created_at": rfc3339(key.created_at),
            }
            for key in found
        ]
        print(json_text(documents))
        return OK
    if not found:
        print("no keys; `dagflow keys create --role ROLE` creates one", file=sys.stderr)
        return OK
    rows = [
        [
            Text(key.id),
            Text(key.role.value),
            Text(printable(key.tenant)),
            Text("all" if key.flows is None else printable(", ".join(key.flows))),
            Text(instant(key.created_at)),
            Text(printable(key.comment)),
        ]
        for key in found
    ]
    out = console()
    out.print(aligned(["id", "role", "tenant", "flows", "created (UTC)", "comment"], rows, out.width, elastic={3: 8, 5: 8}))
    return OK


@keys.command(examples=[("dagflow keys revoke 3f9c0b1d2e4a", "refuse a key from now on")])
@argument("key", metavar="ID", about="the id of a key, as `dagflow keys list` prints it")
@options.store
@options.keys
def revoke(*, key: str, store: str, keys: str | None) -> int:
    """Revoke a key: a service that runs refuses it from its next request on."""
    from dagflow.cli.output.text import printable

    _file(store, keys).revoke(key)
    print(f"revoked {printable(key)}", file=sys.stderr)
    return OK


def _file(store: str, given: str | None) -> KeyFile:
    from dagflow.cli.serving import keys_path
    from dagflow.errors import UsageError
    from dagflow.web.keys import KeyFile

    path = keys_path(store, given)
    if path is None:
        raise UsageError(f"`--keys` must name the file of keys where the store is no file; got the store {store}")
    return KeyFile(path)
