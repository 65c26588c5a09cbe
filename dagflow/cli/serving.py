"""Serving flows over HTTP: what `dagflow serve` does."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import trio

from dagflow.app.interpreter import Interpreter
from dagflow.app.service.service import Service
from dagflow.cli.exit_codes import OK
from dagflow.cli.http_api import HttpApi
from dagflow.cli.signals import until_stopped
from dagflow.cli.sources import load_flows, load_host
from dagflow.errors import DagflowError, FlowInvalid, UsageError
from dagflow.webhooks import GitHub, Scheme, Slack, StandardWebhooks, Stripe, Unsigned

#: The variable with the token.
TOKEN: Final = "DAGFLOW_TOKEN"  # noqa: S105 - the name of a variable
_SCHEMES: Final[dict[str, Callable[[Sequence[str]], Scheme]]] = {
    "standard": StandardWebhooks,
    "github": GitHub,
    "stripe": Stripe,
    "slack": Slack,
}


def serve_flows(
    files: Sequence[str],
    *,
    store: str,
    actions: str | None,
    listen: str,
    is_without_token: bool,
    webhooks: Sequence[str],
    takeover: bool,
) -> int:
    """Serve until a signal comes.

    Args:
        files: flows to publish first.
        store, actions: as of the options of these names.
        listen: HOST:PORT.
        is_without_token: requests need no token.
        webhooks: each NAME=SCHEME:VARIABLE.
        takeover: wait for a process that drives the store.

    Raises:
        UsageError: an option does not fit, or the server is not installed.
        FlowInvalid: a file has errors.
        StoreError: the store failed.
    """
    address = _address(listen)
    token = _token(address[0], is_without=is_without_token)
    schemes = dict(_webhook(each) for each in webhooks)
    run_server = _hypercorn()
    host = load_host(actions, files[0] if files else None)
    compilations = [load_flows(file, host.catalog) for file in files]
    for compilation in compilations:
        if compilation.has_errors:
            raise FlowInvalid(compilation.diagnostics, compilation.render())

    async def main() -> int:
        async with Service.open(store, catalog=host.catalog, webhooks=schemes, takeover=takeover) as service:
            for compilation in compilations:
                for name in compilation.flows:
                    version = await service.publish(compilation, name=name)
                    print(f"published {version.flow}, version {version.number}", file=sys.stderr)

            async def body(_: Interpreter) -> int:
                await run_server(HttpApi(service, host.catalog, token), address)
                return OK

            await until_stopped(service.interpreter, body)
        return OK

    try:
        return trio.run(main, strict_exception_groups=True, restrict_keyboard_interrupt_to_checkpoints=True)
    except BaseExceptionGroup as group:
        ours, rest = group.split(DagflowError)
        if ours is None or rest is not None:
            raise
        raise _first(ours) from group


def _first(group: BaseExceptionGroup[DagflowError]) -> DagflowError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _hypercorn() -> Any:
    try:
        from hypercorn.config import Config  # noqa: PLC0415 - only who serves needs it
        from hypercorn.trio import serve as run  # noqa: PLC0415 # pyright: ignore[reportUnknownVariableType]
    except ImportError:
        raise UsageError("`dagflow serve` needs a server: `pip install 'dagflow[serve]'`") from None

    async def run_server(application: HttpApi, address: tuple[str, int]) -> None:
        config = Config()
        host, port = address
        config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
        config.accesslog, config.loglevel = None, "WARNING"
        config.h11_max_incomplete_size = 64 * 1024
        async with trio.open_nursery() as nursery:
            served = partial(run, application, config, shutdown_trigger=trio.sleep_forever)  # type: ignore[arg-type]
            bound: Sequence[str] = await nursery.start(served)
            for url in bound:
                print(f"listening on {url}", file=sys.stderr, flush=True)

    return run_server


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"`--listen` must be HOST:PORT, such as 127.0.0.1:8321; got {text!r}")
    return host, int(port)


def _token(host: str, *, is_without: bool) -> str | None:
    token = os.environ.get(TOKEN)
    if not is_without:
        if not token:
            raise UsageError(f"set {TOKEN} to the token that requests have to bear, or add `--no-token` on a loopback address")
        return token
    if not _is_loopback(host):
        raise UsageError(f"`--no-token` must go with a loopback address such as 127.0.0.1; got {host!r}")
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _webhook(text: str) -> tuple[str, Scheme]:
    name, _, rest = text.partition("=")
    kind, _, variable = rest.partition(":")
    if name and kind == "unsigned" and not variable:
        return name, Unsigned()
    if not name or kind not in _SCHEMES or not variable:
        known = ", ".join(sorted(_SCHEMES))
        raise UsageError(f"`--webhook` must be NAME=SCHEME:VARIABLE with a scheme of {known}, or NAME=unsigned; got {text!r}")
    secrets = os.environ.get(variable, "").split()
    if not secrets:
        raise UsageError(f"set {variable} to the secret of the webhook {name!r}; two secrets are parted by a blank")
    return name, _SCHEMES[kind](secrets)
