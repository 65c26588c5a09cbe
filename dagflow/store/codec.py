"""Compiled flows as bytes: canonical JSON, so that the same flow is the same bytes on every machine, and plain data only.

The shape belongs to this file and has a number of its own. What a class field is called here is what it is called in
`model.flow`; fields at their defaults are left out. Types are written once, in a table. An expression's `core`, nested
tuples of any depth, is written flat: a tuple as `[n]` followed by its n items, so that no reader or writer recurses.
"""

from __future__ import annotations

import hashlib
import math
from contextvars import ContextVar
from functools import partial
from operator import is_
from types import SimpleNamespace
from typing import Any, Final

import attrs
import cattrs
import orjson
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from dagflow.diagnostic import Span
from dagflow.errors import StoreError
from dagflow.ids import FlowDigest
from dagflow.model.flow import (
    Argument,
    Callee,
    Edge,
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
from dagflow.model.plain import is_list, is_object, is_sequence
from dagflow.model.policies import CancelOn, Concurrency, Debounce, Once, Policies, Rate, Schedule
from dagflow.model.types import RecordType, Type
from dagflow.store.codec_types import TypeReader, TypeWriter

#: Raised with every change of shape; old numbers stay readable.
VERSION: Final = 1

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


def _flatten(core: object) -> list[object]:
    flat: list[object] = []
    waiting = [core]
    while waiting:
        item = waiting.pop()
        if is_sequence(item) and isinstance(item, tuple):
            flat.append([len(item)])
            waiting.extend(reversed(item))
        elif item is None or isinstance(item, (str, bool, int)) or (isinstance(item, float) and math.isfinite(item)):
            flat.append(item)
        else:
            raise TypeError(f"an expression's core holds a {type(item).__name__}")
    return flat


def _unflatten(flat: object) -> object:
    """Read from the back, so that the items of a tuple are there when its mark comes."""
    if not is_list(flat):
        raise TypeError("a core is a list")
    items: list[object] = []
    for item in reversed(flat):
        if is_list(item):
            (length,) = item
            if not isinstance(length, int) or not 0 <= length <= len(items):
                raise ValueError("a core lacks items")
            cut = len(items) - length
            items[cut:] = [tuple(reversed(items[cut:]))]
        elif isinstance(item, dict):
            raise TypeError("a core holds an object")
        else:
            items.append(item)
    (core,) = items
    return core


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
    converter.register_unstructure_hook(Type, lambda type_: _writer.get().index(type_))
    converter.register_structure_hook(Type, lambda index, _: _reader.get().type(index))
    converter.register_unstructure_hook(RecordType, lambda type_: _writer.get().index(type_))
    converter.register_structure_hook(RecordType, lambda index, _: _reader.get().record(index))
    converter.register_unstructure_hook(Span, lambda span: [span.start, span.end])
    converter.register_structure_hook(Span, _span)
    core = override(unstruct_hook=_flatten, struct_hook=lambda flat, _: _unflatten(flat))
    # The name in the annotation of a cached property is there for type checkers only.
    attrs.resolve_types(Flow, localns=dict.fromkeys(("networkx", "nx"), SimpleNamespace(DiGraph=list)))
    # Flows hold loops and callees, which hold flows; their hooks are looked up when they are needed.
    converter.register_unstructure_hook(Flow, lambda flow: flow_hooks[0](flow))
    converter.register_structure_hook(Flow, lambda value, type_: flow_hooks[1](value, type_))
    flow_hooks: list[Any] = []
    policies = (Schedule, Concurrency, Rate, Debounce, Once, CancelOn, Policies)
    graph = (GateRef, Join, RetryPolicy, Loop, Node, Edge, Scope, Race, Trigger, Callee, Flow)
    for class_ in (Expression, Argument, *policies, *graph):
        overrides: dict[str, Any] = {"core": core} if class_ is Expression else {}
        writing = make_dict_unstructure_fn(class_, converter, _cattrs_omit_if_default=True, **overrides)
        reading = make_dict_structure_fn(
            class_, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=False, **overrides
        )
        if class_ is Flow:
            flow_hooks += [writing, reading]
        else:
            converter.register_unstructure_hook(class_, writing)
            converter.register_structure_hook(class_, reading)
    return converter


def _span(value: Any, _type: Any) -> Span:
    start, end = value
    if type(start) is not int or type(end) is not int:
        raise TypeError("a span is two whole numbers")
    return Span(start, end)


_converter: Final = _make_converter()
