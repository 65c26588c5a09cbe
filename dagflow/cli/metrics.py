"""The observers of a process that serves: metrics at an address of their own, and OpenTelemetry.

Metrics have an address of their own, since they name the flows of all tenants and a scraper has no credential. It is answered in
a thread, so metrics can also be read while the event loop is blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from dagflow.errors import UsageError
from dagflow.telemetry import Observer, open_telemetry, prometheus


@contextmanager
def observing(
    address: tuple[str, int] | None, announce: Callable[[str], None], *, is_traced: bool
) -> Generator[tuple[Observer, ...]]:
    """Serve metrics inside of the block, and yield the observers.

    Raises:
        UsageError: a library is not installed, or the address cannot be used.
    """
    observers = (open_telemetry(),) if is_traced else ()
    if address is None:
        yield observers
        return
    try:
        from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415 - only this option needs it
    except ImportError:
        raise UsageError("`--metrics` needs a library: `pip install 'dagflow[prometheus]'`") from None
    registry = CollectorRegistry()
    observer = prometheus(registry)
    host, port = address
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(f"`--metrics` cannot listen on {host}:{port}: {error.strerror or error}") from error
    try:
        announce(f"metrics on http://{host}:{server.server_port}/metrics")
        yield (*observers, observer)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
