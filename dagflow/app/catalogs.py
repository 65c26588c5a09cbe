"""The interface that an interpreter requires of a host."""

from __future__ import annotations

from typing import Protocol

from dagflow.actions.performer import RunInThread
from dagflow.execution.performer import Performer
from dagflow.model.action import Interface


class ActionCatalog(Protocol):
    """The actions of a host, by signature and by call, for an interpreter. `dagflow.Catalog` implements it."""

    @property
    def interface(self) -> Interface:
        """The signatures."""
        ...

    def performer(self, run_in_thread: RunInThread) -> Performer:
        """What calls them."""
        ...
