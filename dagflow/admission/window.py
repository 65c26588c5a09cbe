"""Count by key what happened within the last period."""

from __future__ import annotations

from collections import deque

import attrs

from dagflow.model.policies import Rate, Throttle


@attrs.define(eq=False)
class Window:
    """At most `limit` instants of a key lie in any `period_ns` nanoseconds. Instants are added in ascending order.

    A key without recent instants takes no memory.
    """

    limit: int
    period_ns: int
    _by_key: dict[str, deque[int]] = attrs.field(factory=dict[str, deque[int]])
    _in_order: deque[tuple[int, str]] = attrs.field(factory=deque[tuple[int, str]])

    @classmethod
    def of(cls, policy: Rate | Throttle | None) -> Window | None:
        """The window of a policy, if there is one."""
        return None if policy is None else cls(policy.limit, policy.period_ns)

    def add(self, key: str, at: int) -> None:
        """Something happened."""
        self._by_key.setdefault(key, deque()).append(at)
        self._in_order.append((at, key))

    def room_at(self, key: str, now: int) -> int:
        """The earliest instant, from `now` on, at which the limit allows one more."""
        self._forget(now)
        instants = self._by_key.get(key, ())
        return now if len(instants) < self.limit else instants[-self.limit] + self.period_ns

    def recent(self, now: int) -> list[tuple[str, int]]:
        """The key and the instant of all that still counts, in ascending order of the instants."""
        self._forget(now)
        return [(key, at) for at, key in self._in_order]

    def _forget(self, now: int) -> None:
        while self._in_order and self._in_order[0][0] <= now - self.period_ns:
            _, key = self._in_order.popleft()
            instants = self._by_key[key]
            instants.popleft()
            if not instants:
                del self._by_key[key]
