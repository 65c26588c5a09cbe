"""A compiled flow: the compiler makes it, drivers run it, stores keep it and tools show it. Plain frozen data.

Theory. A flow is a list of nodes in declared order and the edges between them. A node has at most one *gate*, the
innermost one around it; gates have gates of their own, so the chain is the whole path condition. Blocks with an
`on error` are *scopes*: a scope has a *catch* node, a gate the engine decides itself when everything in the scope has
settled: outcome 1 if a failure was caught (the handler's nodes hang on that), 0 if not.
"""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs

from dagflow.diagnostic import Span
from dagflow.model.action import Effect
from dagflow.model.blocks import Block
from dagflow.model.expression import Argument as Argument  # noqa: PLC0414 - part of a flow for its readers
from dagflow.model.expression import Expression as Expression  # noqa: PLC0414 - likewise
from dagflow.model.policies import Policies, Schedule, WhileBusy
from dagflow.model.types import RecordType, Type

if TYPE_CHECKING:
    import networkx as nx


class NodeKind(enum.StrEnum):
    """The work of a node when it is ready."""

    #: Calls a host action.
    ACTION = "action"
    #: Decides an outcome: 1/0 for `filter`, `if`, `when`; the index of the arm for `switch`, the `else` arm last.
    GATE = "gate"
    #: Computes a value, `let`.
    LET = "let"
    #: Sleeps for a duration.
    WAIT = "wait"
    #: Sleeps until an instant.
    WAIT_UNTIL = "wait until"
    #: Waits for an event: a gate as well, with outcome 1 if the event came and 0 if it did not in time.
    WAIT_EVENT = "wait event"
    #: Records an event for other flows.
    EMIT = "emit"
    #: Ends the run successfully, with the flow's result.
    RETURN = "return"
    #: Ends the run successfully, with a reason.
    STOP = "stop"
    #: Fails: as a failing step would, so an enclosing `on error` can catch it.
    FAIL = "fail"
    #: The gate before an `on error` block, see above. Decided by the engine alone.
    CATCH = "catch"
    #: Stands for a named `do` or `parallel` in an `after`: succeeds by itself once the block is over.
    GROUP = "group"
    #: Decides a `parallel first`: succeeds by itself once enough branches are done, and then stops the others. See `Race`.
    RACE = "race"
    #: Runs its body once for each item of a list, as a run of its own. See `Loop`.
    FOR = "for"
    #: Sets the value of an item of a `for`.
    YIELD = "yield"
    #: Calls another flow: a run of its own, whose end is the end of the attempt.
    CALL = "call"
    #: Starts a run of another flow, which is then independent.
    START = "start"
    #: Reverses a step: by an action, or, where the step had child runs, by their undo. See `UNWIND`.
    UNDO = "undo"
    #: The gate before all UNDO nodes. Decided by the engine when everything else is settled: 1 if the run failed or was cancelled.
    UNWIND = "unwind"


#: The kinds of nodes that wait for time or an event.
WAITING_KINDS: Final = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT})


class EdgeKind(enum.StrEnum):
    """Why one node comes after another (LANGUAGE 4.1)."""

    GATE = "gate"
    SEQ = "seq"
    DATA = "data"
    AFTER = "after"


class JoinKind(enum.StrEnum):
    """The demand of an `after` clause on the steps it names."""

    ALL = "all"
    ANY = "any"
    N_OF = "n of"
    SETTLED = "settled"


@attrs.frozen
class GateRef:
    """The condition a node stands under: that gate, with that outcome."""

    gate: str
    outcome: int


