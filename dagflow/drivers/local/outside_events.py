"""Events from outside on their way into the store, where each id of a tenant is kept once."""

from __future__ import annotations

import attrs

from dagflow.drivers.local.batch import Sending
from dagflow.drivers.local.group_commit import Writer
from dagflow.store.api import SentEvent


@attrs.define(eq=False)
class OutsideEvents:
    """The events from outside that are not over yet: not in the store, or not handed out.

    Attributes:
        is_open: whether events are written; those that come later are not kept.
    """

    _writer: Writer
    is_open: bool = False
    #: By the tenant and the id of the event.
    _sendings: dict[tuple[str, str], Sending] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return len(self._sendings)

    async def send(self, event: SentEvent, *, is_fresh: bool) -> Sending | None:
        """Store an event and wait until it has been handed out; None if its id was known. It may come back without being kept.

        `is_fresh`: no event can have this id yet. Raises StoreError.
        """
        place = event.tenant, event.id
        earlier = self._sendings.get(place)
        if earlier is not None:
            await earlier.is_over.wait()
            return None
        sending = self._sendings[place] = Sending(event)
        try:
            if not is_fresh and await self._writer.reading(lambda: self._writer.store.has_event(*place)):
                return None
            if self.is_open:
                self._writer.send(sending)
                await sending.is_over.wait()
            return sending
        finally:
            sending.is_over.set()
            del self._sendings[place]

    def give_up(self) -> None:
        """Nothing is written any more: release all that wait."""
        for sending in self._sendings.values():
            sending.is_over.set()
