from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.actions.http_client import pool as module
from dagflow.actions.http_client.egress_policy import AddressPolicy
from dagflow.actions.http_client.pool import Connections, Names, Server

SERVERS = [Server(policy, "http", host, 80) for policy in (None, AddressPolicy(), AddressPolicy()) for host in ("a", "b")]
PEERS = ["192.0.2.1", "192.0.2.2"]


@attrs.define(eq=False)
class Fake:
    server: Server
    peer: str
    since: float
    until: float
    quiet: bool = True
    closed: bool = False

    def is_quiet(self) -> bool:
        return self.quiet

    async def aclose(self) -> None:
        assert not self.closed
        self.closed = True


SERVER = st.sampled_from(SERVERS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), SERVER, st.sampled_from(PEERS), st.sampled_from([0.0, 1.0, 4.0])),
        st.tuples(st.just("take"), SERVER, st.lists(st.sampled_from(PEERS), max_size=2), st.sampled_from([1.0, math.inf])),
        st.tuples(st.just("wait"), st.sampled_from([0.3, 1.0])),
        st.tuples(st.just("stir"), st.integers(0, 5)),
        st.tuples(st.just("sweep")),
    ),
    max_size=40,
)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(module, "MAX_IDLE", 5)
    monkeypatch.setattr(module, "MAX_IDLE_PER_SERVER", 2)


def eligible(fakes: list[Fake], server: Server, addresses: list[str], now: float, most_idle: float) -> list[Fake]:
    return [
        fake
        for fake in fakes
        if fake.server is server and fake.peer in addresses and fake.quiet and now < fake.until and fake.since > now - most_idle
    ]


@settings(max_examples=60)
@given(STEPS)
async def test_what_is_kept_is_given_once_to_whom_it_is_for_or_closed(steps):
    """Held against a list of everything that was kept and neither taken nor closed."""
    connections, now, fakes = Connections(is_kept=True), 100.0, list[Fake]()
    for step in steps:
        match step:
            case ("keep", server, peer, seconds):
                fake = Fake(server, peer, now, now + seconds)
                fakes.append(fake)
                n_before = len(connections)
                await connections.keep(server, fake, now, seconds)
                assert fake.closed == (seconds == 0 or (len(connections) == n_before and n_before < 5))
            case ("take", server, addresses, most_idle):
                wanted = eligible(fakes, server, addresses, now, most_idle)
                taken = await connections.take(server, addresses, now, most_idle)
                assert taken is (wanted[-1] if wanted else None)
                fakes = [fake for fake in fakes if fake is not taken]
            case ("wait", seconds):
                now += seconds
            case ("stir", index) if index < len(fakes):
                fakes[index].quiet = False
            case ("sweep",):
                await connections._sweep(now)
                assert all(fake.quiet and now < fake.until for fake in connections._idle)
        fakes = [fake for fake in fakes if not fake.closed]
        assert set(connections._idle) == set(fakes)
        assert len(connections) <= 5
        assert all(len(idle) <= 2 for idle in connections._by_server.values())
    await connections._close(list(connections._idle.values()))
    assert all(fake.closed for fake in fakes)
    assert not connections._by_server


async def test_the_longest_idle_makes_room():
    connections = Connections(is_kept=True)
    fakes = [Fake(SERVERS[n % 6], PEERS[0], n, 1_000) for n in range(6)]
    for fake in fakes:
        await connections.keep(fake.server, fake, fake.since, 1_000)
    assert [fake.closed for fake in fakes] == [True, False, False, False, False, False]


def test_names_are_known_for_a_moment(monkeypatch):
    monkeypatch.setattr(module, "MAX_NAMES", 2)
    names = Names()
    for now, host in enumerate("abca"):
        names.put(host, (host,), now / 10)
    assert [names.get(host, 0.4) for host in "abc"] == [("a",), None, ("c",)]
    assert [names.get(host, 2.2) for host in "ac"] == [("a",), None]
    names.forget("a")
    names.forget("never")
    assert names.get("a", 0.4) is None


def test_a_policy_is_like_no_other():
    assert AddressPolicy() != AddressPolicy()
    assert len({Server(policy, "http", "a", 80) for policy in (AddressPolicy(), AddressPolicy(), None, None)}) == 3
