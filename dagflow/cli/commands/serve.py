"""`dagflow serve`: flows are published, start by events, schedules and webhooks, and are driven until a signal comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Choice, Command, argument

if TYPE_CHECKING:
    from dagflow.cli.logs import LogFormat, LogLevel


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
@click.option("--no-token", is_flag=True, help="Require no credential; only on a loopback address.")
@options.keys
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Accept only requests for this host. Default: any.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="Accept changes from pages of this origin, such as https://app.example.com.",
)
@click.option(
    "--webhook",
    multiple=True,
    metavar="NAME=SCHEME:VARIABLE",
    help="Accept this webhook, signed by a scheme (standard, github, stripe, slack) with the secret in a variable, or NAME=unsigned; TENANT/NAME for a tenant.",
)
@click.option("--takeover", is_flag=True, help="Wait while another process drives the store, and serve once that stops.")
@click.option("--keep", metavar="DURATION", help="Remove runs that ended longer ago than this, such as 30d. Default: keep all.")
@click.option(
    "--log-format",
    type=Choice(["text", "json"]),
    default="text",
    help="Lines of the log on standard error: text, or one JSON document per line. Default: text.",
)
@click.option(
    "--log-level",
    type=Choice(["debug", "info", "warning", "error"]),
    default="warning",
    help="The least level to log: error (somebody has to act), warning (a failed attempt), info (runs begin and end). Default: warning.",
)
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    default=None,
    help="Serve metrics for Prometheus at /metrics of this address; needs `pip install 'dagflow[prometheus]'`.",
)
@click.option(
    "--otel",
    is_flag=True,
    help="Report traces and metrics to OpenTelemetry, as `opentelemetry-instrument` sets it up; needs `pip install 'dagflow[otel]'`.",
)
@options.store
@options.actions
def serve(
    *,
    files: tuple[str, ...],
    listen: str,
    no_token: bool,
    keys: str | None,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    webhook: tuple[str, ...],
    takeover: bool,
    keep: str | None,
    log_format: LogFormat,
    log_level: LogLevel,
    metrics: str | None,
    otel: bool,
    store: str,
    actions: str | None,
) -> int:
    """Publish flows and start their runs by events, schedules and webhooks.

    Requests bear the token in DAGFLOW_TOKEN, a key of `dagflow keys`, or a token signed with DAGFLOW_SIGNING_KEY. SIGTERM drains.
    """
    from dagflow.app.run_filter import length_ns
    from dagflow.cli.logs import LogOptions
    from dagflow.cli.serving import Serving, serve_flows

    serving = Serving(
        store=store,
        actions=actions,
        listen=listen,
        hosts=hosts,
        origins=origins,
        is_without_token=no_token,
        keys=keys,
        webhooks=webhook,
        takeover=takeover,
        keep_seconds=None if keep is None else length_ns(keep, "--keep") / 1e9,
        log=LogOptions(log_format, log_level),
        metrics=metrics,
        otel=otel,
    )
    return serve_flows(files, serving)
