"""The interface that an interpreter requires of a host."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from dagflow.actions.runner import Runner
from dagflow.actions.secrets import Redactor
from dagflow.execution.performer import Performer
from dagflow.execution.program import Program
from dagflow.model.action import Interface


class ActionCatalog(Protocol):
    """The actions of a host, by signature and by call, for an interpreter. `dagflow.Catalog` implements it."""

    @property
    def interface(self) -> Interface:
        """The signatures."""
        ...

    def performer(self, runner: Runner) -> Performer:
        """What calls them."""
        ...


@runtime_checkable
class Redacts(Protocol):
    """A catalog that knows the contents of secrets."""

    def redactor(self, names: Collection[str]) -> Redactor:
        """Return a redactor for the contents of these secrets."""
        ...


@runtime_checkable
class ChecksTenants(Protocol):
    """A catalog that allows less to some tenants than to others."""

    def check_tenant(self, tenant: str, program: Program) -> None:
        """Check that a run of this program may go on. Raises UsageError: its tenant may not use one of its actions, events or secrets."""
        ...
