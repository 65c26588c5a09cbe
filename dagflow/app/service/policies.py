"""Policies of tenants: their limits, actions, events and secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeAlias, cast, runtime_checkable
from weakref import WeakKeyDictionary

import attrs

from dagflow.actions.runner import Runner
from dagflow.actions.secrets import Redactor
from dagflow.app.catalogs import ActionCatalog, Redacts
from dagflow.app.outcomes import Manifest
from dagflow.app.service.manifests import manifest_of
from dagflow.errors import UsageError
from dagflow.execution.performer import Performer
from dagflow.execution.program import Program
from dagflow.lang.bounds.bounds import bounds
from dagflow.lang.limits import Limits, RunLimits
from dagflow.model.action import Interface
from dagflow.model.destinations import is_event_allowed


@attrs.frozen(kw_only=True)
class TenantPolicy:
    """The permissions of a tenant. None means everything that the catalog has.

    Attributes:
        limits: for one run of each flow; as of `Limits.run`.
        actions: names of the actions that its flows may call.
        reads: names of events that may start its flows, wake its runs or cancel them, with `*` for any text. emits: likewise, of events it may emit.
        secrets: contents of its secrets by name, or functions that return them; with None its flows have the secrets of the catalog.
    """

    limits: RunLimits | None = None
    actions: Collection[str] | None = None
    reads: Collection[str] | None = None
    emits: Collection[str] | None = None
    secrets: Mapping[str, str | Callable[[], str]] | None = attrs.field(default=None, repr=False)


#: By the name of a tenant: a mapping, or a function. A tenant that has none does not exist.
PolicySource: TypeAlias = Mapping[str, TenantPolicy] | Callable[[str], TenantPolicy]


@runtime_checkable
class HasTenantSecrets(Protocol):
    """A performer whose secrets depend on the tenant; that of `dagflow.Catalog` is one."""

    def with_secrets_of(self, secrets_of: Callable[[str], Mapping[str, str | Callable[[], str]] | None]) -> Performer:
        """The same performer; `secrets_of` returns the secrets of a tenant, None for those of the host."""
        ...


@attrs.frozen(eq=False)
class Policies:
    """The policies of all tenants."""

    _source: PolicySource | None = None
    _manifests: WeakKeyDictionary[Program, Manifest] = attrs.field(factory=WeakKeyDictionary[Program, Manifest])

    def of(self, tenant: str) -> TenantPolicy:
        """The policy of a tenant. The tenant "" is the host itself.

        Raises:
            UsageError: the host has no policy for this tenant.
        """
        if self._source is None or not tenant:
            return TenantPolicy()
        try:
            policy = self._source(tenant) if callable(self._source) else self._source[tenant]
        except LookupError:
            raise UsageError(f"there is no tenant {tenant!r}; add it to `policies` of `Service.open`") from None
        if not isinstance(cast("object", policy), TenantPolicy):
            raise UsageError(f"the policy of the tenant {tenant!r} must be a TenantPolicy; got {type(policy).__name__}")
        return policy

    def check(self, tenant: str, program: Program) -> None:
        """Check that a tenant's flow may run. Raises UsageError: it does something that the policy does not allow."""
        policy = self.of(tenant)
        manifest = self._manifests.get(program)
        if manifest is None:
            manifest = self._manifests[program] = manifest_of(program)
        _check(tenant, "call", manifest.actions, policy.actions)
        _check(tenant, "read the event", manifest.events, policy.reads, are_patterns=True)
        _check(tenant, "emit the event", manifest.emits, policy.emits, are_patterns=True)
        _check(tenant, "use the secret", manifest.secrets, policy.secrets)

    def check_limits(self, tenant: str, program: Program) -> None:
        """Check the bounds of a flow. Raises UsageError: they exceed the limits of the tenant."""
        limits = self.of(tenant).limits
        if limits is None or limits.is_unlimited:
            return
        found = bounds(program.flow)
        for words, value, most in (
            ("take {} steps", found.steps.value, limits.steps),
            ("make {} calls at once", found.parallel, limits.parallel),
            ("take {} nanoseconds", found.duration_ns, limits.duration_ns),
            ("start {} runs", found.runs_started.value, limits.runs_started),
            ("emit {} events", found.events_sent.value, limits.events_sent),
            ("take {} steps in expressions", found.expression_cost.value, limits.expression_cost),
        ):
            if most is not None and value > most:
                raise UsageError(
                    f"the flow {program.flow.name!r} may {words.format(value)}; the limit of the tenant {tenant!r} is {most}"
                )

    def compiler_limits(self, tenant: str) -> Limits | None:
        """The limits for the texts of a tenant; None for those of the language."""
        limits = self.of(tenant).limits
        return None if limits is None else Limits(run=limits)


def _check(
    tenant: str, what: str, used: Collection[str], allowed: Collection[str] | None, *, are_patterns: bool = False
) -> None:
    if allowed is None:
        return
    patterns = tuple(allowed)
    for name in used:
        if not (is_event_allowed(name, patterns) if are_patterns else name in allowed):
            known = ", ".join(sorted(allowed)) or "none"
            raise UsageError(f"the tenant {tenant!r} may not {what} `{name}`; its policy allows: {known}")


@attrs.frozen(eq=False)
class TenantCatalog:
    """A catalog whose flows obey the policies of their tenants; see `app.catalogs.ActionCatalog` and `ChecksTenants`."""

    _catalog: ActionCatalog
    _policies: Policies

    @property
    def interface(self) -> Interface:
        """See `ActionCatalog.interface`."""
        return self._catalog.interface

    def performer(self, runner: Runner) -> Performer:
        """See `ActionCatalog.performer`. Raises UsageError: its performer cannot tell tenants apart."""
        performer = self._catalog.performer(runner)
        if not isinstance(performer, HasTenantSecrets):
            raise UsageError("`policies` need a catalog whose performer has `with_secrets_of`; `dagflow.Catalog` is one")
        return performer.with_secrets_of(lambda tenant: self._policies.of(tenant).secrets)

    def redactor(self, names: Collection[str]) -> Redactor:
        """See `Redacts`."""
        return self._catalog.redactor(names) if isinstance(self._catalog, Redacts) else Redactor()

    def check_tenant(self, tenant: str, program: Program) -> None:
        """See `ChecksTenants`."""
        self._policies.check(tenant, program)
