"""The blocks of a flow's text, for people who look at the flow: the graph has no more than their conditions and joins."""

from __future__ import annotations

import enum

import attrs

from dagflow.diagnostic import Span


class BlockKind(enum.StrEnum):
    """The kind of a block."""

    #: The whole flow.
    ROOT = "root"
    #: What the handler of a flow is for.
    BODY = "body"
    PARALLEL = "parallel"
    RACE = "race"
    DO = "do"
    IF = "if"
    SWITCH = "switch"
    FOR = "for"
    HANDLER = "handler"


@attrs.frozen
class Block:
    """A block of the text.

    Attributes:
        span: from its first word to its last brace, in the flow's text.
        name: the name that the author wrote, or "".
        first: of a RACE, how many branches win.
        guards: of a HANDLER, the span of the step or block whose failures it handles; else None. Such a block is beside it.
        inner: the blocks in it, in declared order; those of all arms of an IF and SWITCH.
    """

    kind: BlockKind
    span: Span
    name: str = ""
    first: int = 0
    guards: Span | None = None
    inner: tuple[Block, ...] = ()
