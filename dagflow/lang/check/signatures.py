"""The signature of a flow: all that its callers, in this file or another, know of it."""

from __future__ import annotations

import attrs

from dagflow.model.types import Field, Type


@attrs.frozen(kw_only=True)
class Signature:
    """The signature of a flow for its callers.

    Attributes:
        key: by which nodes name it.
        params: its input; where that comes from triggers, one parameter of the name it has there.
        can_undo: whether something in it has an `undo`.
        depth: how many flows are inside each other where it is called, itself counted.
        is_loose: its head has errors, so that arguments are not checked.
        repeats: an action in it that another attempt of the call would repeat, with an effect that its peer cannot recognise; or "".
    """

    key: str
    params: tuple[Field, ...]
    result: Type
    can_undo: bool = False
    depth: int = 1
    is_loose: bool = False
    repeats: str = ""