@attrs.frozen
class Join:
    """An `after` clause. `count`: how many of `sources` have to succeed, for `N_OF`."""

    kind: JoinKind
    sources: tuple[str, ...]
    count: int = 0


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When to try again. All durations in nanoseconds.

    Attributes:
        max_attempts: in all, the first included; 1 means no retry.
        initial_interval_ns: before the second attempt; each later one waits `backoff` times longer, up to `max_interval_ns`.
        backoff: 1 for pauses that are always the same; others are spread by chance.
        only: failure codes worth a retry; empty means every code that is not fatal.
    """

    max_attempts: int = 1
    initial_interval_ns: int = 1_000_000_000
    max_interval_ns: int = 600_000_000_000
    backoff: float = 2.0
    only: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Node:
    """A vertex of the compiled graph.

    Attributes:
        id: the step's name. Generated ones contain a dot (`filter.3f2a`, `charge.when`), so no author can write them.
        span: of the step in the flow's text.
        gate: the innermost condition around it, if any.
        scope: the innermost scope around it; the root scope has id "".
        action, arguments: for ACTION; `arguments` also for EMIT.
        event: the event's name, for EMIT and WAIT_EVENT.
        expression: the condition (GATE), value (LET, RETURN), length (WAIT), instant (WAIT_UNTIL), text (STOP, FAIL; may be None for STOP),
            or which events are meant (WAIT_EVENT; None for all of the name).
        cases: for a GATE from `switch`: per arm but the `else`, the values that choose it, as expressions; `expression` is the
            subject. Empty for the other gates.
        outcomes: for a GATE or CATCH, the word for each outcome, by index (`("no", "yes")`; for a switch, the arms).
        type: the type of the step's value.
        timeout_ns: of one attempt. within_ns: of all attempts together, or of a WAIT_EVENT.
        default: the value used when the step fails for good.
        catches: for CATCH, the id of its scope. binding: for CATCH, the name the failure is bound to, or "". For WAIT_EVENT, the name its
            condition reads the event by, or "".
        loop: for FOR; `expression` is the list.
        flow: for CALL and START, the key of the flow among the callees; `arguments` make its input.
        was: the name the step had before it was renamed, or "".
        is_filter: for a GATE, whether it ends its block where the condition is false, as `filter` does.
        at_most_once: an attempt with an unknown outcome fails, instead of being repeated.
        undoes: for UNDO, the id of the step, which is also its join. `action` and `arguments` call the reversal; if `action` is
        "", the child runs of the step are undone, the last one first.
    """

    id: str
    kind: NodeKind
    span: Span
    doc: str = ""
    effect: Effect = Effect.PURE
    gate: GateRef | None = None
    scope: str = ""
    join: Join | None = None
    action: str = ""
    arguments: tuple[Argument, ...] = ()
    event: str = ""
    expression: Expression | None = None
    cases: tuple[tuple[Expression, ...], ...] = ()
    outcomes: tuple[str, ...] = ()
    type: Type
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    timeout_ns: int | None = None
    within_ns: int | None = None
    default: Expression | None = None
    catches: str = ""
    binding: str = ""
    loop: Loop | None = None
    flow: str = ""
    undoes: str = ""
    was: str = ""
    at_most_once: bool = False
    is_filter: bool = False


@attrs.frozen(kw_only=True)
class Loop:
    """The work of a FOR for each item.

    Attributes:
        item, index: the names by which the body reads the item and its number, from 0; `index` may be "".
        most: the maximum number of items; a longer list fails the step before the first item starts.
        width: how many items run at a time.
        key: names an item for people and in `failed`; read with the names of the body. Two items of one key are an error. None: the index is the key.
        collects: an item that fails is listed, and the others go on. The step then reads as `{ok: list<V>, failed: list<{key, error}>}`,
            else as `list<V>`; in the order of the items, without the ones that yielded nothing.
        body: the flow of each item. Its input is `item` and `index`; it also reads the names that it needs of the surrounding
        flow, whose nodes the FOR comes after. Its `result` is the value of its YIELD nodes, of which one at most is reached.
    """

    item: str
    index: str = ""
    most: int
    width: int = 1
    key: Expression | None = None
    collects: bool = False
    body: Flow


@attrs.frozen
class Edge:
    """`source` before `target`, for each reason in `kinds` (in EdgeKind order); `outcome` is the one wanted, where a gate."""

    source: str
    target: str
    kinds: tuple[EdgeKind, ...]
    outcome: int | None = None


@attrs.frozen
class Scope:
    """A block whose failures are caught. The root scope is `Scope("", None, catch)`; its handler runs, then the run fails.

    Handler nodes lie in `parent`; those of the root handler in the scope `on_error`, which nothing catches. UNDO nodes and their gate
    lie in the scope `undo`; if one of them fails for good, the others go on.
    """

    id: str
    parent: str | None
    catch: str | None


@attrs.frozen
class Race:
    """A `parallel first n`.

    Attributes:
        decider: its RACE node, whose `n of` join names for each branch the node that succeeds if the branch is done.
        branches: per branch, in that order, all nodes in it; they are stopped when the race is won without them.
    """

    decider: str
    branches: tuple[tuple[str, ...], ...]


class TriggerKind(enum.StrEnum):
    """The sources of runs."""

    EVENT = "event"
    MANUAL = "manual"
    CRON = "cron"
    WEBHOOK = "webhook"


@attrs.frozen(kw_only=True)
class Trigger:
    """One `on …` of a flow.

    Attributes:
        event: the event's name, for EVENT. webhook: the name of the address, for WEBHOOK. schedule: for CRON.
        payload: the type of the trigger's payload; None for any payload (WEBHOOK, MANUAL) or no payload (CRON).
        binding: the name of the payload in `when` and `mapping`; "" if it has none.
        when: starts nothing unless true.
        mapping: makes the flow's input from the payload; None means the payload is the input.
    """

    kind: TriggerKind
    event: str = ""
    webhook: str = ""
    schedule: Schedule | None = None
    payload: RecordType | None = None
    binding: str = ""
    when: Expression | None = None
    mapping: tuple[Argument, ...] | None = None


@attrs.frozen
class Callee:
    """A flow that another one calls or starts, under the key by which its nodes name it."""

    key: str
    flow: Flow


@attrs.frozen(kw_only=True)
class Flow:
    """A compiled flow.

    Attributes:
        input: the parameters as a record; its `name` is that of the type where the input is one record.
        binding: if not "", expressions see the whole input under this name; else each field under its own.
        result: the type of `return`, or NULL.
        timeout_ns: lifetime of a run.
        policies: for the service that starts its runs.
        secrets: names read as `secrets.NAME`, by the bodies of its loops as well.
        callees: every flow that is called or started by this one, by the bodies of its loops or by those flows, each once. Those in here,
            and bodies, list none themselves.
        blocks: the outermost blocks of its text, for pictures; those of the bodies of its loops are in there.
        source, filename: the text it was compiled from, for messages.
    """

    name: str
    doc: str = ""
    input: RecordType
    binding: str = ""
    result: Type
    triggers: tuple[Trigger, ...] = ()
    policies: Policies = attrs.field(factory=Policies)
    timeout_ns: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    scopes: tuple[Scope, ...]
    races: tuple[Race, ...] = ()
    secrets: tuple[str, ...] = ()
    callees: tuple[Callee, ...] = ()
    blocks: tuple[Block, ...] = attrs.field(default=(), repr=False)
    source: str = attrs.field(default="", repr=False)
    filename: str = ""

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Those of its triggers, in their order."""
        return tuple(trigger.schedule for trigger in self.triggers if trigger.schedule is not None)

    @property
    def overlaps(self) -> dict[str, WhileBusy]:
        """`overlap` of its schedules, by their keys; without those whose runs may overlap."""
        return {schedule.key: schedule.overlap for schedule in self.schedules if schedule.overlap is not None}

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """The flow as a `networkx.DiGraph`, made on first use; treat it as read-only.

        Nodes, in declared order, are the ids, with the attribute `node` (`Node`). Edges carry `kinds` (a tuple of `EdgeKind`)
        and, where a gate is among them, `outcome` (int).
        """
        from dagflow.model.graph import build_graph  # noqa: PLC0415 - networkx costs more to import than the rest of us

        return build_graph(self.nodes, self.edges)

    def node(self, node_id: str) -> Node:
        """The node of that id; KeyError if there is none."""
        return self._by_id[node_id]

    def _repr_svg_(self) -> str:
        """The flow as a picture, where a notebook shows it."""
        from dagflow import draw  # noqa: PLC0415 - the way back up goes by the public name, and only to show a picture

        return draw(self)

    @cached_property
    def _by_id(self) -> dict[str, Node]:
        return {node.id: node for node in self.nodes}


def in_order(flow: Flow) -> list[str]:
    """The ids of the nodes in topological order; independent ones in declared order."""
    targets: dict[str, list[str]] = {node.id: [] for node in flow.nodes}
    n_waiting = dict.fromkeys(targets, 0)
    for edge in flow.edges:
        targets[edge.source].append(edge.target)
        n_waiting[edge.target] += 1
    ready = [node for node, count in n_waiting.items() if count == 0]
    for node in ready:
        for target in targets[node]:
            n_waiting[target] -= 1
            if n_waiting[target] == 0:
                ready.append(target)
    return ready
