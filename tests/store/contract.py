"""What tests of stores share; the contract itself ships, in `dagflow.testing`."""

from __future__ import annotations

from dagflow.testing.stores import DIGEST, FLOW, StoreConformance, add, create, facts, run_row, sent

__all__ = ["DIGEST", "FLOW", "StoreConformance", "add", "create", "facts", "run_row", "sent"]
