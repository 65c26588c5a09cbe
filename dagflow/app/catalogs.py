"""What an interpreter asks of a host."""

from __future__ import annotations

from typing import Protocol

from dagflow.actions.performer import RunInThread
from dagflow.execution.performer import Performer
from dagflow.model.action import Interface


class ActionCatalog(Protocol):
    """What an interpreter has to know of a host: its actions, by signature and by call. `dagflow.Catalog` is one."""

    @property
    def interface(self) -> Interface:
        """The signatures."""
        ...

    def performer(self, run_in_thread: RunInThread) -> Performer:
        """What calls them."""
        ...
