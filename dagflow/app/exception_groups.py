"""Unwrap the exception of a block from the groups of its nursery."""

from __future__ import annotations

from typing import cast


def sole(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception in a group and in groups in it; the group itself where there are several."""
    if len(group.exceptions) != 1:
        return group
    only = group.exceptions[0]
    return sole(cast("BaseExceptionGroup[BaseException]", only)) if isinstance(only, BaseExceptionGroup) else only
