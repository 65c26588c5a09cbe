from __future__ import annotations

from dagflow.store import open_store
from tests.store.contract import StoreConformance


class TestMemory(StoreConformance):
    def open(self, folder):
        return open_store(":memory:")
