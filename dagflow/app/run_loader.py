"""Load runs from a store so that they can be driven, if the host has all their actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from weakref import WeakSet

import attrs

from dagflow.app.catalog_compatibility import misfit
from dagflow.app.catalogs import ActionCatalog, ChecksTenants
from dagflow.app.program_cache import Programs
from dagflow.clock import Clock
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.errors import DagflowError, RunBlocked, StoreError, UsageError, reading_run
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import Program
from dagflow.gc_tuning import without_collecting
from dagflow.ids import RunId
from dagflow.model.action import Interface
from dagflow.model.destinations import is_event_allowed
from dagflow.model.flow import NodeKind
from dagflow.store.api import Record, RunRow, Store

_PAGE = 500
#: Histories in memory at once, beside the runs they are read into.
_AT_ONCE = 50
UNDOING = frozenset({NodeKind.UNDO})
_CALLING = UNDOING | {NodeKind.ACTION}


def check_row(row: RunRow) -> None:
    """Refuse a run whose row is damaged, and no other. Raises StoreError."""
    if row.problem:
        raise StoreError(f"run {row.id} is damaged: {row.problem}")


def _allow_all(_tenant: str, _program: Program) -> None:
    """Without policies every tenant may do what the catalog offers."""


@attrs.define(eq=False)
class Loader:
    """Reads runs, in any thread."""

    _store: Store
    _clock: Clock
    _interface: Callable[[], Interface]
    _check_tenant: Callable[[str, Program], None]
    programs: Programs = attrs.field(factory=Programs)
    #: Programs that are known to fit the catalog, which never loses an action.
    _fitting: WeakSet[Program] = attrs.field(factory=WeakSet[Program])

    @classmethod
    def of(cls, store: Store, clock: Clock, catalog: ActionCatalog) -> Loader:
        """The loader for a store whose runs call the actions of this catalog."""
        check = catalog.check_tenant if isinstance(catalog, ChecksTenants) else _allow_all
        return cls(store, clock, lambda: catalog.interface, check)

    def load(self, row: RunRow) -> LoadedRun:
        """Restore a run from its history. Raises StoreError if that is damaged, RunBlocked if it cannot be restored."""
        return self._restored(row, self._store.history(row.id))

    def load_all(self, rows: Sequence[RunRow], check: Callable[[RunId], None]) -> list[LoadedRun | DagflowError]:
        """Each of these runs, or why it cannot go on: its history, its actions, or what `check` raises."""
        found: list[LoadedRun | DagflowError] = []
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            histories = self._store.histories([row.id for row in some])
            # All objects that this creates live for a while.
            with without_collecting():
                found += [self._checked(row, histories.get(row.id), check) for row in some]
        return found

    def _checked(self, row: RunRow, history: list[Record] | None, check: Callable[[RunId], None]) -> LoadedRun | DagflowError:
        try:
            check(row.id)
            live = self._restored(row, self._store.history(row.id) if history is None else history)
            self.check_actions(live.progress.program, tenant=row.tenant)
        except DagflowError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
            return RunBlocked.caused_by(row.id, error)
        return live

    def _restored(self, row: RunRow, history: list[Record]) -> LoadedRun:
        check_row(row)
        prepared = self.programs.load(self._store, row.digest)
        progress = RunInstance(prepared.program, row.id, tenant=row.tenant)
        with reading_run(row.id):
            progress.restore(history)
            if progress.machine.state.n_active:  # one that slept had no attempt
                progress.interrupt(max(self._clock.now(), progress.machine.state.now))
        return LoadedRun(progress, Pinned(prepared.digest, prepared.encoded), n_committed=len(history))

    def load_caught_up(self, row: RunRow) -> LoadedRun:
        """As `load`, with the events that came while it was not driven. Raises StoreError or RunBlocked."""
        live = self.load(row)
        self.catch_up(live)
        return live

    def catch_up(self, live: LoadedRun) -> None:
        """Deliver to a run the events that came while it was not driven. Raises StoreError or RunBlocked."""
        progress = live.progress
        names, tenant = progress.program.hears, progress.tenant
        while names and (sent := self._store.events(after=progress.mailbox.n_seen, limit=_PAGE, names=names, tenant=tenant)):
            with reading_run(live.run):
                for event in sent:
                    progress.deliver(event, max(self._clock.now(), progress.machine.state.now))

    def check_actions(self, program: Program, kinds: Collection[NodeKind] = _CALLING, *, tenant: str = "") -> None:
        """Check that a run may begin or resume: it can call its actions, emit its events, and its tenant may. Raises UsageError."""
        if kinds is _CALLING:
            self._check_tenant(tenant, program)
        if kinds is _CALLING and program.emits:
            self._check_emits(program)
        if program in self._fitting:
            return
        problem = misfit(program, self._interface().actions, kinds)
        if problem is not None:
            raise UsageError(problem)
        if kinds is _CALLING:
            self._fitting.add(program)

    def _check_emits(self, program: Program) -> None:
        """The second line behind the compiler: a flow may have been compiled against another catalog, or long ago."""
        allowed = self._interface().emits
        refused = [] if allowed is None else [name for name in sorted(program.emits) if not is_event_allowed(name, allowed)]
        if refused:
            names = ", ".join(f'"{name}"' for name in refused)
            raise UsageError(
                f"the flow {program.flow.name!r} emits {names}, which the catalog does not allow; add it to `emits`"
            )
