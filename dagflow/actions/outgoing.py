"""Headers that requests of actions carry beside their own, such as the `traceparent` of an observer."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
#: By name in lower case. A header of the flow with the same name counts instead.
outgoing_headers: Final[ContextVar[Mapping[str, str]]] = ContextVar("dagflow_outgoing_headers", default=_NONE)
