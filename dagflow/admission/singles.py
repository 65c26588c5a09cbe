"""One run at a time: which request of a `singleton` key or of a schedule may begin its run, and which ones wait for another to end."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.admission.requests import DropReason, Request
from dagflow.model.policies import WhileBusy


@attrs.frozen
class Line:
    """Requests of which one run at a time is under way.

    Attributes:
        key: that of `singleton`, or of the schedule. reason: why a request of the line is dropped; tells the two kinds of keys apart.
    """

    key: str
    busy: WhileBusy
    reason: DropReason


@attrs.define(eq=False)
class _Requests:
    """The requests of one line.

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
    """All lines.

    A line has at most one running and one waiting request, except for those that an earlier version of the flow let in.
    """

    _lines: dict[Line, _Requests] = attrs.field(factory=dict[Line, _Requests])

    def is_free(self, line: Line) -> bool:
        """Whether no request of the line runs or waits."""
        return line not in self._lines

    def displace(self, line: Line) -> list[Request]:
        """Remove and return the requests of a line that have no run yet: another one is added next."""
        found = self._lines.get(line)
        if found is None:
            return []
        displaced, found.waiting, found.admitted = found.waiting, {}, ""
        return list(displaced.values())

    def add(self, line: Line, request: Request) -> Request | None:
        """A request waits from now on; returns it if it may begin."""
        self._lines.setdefault(line, _Requests()).waiting[request.id] = request
        return self._admit(line)

    def begin(self, line: Line, request_id: str) -> None:
        """The run of a request has begun."""
        self._lines.setdefault(line, _Requests()).running.add(request_id)
        self._forget(line, request_id)

    def remove(self, line: Line, request_id: str) -> Request | None:
        """A request without a run waits no more; returns the one that may begin in its place, if any."""
        self._forget(line, request_id)
        return self._admit(line)

    def end(self, line: Line, request_id: str) -> Request | None:
        """The run of a request has ended; returns the one that may begin now, if any."""
        found = self._lines.get(line)
        if found is not None:
            found.running.discard(request_id)
            found.cancelled.discard(request_id)
        return self._admit(line)

    def to_cancel(self, line: Line) -> list[str]:
        """Return the running requests of a line that have not been asked to end; from now on they have been."""
        found = self._lines.get(line)
        if found is None:
            return []
        news = sorted(found.running - found.cancelled)
        found.cancelled.update(news)
        return news

    def outdated(self) -> Iterator[str]:
        """The running requests that waiting ones are to replace, as of `to_cancel`."""
        for line, found in self._lines.items():
            if line.busy is WhileBusy.REPLACE and found.waiting:
                yield from self.to_cancel(line)

    def _forget(self, line: Line, request_id: str) -> None:
        found = self._lines.get(line)
        if found is not None:
            found.waiting.pop(request_id, None)
            if found.admitted == request_id:
                found.admitted = ""

    def _admit(self, line: Line) -> Request | None:
        found = self._lines.get(line)
        if found is None or found.running or found.admitted:
            return None
        if not found.waiting:
            del self._lines[line]
            return None
        found.admitted = next(iter(found.waiting))
        return found.waiting[found.admitted]
