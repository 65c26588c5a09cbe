"""Between the engine's events and the records a store keeps. The words here are on disk: none may change its meaning.

A record's payload is either the event's own fields as a JSON object, or the value beside it, as JSON. Four events have both:
the end of an item and a skipped step, whose value is the field `value`, a failed attempt, whose value is the text in the field `traceback`, and the
start of a run, in whose value the field `due` is that of the event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias, assert_never, cast, get_args, get_type_hints, overload

import attrs
import orjson

from dagflow.engine import events
from dagflow.engine.events import Event
from dagflow.errors import StoreError
from dagflow.model.plan import NO_NODE, Plan
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.store.api import Record


def _kind(event_class: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_class.__name__).lower()


_CLASSES: Final[tuple[type[Event], ...]] = (
    events.RunStarted,
    events.GateDecided,
    events.ValueComputed,
    events.EventEmitted,
    events.RunRequested,
    events.ItemsListed,
    events.ItemEnded,
    events.TimerSet,
    events.TimerFired,
    events.EventArrived,
    events.EventGiven,
    events.EventTaken,
    events.AttemptStarted,
    events.AttemptSucceeded,
    events.AttemptFailed,
    events.AttemptInterrupted,
    events.AttemptCancelled,
    events.EvaluationFailed,
    events.DefaultUsed,
    events.RunCancelRequested,
    events.RunUndoRequested,
    events.RunRetryRequested,
    events.StepSkipped,
    events.RunTimedOut,
    events.RunEnded,
)
_KINDS: Final = {event_class: _kind(event_class) for event_class in _CLASSES}
#: Their payload is the value beside the event.
_WITH_VALUE: Final = (
    events.RunStarted,
    events.ValueComputed,
    events.EventEmitted,
    events.RunRequested,
    events.EventArrived,
    events.EventGiven,
    events.AttemptSucceeded,
    events.DefaultUsed,
)


def _shape(event_class: type[Event]) -> tuple[type[Event], bool, bool, bool]:
    names = [field.name for field in attrs.fields(event_class)]
    return event_class, names[1:2] == ["node"], names[2:3] == ["attempt"], event_class in _WITH_VALUE


#: How a record of each kind is read: its class, whether that has a node, and an attempt, behind the instant, and whether the payload is a
#: value beside it.
_SHAPES: Final = {_kind(event_class): _shape(event_class) for event_class in _CLASSES}
#: By class, the required types of the fields that come from JSON.
_TYPES: Final = {
    event_class: {name: get_args(hint) or (hint,) for name, hint in get_type_hints(event_class).items()}
    for event_class in _CLASSES
}
_OUTCOMES: Final = tuple(orjson.dumps({"outcome": outcome}) for outcome in range(64))


#: The kinds of entries: any event, and the two of which there are thousands.
EVENT: Final = 0
STARTED: Final = 1
SUCCEEDED: Final = 2
#: A history event before it is a record, in the cheapest form: an event with the JSON of its value; or the instant, node and attempt of
#: a beginning; or those of a success with the function that makes JSON of its value, the value, and the JSON if it is there already.
Entry: TypeAlias = (
    tuple[Literal[0], Event, bytes | None]
    | tuple[Literal[1], int, int, int]
    | tuple[Literal[2], int, int, int, Callable[[Any], bytes], object, bytes | None]
)


class Entries(Sequence[Record]):
    """History events of a run as records, each made on demand: a store in memory seldom reads them."""

    __slots__ = ("_entries", "_plan")

    def __init__(self, plan: Plan, entries: list[Entry]) -> None:
        self._plan = plan
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, slice):
            return Entries(self._plan, self._entries[index])
        return self._record(self._entries[index])

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self._entries)

    def parts(self) -> Iterator[tuple[int, str, str, int, bytes | None]]:
        """Return the instant, kind, node, attempt and payload of each record, for callers that need no record."""
        ids = self._plan.ids
        for entry in self._entries:
            if entry[0] == STARTED:
                yield entry[1], "attempt_started", ids[entry[2]], entry[3], None
            elif entry[0] == SUCCEEDED:
                value = entry[6] if entry[6] is not None else entry[4](entry[5])
                yield entry[1], "attempt_succeeded", ids[entry[2]], entry[3], value
            else:
                record = to_record(entry[1], self._plan, entry[2])
                yield record.at, record.kind, record.node, record.attempt, record.payload

    def _record(self, entry: Entry) -> Record:
        ((at, kind, node, attempt, payload),) = Entries(self._plan, [entry]).parts()
        return Record(kind, at, node, attempt, payload)


@attrs.frozen
class Fact:
    """An event and the JSON of the value beside it, if it has one."""

    event: Event
    value: bytes | None = None


def to_record(event: Event, plan: Plan, value: bytes | None = None) -> Record:
    """The record of an event, with the JSON of the value beside it."""
    kind = _KINDS[type(event)]
    match event:
        case events.RunStarted(at) | events.EventArrived(at) | events.EventGiven(at):
            return Record(kind, at, "", 0, value)
        case events.RunCancelRequested(at) | events.RunUndoRequested(at) | events.RunTimedOut(at):
            return Record(kind, at)
        case events.RunRetryRequested(at, by):
            return Record(kind, at, "", 0, orjson.dumps({"by": by}))
        case events.StepSkipped(at, node, by):
            result = {} if value is None else {"value": orjson.Fragment(value)}
            return Record(kind, at, plan.ids[node], 0, orjson.dumps({"by": by, **result}))
        case events.RunEnded(at, status):
            return Record(kind, at, "", 0, orjson.dumps({"status": status.value}))
        case (
            events.ValueComputed(at, node)
            | events.EventEmitted(at, node)
            | events.RunRequested(at, node)
            | events.DefaultUsed(at, node)
        ):
            return Record(kind, at, plan.ids[node], 0, value)
        case events.AttemptSucceeded(at, node, attempt):
            return Record(kind, at, plan.ids[node], attempt, value)
        case events.AttemptCancelled(at, node, attempt, False):
            return Record(kind, at, plan.ids[node], attempt, orjson.dumps({"is_made": False}))
        case (
            events.AttemptStarted(at, node, attempt)
            | events.AttemptInterrupted(at, node, attempt)
            | events.AttemptCancelled(at, node, attempt)
        ):
            return Record(kind, at, plan.ids[node], attempt)
        case events.GateDecided(at, node, outcome):
            payload = _OUTCOMES[outcome] if outcome < len(_OUTCOMES) else orjson.dumps({"outcome": outcome})
            return Record(kind, at, plan.ids[node], 0, payload)
        case events.TimerFired(at, node):
            return Record(kind, at, plan.ids[node])
        case events.EventTaken(at, node, number):
            return Record(kind, at, plan.ids[node], 0, orjson.dumps({"number": number}))
        case events.ItemsListed(at, node, count):
            return Record(kind, at, plan.ids[node], 0, orjson.dumps({"count": count}))
        case events.ItemEnded(at, node):
            return Record(kind, at, plan.ids[node], 0, _item_payload(event, value))
        case events.TimerSet(at, node, due):
            return Record(kind, at, plan.ids[node], 0, orjson.dumps({"due": due}))
        case events.EvaluationFailed(at, node, code, message):
            return Record(kind, at, plan.ids[node], 0, orjson.dumps({"code": code, "message": message}))
        case events.AttemptFailed(at, node, attempt):
            elsewhere = {"at", "node", "attempt"} if event.is_dirty else {"at", "node", "attempt", "is_dirty"}
            fields = attrs.asdict(event, filter=lambda field, _: field.name not in elsewhere)
            if value is not None:
                fields["traceback"] = value.decode()
            return Record(kind, at, plan.ids[node], attempt, orjson.dumps(fields))
        case _:
            assert_never(event)


def from_record(record: Record, plan: Plan) -> Fact:
    """The event a record tells of, and the JSON of the value beside it.

    Raises:
        StoreError: the record is damaged or of a newer dagflow.
    """
    shape = _SHAPES.get(record.kind)
    if shape is None:
        raise StoreError(f"a history has an event of the kind {record.kind!r}, which this version of dagflow does not know")
    event_class, has_node, has_attempt, has_value = shape
    arguments: list[int] = [record.at]
    if has_node:
        node = plan.numbers.get(record.node, NO_NODE)
        if node == NO_NODE:
            raise StoreError(f"a history has an event about the node {record.node!r}, which its flow does not have")
        arguments.append(node)
    if has_attempt:
        arguments.append(record.attempt)
    if event_class is events.RunStarted:
        fields = _fields(record)
        started = _made(record, event_class, [record.at], {"due": fields.get("due")})
        if "kept" in fields and isinstance(started, events.RunStarted):
            started = attrs.evolve(started, kept=_kept(record, fields["kept"], plan))
        return Fact(started, record.payload)
    if has_value:
        return Fact(_made(record, event_class, arguments, {}), record.payload)
    fields = _fields(record)
    kept: bytes | None = None
    if event_class in (events.ItemEnded, events.StepSkipped) and "value" in fields:
        kept = orjson.dumps(fields.pop("value"))
    elif event_class is events.AttemptFailed and "traceback" in fields:
        kept = str(fields.pop("traceback")).encode()
    return Fact(_made(record, event_class, arguments, fields), kept)


def _item_payload(event: events.ItemEnded, value: bytes | None) -> bytes:
    """Omit fields at their defaults: a loop has many items, and most of them end well."""
    fields: dict[str, object] = {"index": event.index, "status": event.status.value}
    words = {"step": event.step, "code": event.code, "message": event.message, "attempt": event.attempt}
    fields |= {name: value for name, value in words.items() if value}
    if value is not None:
        fields["value"] = orjson.Fragment(value)
    return orjson.dumps(fields)


def _fields(record: Record) -> dict[str, object]:
    if record.payload is None:
        return {}
    try:
        fields = orjson.loads(record.payload)
        if "status" in fields:
            fields["status"] = RunStatus(fields["status"])
    except (ValueError, TypeError) as error:
        raise _damaged(record) from error
    return dict(fields)


def _made(record: Record, event_class: type[Event], arguments: list[int], fields: dict[str, Any]) -> Event:
    make = cast("Callable[..., Event]", event_class)
    types = _TYPES[event_class]
    for name, value in fields.items():
        wanted = types.get(name, ())
        # A whole number stands for a fraction in JSON; nothing else stands for another type.
        if type(value) not in wanted and not (type(value) is int and float in wanted):
            raise _damaged(record)
    try:
        return make(*arguments, **fields)
    except TypeError as error:
        raise _damaged(record) from error


def _kept(record: Record, value: Any, plan: Plan) -> tuple[events.Kept, ...]:
    """What a run has from an earlier one, as `execution.start_record` writes it."""
    try:
        return tuple(
            events.Kept(
                node=plan.numbers[step["step"]],
                status=NodeStatus(step["status"]),
                outcome=int(step.get("outcome", NO_NODE)),
                reason=PruneReason(step["reason"]) if "reason" in step else None,
                code=str(step.get("code", "")),
                message=str(step.get("message", "")),
                attempt=int(step.get("attempt", 0)),
                is_default=bool(step.get("is_default", False)),
            )
            for step in value["steps"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(record) from error


def _damaged(record: Record) -> StoreError:
    return StoreError(f"a history has a damaged event of the kind {record.kind!r}")
