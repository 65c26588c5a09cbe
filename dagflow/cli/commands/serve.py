"""`dagflow serve`: flows are published, start by events, schedules and webhooks, and are driven until a signal comes."""

from __future__ import annotations

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument


@click.command(
    cls=Command,
    examples=[
        ("dagflow serve orders.flow --no-token", "publish the flows of a file, and listen on 127.0.0.1:8321"),
        (
            "dagflow serve --webhook stripe=stripe:STRIPE_SECRET",
            "accept a webhook that is signed with the secret in that variable",
        ),
    ],
)
@argument(
    "files",
    nargs=-1,
    metavar="FILE",
    type=options.FilePath(".flow"),
    about="a .flow file whose flows are published first",
)
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:8321", help="Where to listen. Default: 127.0.0.1:8321.")
@click.option("--no-token", is_flag=True, help="Require no token; only on a loopback address.")
@click.option(
    "--webhook",
    multiple=True,
    metavar="NAME=SCHEME:VARIABLE",
    help="Accept this webhook, signed by a scheme (standard, github, stripe, slack) with the secret in a variable, or NAME=unsigned.",
)
@click.option("--takeover", is_flag=True, help="Wait while another process drives the store, and serve once that stops.")
@options.store
@options.actions
def serve(
    *,
    files: tuple[str, ...],
    listen: str,
    no_token: bool,
    webhook: tuple[str, ...],
    takeover: bool,
    store: str,
    actions: str | None,
) -> int:
    """Publish flows and start their runs by events, schedules and webhooks.

    Requests bear the token in the environment variable DAGFLOW_TOKEN. SIGTERM drains.
    """
    from dagflow.cli.serving import serve_flows

    return serve_flows(
        files, store=store, actions=actions, listen=listen, is_without_token=no_token, webhooks=webhook, takeover=takeover
    )
