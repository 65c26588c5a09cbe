"""Many tenants in one store: opening, matching an event, and what a busy tenant costs another one.

Run with `python -m benchmarks.tenants [--tenants N] [--flows N] [--queued N] [--folder PATH]`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import trio
import trio.lowlevel

import dagflow
from benchmarks.sleepers import resident, say
from dagflow.app.service.crons import next_due
from dagflow.app.service.manifests import encoded, listeners_of
from dagflow.execution.program import prepare
from dagflow.model.flow import Flow
from dagflow.store.codec.flow import encode_flow, flow_digest
from dagflow.store.open import open_store
from dagflow.store.service_rows import PublishedRow

TEXT = """
event "order/paid" {{ kind: string, id: string }}
action touch(id: string) -> string effectful
flow f{0}(id: string) -> string {{
  {1}
  told = touch(id: id)
  return told
}}
"""
ON_EVENT = 'on event "order/paid" as e when e.kind == "k{0}" with (id: e.id)'
ON_CRON = 'on cron "{1} {0} * * *" with (id: "slot")'
BUSY = """
event "go" { id: string }
action touch(id: string) -> string effectful
flow busy(id: string) -> string {
  on event "go"
  told = touch(id: id)
  return told
}
"""


@attrs.define
class Calls:
    """What an action was called with, and how many seconds it takes where that begins with "slow"."""

    seconds: float = 0.0
    ids: list[str] = attrs.field(factory=list[str])

    def catalog(self) -> dagflow.Catalog:
        made = dagflow.Catalog()

        @made.action("touch", effect="effectful")
        async def touch(id: str) -> str:  # noqa: A002 - the word of the flow
            self.ids.append(id)
            if id.startswith("slow"):
                await trio.sleep(self.seconds)
            return id

        return made


def flows(catalog: dagflow.Catalog, n_flows: int) -> list[Flow]:
    """The flows of a tenant: one of them with a schedule."""
    compiled: list[Flow] = []
    for number in range(n_flows):
        trigger = ON_CRON if number == n_flows - 1 else ON_EVENT
        text = TEXT.format(number, trigger.format(number, number % 60))
        compiled.append(dagflow.compile(text, catalog=catalog).unwrap())
    return compiled


def fill(path: Path, made: Sequence[Flow], n_tenants: int) -> None:
    """Write what publishing would, without compiling each flow again."""
    now = time.time_ns()
    prepared = [(flow, prepare(flow), body := encode_flow(flow), flow_digest(body)) for flow in made]
    store = open_store(path)
    for number in range(n_tenants):
        tenant = f"tenant-{number:05}"
        for flow, program, body, digest in prepared:
            row = PublishedRow(
                tenant=tenant,
                flow=flow.name,
                number=1,
                digest=digest,
                state="active",
                at=now,
                manifest=encoded(program),
                text=flow.source,
            )
            store.publish(row, body, listeners_of(program, tenant), next_due(row, now))
    store.close()


async def serve(path: Path, n_tenants: int, n_flows: int) -> None:
    """Open the store, and send events to tenants that have had none, and to one that has."""
    calls = Calls()
    before, began = resident(), time.perf_counter()
    async with dagflow.Service.open(path, catalog=calls.catalog()) as service:
        say(f"open, {n_tenants:,} tenants × {n_flows} flows", f"{time.perf_counter() - began:.3f} s")
        say("memory", f"{before:.0f} MB before, {resident():.0f} MB after")
        step = max(1, n_tenants // 200)
        names = [f"tenant-{number:05}" for number in range(0, n_tenants, step)]
        nothing = [await timed(service.tenant(name).send, "order/paid", {"kind": "none", "id": name}) for name in names]
        show("event of a tenant not seen before, no flow matches", nothing)
        nothing = [await timed(service.tenant(name).send, "order/paid", {"kind": "none", "id": name}) for name in names]
        show("event of a tenant seen before, no flow matches", nothing)
        one = [await timed(service.tenant(name).send, "order/paid", {"kind": "k1", "id": name}) for name in names]
        show("event that starts one of the flows, first run of the tenant", one)
        again = [await timed(service.tenant(name).send, "order/paid", {"kind": "k1", "id": name}) for name in names]
        show("the same once more", again)
        router = service._parts.router  # noqa: SLF001 - the part of that which is matching
        event = next(iter(await trio.to_thread.run_sync(lambda: service._parts.store.events(after=0, limit=1))))  # noqa: SLF001
        took = []
        for number in range(step // 2 + 1, n_tenants, step):
            other = attrs.evolve(event, tenant=f"tenant-{number:05}")
            start = time.perf_counter()
            router._listening.flows(other)  # noqa: SLF001
            took.append(time.perf_counter() - start)
        show("of which matching, tenant not seen before", took)
        await service.interpreter.rest()


async def share(path: Path, n_senders: int) -> None:
    """How long an event of one tenant takes to its first step, while another one sends as fast as it can."""
    calls = Calls()
    async with dagflow.Service.open(path / "share.db", catalog=calls.catalog(), drain_seconds=0) as service:
        busy, quiet = await tenants(service, calls)
        idle = [await first_step(quiet, calls, f"idle {n}") for n in range(60)][10:]
        show("event → first step, idle", idle)
        async with trio.open_nursery() as nursery:
            for sender in range(n_senders):
                nursery.start_soon(send_many, busy, f"quick {sender}", 1_000_000)
            await trio.sleep(2.0)
            loaded = [await first_step(quiet, calls, f"loaded {n}") for n in range(50)]
            show(f"beside a tenant that sends from {n_senders} tasks", loaded)
            nursery.cancel_scope.cancel()
        say("ratio of the medians", f"{statistics.median(loaded) / statistics.median(idle):.2f}")


async def queued(path: Path, n_queued: int) -> None:
    """The same, beside a tenant whose runs all wait for room for their calls."""
    calls = Calls(3_600.0)
    async with dagflow.Service.open(path / "queued.db", catalog=calls.catalog(), drain_seconds=0) as service:
        busy, quiet = await tenants(service, calls)
        idle = [await first_step(quiet, calls, f"idle {n}") for n in range(60)][10:]
        show("event → first step, idle", idle)
        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for sender in range(200):
                nursery.start_soon(send_many, busy, f"slow {sender}", n_queued // 200)
        n_left = n_queued - sum(id_.startswith("slow") for id_ in calls.ids)
        say(f"queued in {time.perf_counter() - began:.0f} s", f"{n_left:,} runs whose call has not begun")
        loaded = [await first_step(quiet, calls, f"loaded {n}") for n in range(60)][10:]
        show("event → first step beside them", loaded)
        say("ratio of the medians", f"{statistics.median(loaded) / statistics.median(idle):.2f}")


async def tenants(service: dagflow.Service, calls: Calls) -> tuple[dagflow.Tenant, dagflow.Tenant]:
    """A busy and a quiet tenant, with the same flow."""
    flow = dagflow.compile(BUSY, catalog=calls.catalog()).unwrap()
    busy, quiet = service.tenant("busy"), service.tenant("quiet")
    for tenant in (busy, quiet):
        await tenant.publish(flow)
    return busy, quiet


async def first_step(tenant: dagflow.Tenant, calls: Calls, id_: str) -> float:
    """Seconds from sending an event to the call of the first action."""
    began = time.perf_counter()
    await tenant.send("go", {"id": id_})
    while id_ not in calls.ids[-2_000:]:
        await trio.lowlevel.checkpoint()
    return time.perf_counter() - began


async def send_many(tenant: dagflow.Tenant, sender: str, n: int) -> None:
    """Send events, one after the other."""
    for number in range(n):
        await tenant.send("go", {"id": f"{sender}-{number}"})


async def timed(call: Callable[..., object], *arguments: object) -> float:
    """Seconds that an awaited call takes."""
    began = time.perf_counter()
    await call(*arguments)  # type: ignore[misc]
    return time.perf_counter() - began


def show(name: str, seconds: Sequence[float]) -> None:
    """Print the median and the 99th percentile."""
    ordered = sorted(seconds)
    median, high = statistics.median(ordered) * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3
    say(name, f"median {median:.3f} ms, 99 % {high:.3f} ms")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--flows", type=int, default=20)
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder)
        if options.tenants:
            began = time.perf_counter()
            fill(path / "tenants.db", flows(Calls().catalog(), options.flows), options.tenants)
            say("filled", f"{time.perf_counter() - began:.0f} s, {(path / 'tenants.db').stat().st_size / 1e6:.0f} MB")
            trio.run(serve, path / "tenants.db", options.tenants, options.flows)
        if options.queued:
            trio.run(share, path, 500)
            trio.run(queued, path, options.queued)


if __name__ == "__main__":
    main()
