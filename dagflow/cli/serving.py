"""Serving flows over HTTP: what `dagflow serve` does."""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from dagflow.app.interpreter import Interpreter
from dagflow.app.service.service import Service
from dagflow.cli.exit_codes import OK
from dagflow.cli.logs import LogOptions, logging_to_stderr
from dagflow.cli.metrics import observing
from dagflow.cli.signals import until_stopped
from dagflow.cli.sources import load_flows, load_host
from dagflow.errors import DagflowError, FlowInvalid, UsageError
from dagflow.store.open import is_url
from dagflow.webhooks import GitHub, Scheme, Slack, StandardWebhooks, Stripe, Unsigned

if TYPE_CHECKING:
    from dagflow.web import Application

#: The variable with the secrets of signed tokens, parted by blanks.
SIGNING_KEY: Final = "DAGFLOW_SIGNING_KEY"
#: The variable with the token of the administrator.
TOKEN: Final = "DAGFLOW_TOKEN"  # noqa: S105 - the name of a variable
_SCHEMES: Final[dict[str, Callable[[Sequence[str]], Scheme]]] = {
    "standard": StandardWebhooks,
    "github": GitHub,
    "stripe": Stripe,
    "slack": Slack,
}


@attrs.frozen(kw_only=True)
class Serving:
    """The options of `dagflow serve`.

    Attributes:
        store, actions: as of the options of these names.
        listen: HOST:PORT. hosts: the names that clients may call it by; any if there are none.
        origins: of pages elsewhere that may change something.
        is_without_token: a request without a credential may do everything as the tenant "".
        keys: the file of API keys, or None for the one beside the store.
        webhooks: each NAME=SCHEME:VARIABLE.
        takeover: wait for a process that drives the store. keep_seconds: how long ended runs are kept.
        log: how it logs.
        metrics: HOST:PORT of the metrics for Prometheus, if they are served.
        otel: report to OpenTelemetry.
    """

    store: str
    actions: str | None
    listen: str
    hosts: Sequence[str]
    origins: Sequence[str]
    is_without_token: bool
    keys: str | None
    webhooks: Sequence[str]
    takeover: bool
    keep_seconds: float | None
    log: LogOptions
    metrics: str | None
    otel: bool


def serve_flows(files: Sequence[str], options: Serving) -> int:
    """Publish the flows of files, and serve until a signal comes.

    Raises:
        UsageError: an option does not fit, or the server is not installed.
        FlowInvalid: a file has errors.
        StoreError: the store failed.
    """
    address = _address(options.listen, "--listen")
    metrics_at = None if options.metrics is None else _address(options.metrics, "--metrics")
    run_server = _hypercorn()
    make_app = _application(address[0], options)
    schemes = dict(_webhook(each) for each in options.webhooks)
    host = load_host(options.actions, files[0] if files else None)
    compilations = [load_flows(file, host.catalog) for file in files]
    for compilation in compilations:
        if compilation.has_errors:
            raise FlowInvalid(compilation.diagnostics, compilation.render())

    async def main(announce: Callable[[str], None]) -> int:
        with observing(metrics_at, announce, is_traced=options.otel) as observers:
            opened = Service.open(
                options.store,
                catalog=host.catalog,
                webhooks=schemes,
                takeover=options.takeover,
                observers=observers,
                keep_seconds=options.keep_seconds,
            )
            return await serve(opened, announce)

    async def serve(opened: AbstractAsyncContextManager[Service], announce: Callable[[str], None]) -> int:
        async with opened as service:
            for compilation in compilations:
                for name in compilation.flows:
                    version = await service.publish(compilation, name=name)
                    announce(f"published {version.flow}, version {version.number}")

            async def body(_: Interpreter) -> int:
                await run_server(make_app(service), address, announce)
                return OK

            await until_stopped(service.interpreter, body, announce)
        return OK

    try:
        with logging_to_stderr(options.log, host.catalog) as announce:
            return trio.run(main, announce, strict_exception_groups=True, restrict_keyboard_interrupt_to_checkpoints=True)
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

    async def run_server(application: Application, address: tuple[str, int], announce: Callable[[str], None]) -> None:
        config = Config()
        host, port = address
        config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
        # A logger of its own would write to standard error in a form of its own.
        errors = logging.getLogger("hypercorn.error")
        errors.setLevel(logging.WARNING)
        config.accesslog, config.errorlog, config.include_server_header = None, errors, False
        config.h11_max_incomplete_size = 64 * 1024
        async with trio.open_nursery() as nursery:
            served = partial(run, application, config, shutdown_trigger=trio.sleep_forever)  # type: ignore[arg-type]
            bound: Sequence[str] = await nursery.start(served)
            for url in bound:
                announce(f"listening on {url}")

    return run_server


def _address(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"`{option}` must be HOST:PORT, such as 127.0.0.1:8321; got {text!r}")
    return host, int(port)


def _application(host: str, options: Serving) -> Callable[[Service], Application]:
    """Return what makes the application, with the credentials it accepts."""
    from dagflow.web import KeyFile, Tokens, app  # noqa: PLC0415 - only who serves needs it
    from dagflow.web.credentials import Credentials  # noqa: PLC0415 - likewise

    path = keys_path(options.store, options.keys)
    keys = None if path is None else KeyFile(path)
    secrets = os.environ.get(SIGNING_KEY, "").split()
    tokens = Tokens(secrets) if secrets else None
    token = None if options.is_without_token else os.environ.get(TOKEN)
    hosts = [*options.hosts]
    if options.is_without_token:
        if not _is_loopback(host):
            raise UsageError(f"`--no-token` must go with a loopback address such as 127.0.0.1; got {host!r}")
        # A page that makes its own name lead here could otherwise do everything.
        hosts = hosts or ["localhost", "127.0.0.1", "::1", host]
    elif not token and tokens is None and (keys is None or not keys.keys()):
        raise UsageError(
            f"set {TOKEN} to the token that requests have to bear, make a key with `dagflow keys create`,"
            " or add `--no-token` on a loopback address"
        )
    credentials = Credentials(token, keys, tokens, options.is_without_token)
    return lambda service: app(service, authorize=credentials, hosts=hosts, origins=options.origins)


def keys_path(store: str, given: str | None) -> Path | None:
    """Return the path of the file of keys: the given one, or the one beside the store; None for a store that is no file."""
    if given is not None:
        return Path(given)
    return None if is_url(store) or store == ":memory:" else Path(f"{store}.keys")


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
        raise UsageError(
            f"`--webhook` must be NAME=SCHEME:VARIABLE or TENANT/NAME=SCHEME:VARIABLE with a scheme of {known}, or NAME=unsigned; got {text!r}"
        )
    secrets = os.environ.get(variable, "").split()
    if not secrets:
        raise UsageError(f"set {variable} to the secret of the webhook {name!r}; two secrets are parted by a blank")
    return name, _SCHEMES[kind](secrets)
