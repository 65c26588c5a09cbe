"""Flows made ready to run, each once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar, cast

import attrs

from dagflow.errors import StoreError, UsageError
from dagflow.execution.program import Program, prepare
from dagflow.ids import FlowDigest
from dagflow.model.flow import Flow
from dagflow.store.api import Store
from dagflow.store.codec.flow import decode_flow, encode_flow, flow_digest

_MAX_KEPT = 256

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@attrs.frozen
class Prepared:
    """A program with the name and the bytes under which its flow is stored."""

    program: Program
    digest: FlowDigest
    encoded: bytes


@attrs.define(eq=False)
class Programs:
    """The programs used last."""

    _by_digest: OrderedDict[FlowDigest, Prepared] = attrs.field(factory=OrderedDict)
    # By identity: two equal flows are rare, and comparing them is expensive. A reference to the flow keeps its id unique.
    _by_flow: OrderedDict[int, tuple[Flow, FlowDigest]] = attrs.field(factory=OrderedDict)

    def of(self, flow: Flow) -> Prepared:
        """The program of a flow in memory. Raises UsageError for anything but a compiled flow."""
        known = self._by_flow.get(id(flow))
        if known is not None and known[1] in self._by_digest:
            return self._by_digest[known[1]]
        if not isinstance(cast("object", flow), Flow):
            raise UsageError(
                f"`flow` must be a compiled flow; got {type(flow).__name__}. Compile the text: `dagflow.compile(text).unwrap()`"
            )
        encoded = encode_flow(flow)
        digest = flow_digest(encoded)
        _keep(self._by_flow, id(flow), (flow, digest))
        if digest not in self._by_digest:
            _keep(self._by_digest, digest, Prepared(prepare(flow), digest, encoded))
        return self._by_digest[digest]

    def load(self, store: Store, digest: FlowDigest) -> Prepared:
        """The program of a stored flow. Raises StoreError if it is not there or damaged."""
        known = self._by_digest.get(digest)
        if known is not None:
            return known
        encoded = store.flow(digest)
        if encoded is None:
            raise StoreError(f"the store has runs of the flow {digest}, but not the flow; it is damaged")
        prepared = Prepared(prepare(decode_flow(encoded)), digest, encoded)
        _keep(self._by_digest, digest, prepared)
        return prepared


def _keep(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    kept[key] = value
    if len(kept) > _MAX_KEPT:
        kept.popitem(last=False)
