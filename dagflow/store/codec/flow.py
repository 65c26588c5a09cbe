"""Compiled flows as bytes: canonical JSON, so that the same flow is the same bytes on every machine, and plain data only.

This file owns the format, which has a version number of its own. The class fields have the same names as in `model.flow`; fields at
their defaults are omitted. Types are written once, in a table. Objects of which a flow has thousands (expressions, their arguments,
edges) are arrays of their fields in order, as are spans: they take most of the time of reading a flow.
"""

from __future__ import annotations

import enum
import functools
import hashlib
from contextvars import ContextVar
from functools import partial
from operator import is_
from types import SimpleNamespace
from typing import Any, Final, cast, get_args, get_origin

import attrs
import cattrs
import orjson
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from dagflow.diagnostic import Span
from dagflow.errors import StoreError
from dagflow.gc_tuning import without_collecting
from dagflow.ids import FlowDigest
from dagflow.model.blocks import Block, BlockKind
from dagflow.model.flow import (
    Argument,
    Callee,
    Edge,
    EdgeKind,
    Expression,
    Flow,
    GateRef,
    Join,
    Loop,
    Node,
    Race,
    RetryPolicy,
    Scope,
    Trigger,
)
from dagflow.model.policies import CancelOn, Concurrency, Debounce, Once, Policies, Rate, Schedule, Singleton, Throttle
from dagflow.model.typeguards import is_object
from dagflow.model.types import RecordType, Type
from dagflow.store.codec.expressions import read_core, write_core
from dagflow.store.codec.types import TypeReader, TypeWriter

#: Raised with every change of shape; from the first release on old numbers stay readable.
VERSION: Final = 3

_OPTIONS: Final = orjson.OPT_SORT_KEYS
_writer: ContextVar[TypeWriter] = ContextVar("_writer")
_reader: ContextVar[TypeReader] = ContextVar("_reader")


def encode_flow(flow: Flow) -> bytes:
    """The canonical bytes of a compiled flow."""
    types = TypeWriter()
    token = _writer.set(types)
    try:
        body = _converter.unstructure(flow, Flow)
    finally:
        _writer.reset(token)
    return orjson.dumps({"dagflow": VERSION, "types": types.rows, "flow": body}, option=_OPTIONS)


@without_collecting()
def decode_flow(data: bytes) -> Flow:
    """The flow that `encode_flow` wrote: `decode_flow(encode_flow(flow)) == flow`.

    Raises:
        StoreError: the bytes are damaged, or of a newer dagflow.
    """
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"a compiled flow is damaged ({error}); restore a backup") from None
    version = document.get("dagflow") if is_object(document) else None
    if not is_object(document) or not isinstance(version, int) or version < 1:
        raise StoreError("a compiled flow is damaged (it has no version); restore a backup")
    if version < VERSION:
        raise StoreError(f"a compiled flow has form {version}, which no release wrote; begin with a new database")
    if version > VERSION:
        raise StoreError(
            f"a compiled flow has form {version}, this dagflow knows {VERSION}; use the newer dagflow that wrote it"
        )
    try:
        return _structured(document)
    except Exception as error:  # cattrs raises many kinds; to the caller all of them are damage
        raise StoreError(f"a compiled flow is damaged ({error}); restore a backup") from error


def flow_digest(data: bytes) -> FlowDigest:
    """The digest of an encoded flow."""
    return FlowDigest(hashlib.sha256(data).hexdigest())


def _structured(document: dict[str, object]) -> Flow:
    token = _reader.set(TypeReader.read(document["types"]))
    try:
        return _converter.structure(document["flow"], Flow)
    finally:
        _reader.reset(token)


