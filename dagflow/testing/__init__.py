"""For the tests of hosts: whether an action keeps what its effect class promises, and a store what stores promise."""

from __future__ import annotations

from dagflow.testing.actions import check_action, problems_of_action
from dagflow.testing.stores import StoreConformance

__all__ = ["StoreConformance", "check_action", "problems_of_action"]
