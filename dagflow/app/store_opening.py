"""Open the store that an interpreter drives, at once or after the process that drives it now."""

from __future__ import annotations

import os
from typing import Final

import trio

from dagflow.errors import StoreInUse
from dagflow.store.api import Store
from dagflow.store.open import open_store

#: Seconds between two looks at a store that another process drives.
_POLL_SECONDS: Final = 0.25


async def opened(path: str | os.PathLike[str], *, takeover: bool) -> Store:
    """Open the store at `path`; with `takeover` wait as long as another process drives it.

    Raises:
        StoreInUse: another process drives it, without `takeover`.
        StoreError: it cannot be opened.
    """
    while True:
        try:
            return await trio.to_thread.run_sync(open_store, path)
        except StoreInUse:
            if not takeover:
                raise
        await trio.sleep(_POLL_SECONDS)
