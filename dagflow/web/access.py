"""Roles, their permissions, and the principal that the host finds for a request."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias

import attrs
from starlette.requests import Request

from dagflow.app.entry_checks import checked_text
from dagflow.errors import UsageError


class Role(enum.StrEnum):
    """The role of a principal in its tenant; docs/web.md has the table of permissions."""

    #: Reads everything.
    VIEWER = "viewer"
    #: Reads, and writes and publishes flows.
    EDITOR = "editor"
    #: Reads, starts and cancels runs, and sends events.
    OPERATOR = "operator"
    #: Sends events, and reads nothing.
    SENDER = "sender"
    #: Everything.
    ADMIN = "admin"


class Permission(enum.StrEnum):
    """The permission that a route requires of a principal."""

    #: Nothing: the route says nothing about any tenant.
    PUBLIC = "public"
    #: The request is signed by the sender of a webhook, which the driver verifies.
    SIGNED = "signed"
    READ = "read"
    #: Checks, rehearses, publishes and retires flows.
    EDIT = "edit"
    #: Pauses and resumes flows.
    CONTROL = "control"
    #: Starts, cancels and withdraws.
    OPERATE = "operate"
    SEND = "send"
    #: Deletes runs with their histories.
    DELETE = "delete"


_P = Permission
#: The permissions of each role. A role that is missing has none.
GRANTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: frozenset({_P.READ}),
    Role.EDITOR: frozenset({_P.READ, _P.EDIT, _P.CONTROL}),
    Role.OPERATOR: frozenset({_P.READ, _P.CONTROL, _P.OPERATE, _P.SEND}),
    Role.SENDER: frozenset({_P.SEND}),
    Role.ADMIN: frozenset({_P.READ, _P.EDIT, _P.CONTROL, _P.OPERATE, _P.SEND, _P.DELETE}),
}


def _tenant(value: str) -> str:
    return checked_text(value, "the tenant of a principal") if value != "" else value


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        raise UsageError(f"a role must be one of {', '.join(Role)}; got {str(value)[:40]!r}") from None


def _flows(value: Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(value, str):
        raise UsageError(f"the flows of a principal must be a set of names; got the text {value[:40]!r}")
    return None if value is None else frozenset(value)


@attrs.frozen
class Principal:
    """Who makes a request, as its credential says.

    Attributes:
        tenant: whose flows and runs the request is about; "" for a host without tenants.
        role: a `Role`, or its word.
        flows: the only flows it may see and use; None for all of the tenant.
        key: a name for the credential; requests of one key share a rate.

    Raises:
        UsageError: the tenant is no short text, or there is no such role.
    """

    tenant: str = attrs.field(converter=_tenant)
    role: Role = attrs.field(converter=_role)
    flows: frozenset[str] | None = attrs.field(default=None, converter=_flows)
    key: str = attrs.field(default="", kw_only=True)

    def may(self, permission: Permission) -> bool:
        """Whether its role has a permission."""
        return permission in GRANTS.get(self.role, frozenset())

    def sees(self, flow: str) -> bool:
        """Whether it may see a flow of its tenant."""
        return self.flows is None or flow in self.flows


#: Finds the principal of a request; None if it has no credential, or a wrong one. It may be async.
Authorize: TypeAlias = Callable[[Request], Principal | Awaitable[Principal | None] | None]
