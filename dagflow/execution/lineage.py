"""Runs that other runs have, and runs that other runs start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from dagflow.ids import RunId
from dagflow.model.flow import NodeKind

if TYPE_CHECKING:
    from dagflow.execution.instance import Progress

#: The nodes that wait for time or an event.
WAITS: Final = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT})


@attrs.frozen
class Requested:
    """A run that a `start` made, to begin together with the fact that says so. `key`: of its flow among the callees."""

    run: RunId
    key: str
    input: Mapping[str, object]
    at: int


@attrs.frozen
class Lineage:
    """Whose child a run is, and which one. `is_item`: of a loop; else of a call."""

    parent: Progress
    node: int
    number: int
    is_item: bool
