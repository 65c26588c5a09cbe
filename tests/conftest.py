"""Settings that every test shares."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from tests.postgres_server import Server

# The tests start some two hundred interpreters, each of which would compile dagflow again where no bytecode is to be written.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Machines are shared: how long an example takes says nothing about it. In CI the examples are the same every time, so that a red run
# is about the change; elsewhere each run looks in other places.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
# A planted bug has to be seen, not made small, which takes minutes.
settings.register_profile("planted", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("planted" if os.environ.get("DAGFLOW_PLANT") else "ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After they have been shuffled."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end, so nobody has to look through it for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A Postgres server, for all tests of a process."""
    from tests.postgres_server import Server  # noqa: PLC0415 - few tests need one

    server = Server()
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.remove()
