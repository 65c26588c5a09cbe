"""Flows from the database of a product: published as they change, each by itself."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Iterable
from functools import partial
from typing import Final, Protocol

import attrs
import trio

from dagflow.actions.host_function import is_coroutine_function
from dagflow.app.outcomes import Version
from dagflow.app.service.gates import RETIRED
from dagflow.app.service.tenant import Tenant
from dagflow.app.service.tenant_runs import Parts
from dagflow.errors import DagflowError, FlowInvalid, StoreError, UsageError

_logger: Final = logging.getLogger("dagflow.service")
#: Flows looked at before other tasks have their turn.
_TURN: Final = 32
#: How much of what was read is read again: a transaction may commit after its instant, and clocks differ. Unchanged texts cost little.
_OVERLAP_NS: Final = 60_000_000_000


@attrs.frozen(kw_only=True)
class SourcedFlow:
    """A flow of a source.

    Attributes:
        name: of the flow, which the text declares. tenant: its owner; "" where the host has no tenants.
        text: its source; None if the flow is to be retired.
        author, comment: stored with the version.
    """

    name: str
    text: str | None
    tenant: str = ""
    author: str = ""
    comment: str = ""


class FlowSource(Protocol):
    """Loads flows from the product's own database.

    A plain function runs in a thread, so it may block. An async one runs on the program's loop: that of trio, or of asyncio under
    `dagflow.asyncio`.
    """

    def flows(self, since: int | None) -> Iterable[SourcedFlow] | Awaitable[Iterable[SourcedFlow]]:
        """Return all flows, or at least those that have changed since an instant.

        Args:
            since: nanoseconds since 1970 UTC: a minute before the last look, so that a transaction that committed late is seen. None asks
                for all.
        """
        ...


@attrs.frozen(kw_only=True)
class Refresh:
    """The outcome of reading a source.

    Attributes:
        versions: the versions that were published or retired by it.
        problems: by tenant and name, why a flow could not be published; its last version goes on.
    """

    versions: tuple[Version, ...] = ()
    problems: dict[tuple[str, str], str] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Sourcing:
    """Publishes the flows of a source.

    Attributes:
        problems: by tenant and name, why a flow of the source is not published as it is there.
    """

    _source: FlowSource
    _parts: Parts
    problems: dict[tuple[str, str], str] = attrs.field(factory=dict[tuple[str, str], str])
    #: By tenant and name, the hash of the text that was looked at last.
    _seen: dict[tuple[str, str], bytes] = attrs.field(factory=dict[tuple[str, str], bytes])
    _since: int | None = None
    _lock: trio.Lock = attrs.field(factory=trio.Lock)

    async def refresh(self) -> Refresh:
        """Read the source, and publish what has changed. Raises StoreError, and whatever the source raises."""
        async with self._lock:
            began = self._parts.clock.now()
            versions: list[Version] = []
            problems: dict[tuple[str, str], str] = {}
            for number, flow in enumerate(await self._read()):
                if number % _TURN == _TURN - 1:
                    await trio.lowlevel.checkpoint()
                try:
                    version = await self._taken(flow)
                except StoreError:
                    raise
                except DagflowError as error:
                    problems[flow.tenant, flow.name] = str(error)
                    _logger.warning("the flow %r of the tenant %r is not published: %s", flow.name, flow.tenant, _title(error))
                else:
                    self.problems.pop((flow.tenant, flow.name), None)
                    versions += [] if version is None else [version]
            self._since = began - _OVERLAP_NS
            self.problems |= problems
            return Refresh(versions=tuple(versions), problems=problems)

    async def _read(self) -> Iterable[SourcedFlow]:
        read = partial(self._source.flows, self._since)
        if is_coroutine_function(self._source.flows):
            found = read()
        else:
            # Reading changes nothing, so a drain need not wait for it.
            found = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
        return await found if isinstance(found, Awaitable) else found

    async def poll(self, seconds: float, has_looked: trio.Event) -> None:
        """Refresh now and after every pause, for ever; a source that fails is asked again. `has_looked` is set after the first time."""
        while True:
            try:
                await self.refresh()
            except StoreError:
                raise
            except Exception:
                _logger.exception("the source of flows failed; it is asked again in %g s", seconds)
            has_looked.set()
            await trio.sleep(seconds)

    async def _taken(self, flow: SourcedFlow) -> Version | None:
        self._parts.policies.of(flow.tenant)
        tenant, place = Tenant(flow.tenant, self._parts), (flow.tenant, flow.name)
        digest = hashlib.sha256((flow.text or "").encode("utf-8", "surrogatepass") + bytes([flow.text is None])).digest()
        if self._seen.get(place) == digest:
            problem = self.problems.get(place)
            if problem is not None:
                raise UsageError(problem)
            return None
        self._seen[place] = digest
        try:
            known = (await tenant.versions(flow.name))[0]
        except UsageError:
            known = None
        if flow.text is None:
            return None if known is None or known.state == RETIRED else await tenant.retire(flow.name)
        if known is not None and known.text == flow.text and known.state != RETIRED:
            return None
        return await tenant.publish(flow.text, name=flow.name, author=flow.author, comment=flow.comment)


def _title(error: DagflowError) -> str:
    return error.diagnostics[0].title if isinstance(error, FlowInvalid) and error.diagnostics else str(error)


def check_seconds(seconds: float | None) -> None:
    """Check the pause between two looks at a source. Raises UsageError."""
    if seconds is not None and not seconds > 0:
        raise UsageError(f"`refresh_seconds` must be greater than 0, or None; got {seconds!r}")