def _strict(wanted: type) -> Any:
    def structure(value: Any, _type: Any) -> Any:
        if type(value) is not wanted:
            raise TypeError(f"expected {wanted.__name__}, found {type(value).__name__}")
        return value

    return structure


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False, forbid_extra_keys=True, omit_if_default=True)
    for plain in (str, int, bool):
        # By identity: the words of an enum are `str` too, and have to come back as members.
        converter.register_structure_hook_func(partial(is_, plain), _strict(plain))
    converter.register_structure_hook_factory(_is_words, _words)
    converter.register_structure_hook_factory(_is_row, _row)
    converter.register_unstructure_hook(Type, lambda type_: _writer.get().index(type_))
    converter.register_structure_hook(Type, lambda index, _: _reader.get().type(index))
    converter.register_unstructure_hook(RecordType, lambda type_: _writer.get().index(type_))
    converter.register_structure_hook(RecordType, lambda index, _: _reader.get().record(index))
    for plain_class, write, read in (
        (Span, _write_span, _read_span),
        (Expression, _write_expression, _read_expression),
        (Argument, _write_argument, _read_argument),
        (Edge, _write_edge, _read_edge),
        (Block, _write_block, _read_block),
    ):
        converter.register_unstructure_hook(plain_class, write)
        converter.register_structure_hook(plain_class, read)
    # The name in the annotation of a cached property is there for type checkers only.
    attrs.resolve_types(Flow, localns=dict.fromkeys(("networkx", "nx"), SimpleNamespace(DiGraph=list)))
    # Flows have loops and callees, which have flows; their hooks are found on first use.
    converter.register_unstructure_hook(Flow, lambda flow: flow_hooks[0](flow))  # noqa: PLW0108 - filled below
    converter.register_structure_hook(Flow, lambda value, type_: flow_hooks[1](value, type_))  # noqa: PLW0108
    flow_hooks: list[Any] = []
    policies = (Schedule, Concurrency, Rate, Throttle, Debounce, Singleton, Once, CancelOn, Policies)
    for class_ in (*policies, GateRef, Join, RetryPolicy, Loop, Node, Scope, Race, Trigger, Callee, Flow):
        writing = make_dict_unstructure_fn(class_, converter, _cattrs_omit_if_default=True)
        reading = make_dict_structure_fn(class_, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=False)
        if class_ is Flow:
            flow_hooks += [writing, reading]
        else:
            converter.register_unstructure_hook(class_, writing)
            converter.register_structure_hook(class_, reading)
    return converter


def _is_words(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, enum.Enum)


def _words(type_: Any) -> Any:
    members: dict[Any, Any] = {member.value: member for member in type_}

    def structure(word: Any, _type: Any) -> Any:
        return members[word]

    return structure


def _is_row(type_: Any) -> bool:
    return get_origin(type_) is tuple and get_args(type_)[1:] == (...,)


def _row(type_: Any, converter: cattrs.Converter) -> Any:
    """Tuples of one type of item: the item's hook is found once, when the first is read."""
    of = get_args(type_)[0]
    hook: list[Any] = []

    def structure(value: object, _type: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise TypeError(f"expected a list, found {type(value).__name__}")
        if not hook:
            hook.append(converter.get_structure_hook(of))
        read = hook[0]
        items = cast("list[Any]", value)  # type: ignore[redundant-cast]  # the other checker does not narrow
        return tuple([read(item, of) for item in items])

    return structure


def _write_span(span: Span) -> object:
    return [span.start, span.end]


def _read_span(value: Any, _type: Any) -> Span:
    start, end = value
    if type(start) is not int or type(end) is not int:
        raise TypeError("a span is two whole numbers")
    return Span(start, end)


def _write_expression(expression: Expression) -> object:
    return [
        expression.text, expression.span.start, expression.span.end, _writer.get().index(expression.type), expression.reads,
        write_core(expression.core), expression.cost,
    ]  # fmt: skip


def _read_expression(value: Any, _type: Any) -> Expression:
    text, start, end, type_, reads, core, cost = value
    if (
        type(text) is not str
        or type(start) is not int
        or type(end) is not int
        or type(cost) is not int
        or any(type(name) is not str for name in reads)
    ):
        raise TypeError("not an expression")
    return Expression(text, Span(start, end), _reader.get().type(type_), tuple(reads), read_core(core), cost)


def _write_argument(argument: Argument) -> object:
    return [argument.name, _write_expression(argument.value)]


def _read_argument(value: Any, type_: Any) -> Argument:
    name, expression = value
    if type(name) is not str:
        raise TypeError("an argument has a name")
    return Argument(name, _read_expression(expression, type_))


def _write_edge(edge: Edge) -> object:
    return [edge.source, edge.target, "+".join(edge.kinds), edge.outcome]


def _read_edge(value: Any, _type: Any) -> Edge:
    source, target, kinds, outcome = value
    if type(source) is not str or type(target) is not str or (outcome is not None and type(outcome) is not int):
        raise TypeError("not an edge")
    return Edge(source, target, _edge_kinds(kinds), outcome)


def _write_block(block: Block) -> object:
    inner = [_write_block(each) for each in block.inner]
    guards = None if block.guards is None else _write_span(block.guards)
    return [block.kind.value, block.span.start, block.span.end, block.name, block.first, guards, inner]


def _read_block(value: Any, type_: Any) -> Block:
    kind, start, end, name, first, guards, inner = value
    if type(name) is not str or any(type(number) is not int for number in (start, end, first)):
        raise TypeError("not a block")
    guarded = None if guards is None else _read_span(guards, type_)
    return Block(BlockKind(kind), Span(start, end), name, first, guarded, tuple([_read_block(each, type_) for each in inner]))


@functools.cache
def _edge_kinds(words: str) -> tuple[EdgeKind, ...]:
    return tuple([EdgeKind(word) for word in words.split("+") if word])


_converter: Final = _make_converter()
