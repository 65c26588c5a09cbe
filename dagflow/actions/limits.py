"""Limits of the results of actions."""

from __future__ import annotations

from typing import Final

#: Bytes of a result as JSON, since the history keeps it.
MAX_RESULT: Final = 1024 * 1024
