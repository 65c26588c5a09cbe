"""One run at a time for each `singleton` key: which request may begin its run, and which ones wait for another to end."""

from __future__ import annotations

import attrs

from dagflow.admission.requests import Request
from dagflow.model.policies import WhileBusy


@attrs.define(eq=False)
class _Key:
    """The requests of one key.

    Attributes:
        running: those with a run. waiting: those without, in the order in which they came. admitted: the waiting one that may begin.
        cancelled: the running ones that were asked to end.
    """

    running: set[str] = attrs.field(factory=set[str])
    waiting: dict[str, Request] = attrs.field(factory=dict[str, Request])
    admitted: str = ""
    cancelled: set[str] = attrs.field(factory=set[str])


@attrs.define(eq=False)
class Singles:
    """All keys.

    Attributes:
        busy: as of `model.policies.Singleton`.

    A key has at most one running and one waiting request, except for those that an earlier version of the flow let in.
    """

    busy: WhileBusy
    _keys: dict[str, _Key] = attrs.field(factory=dict[str, _Key])

    def displace(self, key: str) -> list[Request]:
        """Remove and return the requests of a key that have no run yet: another one is added next."""
        found = self._keys.get(key)
        if found is None:
            return []
        displaced, found.waiting, found.admitted = found.waiting, {}, ""
        return list(displaced.values())

    def is_free(self, key: str) -> bool:
        """Whether no request of the key runs or waits."""
        return key not in self._keys

    def add(self, request: Request) -> Request | None:
        """A request waits from now on; returns it if it may begin."""
        key = self._keys.setdefault(request.keys.singleton, _Key())
        key.waiting[request.id] = request
        return self._admit(request.keys.singleton)

    def begin(self, request: Request) -> None:
        """The run of a request has begun."""
        key = self._keys.setdefault(request.keys.singleton, _Key())
        key.running.add(request.id)
        self._forget(key, request.id)

    def remove(self, request: Request) -> Request | None:
        """A request without a run waits no more; returns the one that may begin in its place, if any."""
        key = self._keys.get(request.keys.singleton)
        if key is not None:
            self._forget(key, request.id)
        return self._admit(request.keys.singleton)

    def end(self, request_id: str, key: str) -> Request | None:
        """The run of a request has ended; returns the one that may begin now, if any."""
        found = self._keys.get(key)
        if found is not None:
            found.running.discard(request_id)
            found.cancelled.discard(request_id)
        return self._admit(key)

    def to_cancel(self, key: str) -> list[str]:
        """Return the running requests of a key that have not been asked to end; from now on they have been."""
        found = self._keys.get(key)
        if found is None:
            return []
        news = sorted(found.running - found.cancelled)
        found.cancelled.update(news)
        return news

    def contended(self) -> list[str]:
        """The keys that have both a running and a waiting request."""
        return [key for key, found in self._keys.items() if found.running and found.waiting]

    @staticmethod
    def _forget(key: _Key, request_id: str) -> None:
        key.waiting.pop(request_id, None)
        if key.admitted == request_id:
            key.admitted = ""

    def _admit(self, key: str) -> Request | None:
        found = self._keys.get(key)
        if found is None or found.running or found.admitted:
            return None
        if not found.waiting:
            del self._keys[key]
            return None
        found.admitted = next(iter(found.waiting))
        return found.waiting[found.admitted]
