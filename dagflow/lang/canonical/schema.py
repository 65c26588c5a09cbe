"""The shape of canonical JSON, as a JSON Schema: imports are checked against the published one (`grammar/flow.schema.json`)."""

from __future__ import annotations

from typing import Final

from dagflow.lang.canonical.to_json import Plain

_NAME: Final = "^[A-Za-z_][A-Za-z0-9_]*$"
_QUALIFIED: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"

TEXT: Final[Plain] = {"type": "string"}
NAME: Final[Plain] = {"type": "string", "pattern": _NAME}
#: Of a field: what is no plain name stands in backquotes in a text.
FIELD_NAME: Final[Plain] = {"type": "string", "pattern": "^[^`\\n\\r]+$"}
QUALIFIED: Final[Plain] = {"type": "string", "pattern": _QUALIFIED}
SPAN: Final[Plain] = {"type": "array", "items": {"type": "integer", "minimum": 0}}
COUNT: Final[Plain] = {"type": "integer", "minimum": 0}
COMMENTS: Final[Plain] = {"type": "array", "items": {"type": "string", "pattern": "^//[^\\n\\r]*$"}}
YES: Final[Plain] = {"type": "boolean"}


def _ref(name: str) -> Plain:
    return {"$ref": f"#/$defs/{name}"}


def _list(items: Plain) -> Plain:
    return {"type": "array", "items": items}


def _object(needed: Plain, others: Plain | None = None) -> Plain:
    return {
        "type": "object",
        "properties": {**needed, **(others or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


def _kind(kind: str, needed: Plain, others: Plain | None = None, *, has_doc: bool = True) -> Plain:
    """A part that is identified by its `kind`."""
    shared: Plain = {"comments": COMMENTS, "span": SPAN, **({"doc": TEXT} if has_doc else {})}
    return _object({"kind": {"const": kind}, **needed}, {**(others or {}), **shared})


_CEL: Final = _ref("expression")
_TYPE: Final = _ref("type_text")
_STEPS: Final = _list(_ref("step"))
_ARGUMENTS: Final = _list(_ref("argument"))
_FIELDS: Final = _list(_ref("field"))
_PARAMS: Final = _list(_ref("param"))
_HANDLER: Final = _ref("on_error")
_ID: Final[Plain] = {"id": NAME}
_MODIFIERS: Final[Plain] = {
    "after": _ref("after"), "when": _CEL, "retry": _ref("retry_policy"), "timeout": _CEL, "within": _CEL, "default": _CEL, "undo": _ref("call"),
    "was": NAME, "on_unknown": {"const": "fail"}, "on_error": _HANDLER,
}  # fmt: skip
_BIND: Final[Plain] = {"as": NAME, "type": _TYPE}
_RETRY: Final[Plain] = {"from": _CEL, "to": _CEL, "every": _CEL, "only": _list(TEXT)}
_CALL: Final[Plain] = {"action": QUALIFIED, "arguments": _ARGUMENTS}

_STATEMENTS: Final[dict[str, Plain]] = {
    "call": _kind("call", _CALL, {**_ID, **_MODIFIERS}),
    "start": _kind("start", _CALL, {**_ID, **_MODIFIERS}),
    "wait": _kind("wait", {}, {**_ID, "for": _CEL, "until": _CEL, **_MODIFIERS}),
    "wait_event": _kind("wait_event", {"event": TEXT}, {**_ID, **_BIND, "else": _STEPS, **_MODIFIERS}),
    "emit": _kind("emit", {"event": TEXT, "arguments": _ARGUMENTS}, _MODIFIERS),
    "filter": _kind("filter", {"condition": _CEL}, {**_ID, "else": _STEPS}),
    "if": _kind("if", {"condition": _CEL, "then": _STEPS}, {**_ID, "else": {"anyOf": [_STEPS, _ref("if")]}}),
    "switch": _kind("switch", {"subject": _CEL, "cases": _list(_ref("case"))}, {**_ID, "else": _STEPS}),
    "let": _kind("let", {**_ID, "value": _CEL}, {"type": _TYPE}),
    "parallel": _kind("parallel", {"steps": _STEPS}, {**_ID, "first": COUNT, "on_error": _HANDLER}),
    "do": _kind("do", {"steps": _STEPS}, {**_ID, "on_error": _HANDLER}),
    "for": _kind(
        "for", {"variable": NAME, "items": _CEL, "steps": _STEPS},
        {**_ID, "index": NAME, "max": COUNT, "parallel": COUNT, "key": _CEL, "collect_errors": YES, "on_error": _HANDLER},
    ),
    "return": _kind("return", {"value": _CEL}),
    "yield": _kind("yield", {"value": _CEL}),
    "stop": _kind("stop", {}, {"reason": _CEL}),
    "fail": _kind("fail", {"reason": _CEL}),
}  # fmt: skip

_SETTINGS: Final[dict[str, Plain]] = {
    "on": _kind(
        "on", {"trigger": {"enum": ["event", "cron", "every", "webhook", "manual"]}},
        {
            "name": TEXT, "zone": TEXT, "every": _CEL, "overlap": {"enum": ["allow", "skip", "queue", "replace"]},
            "catchup": {"enum": ["none", "last", "all"]}, "catchup_within": _CEL, **_BIND, "when": _CEL, "with": _ARGUMENTS}, has_doc=False,
    ),
    "timeout": _kind("timeout", {"value": _CEL}, has_doc=False),
    "retry": _kind("retry", {"count": COUNT}, _RETRY, has_doc=False),
    "concurrency": _kind("concurrency", {"count": COUNT}, {"by": _CEL}, has_doc=False),
    "rate": _kind("rate", {"count": COUNT, "per": _CEL}, {"by": _CEL}, has_doc=False),
    "singleton": _kind("singleton", {"busy": {"enum": ["skip", "queue", "replace"]}}, {"by": _CEL}, has_doc=False),
    "throttle": _kind("throttle", {"count": COUNT, "per": _CEL}, {"by": _CEL}, has_doc=False),
    "debounce": _kind("debounce", {"quiet": _CEL}, {"by": _CEL, "max": _CEL}, has_doc=False),
    "once": _kind("once", {"by": _CEL}, {"within": _CEL}, has_doc=False),
    "cancel": _kind("cancel", {"event": TEXT}, {**_BIND, "when": _CEL}, has_doc=False),
    "priority": _kind("priority", {"value": _CEL}, has_doc=False),
}  # fmt: skip

_ITEMS: Final[dict[str, Plain]] = {
    "import": _kind("import", {"path": TEXT, "name": NAME}, has_doc=False),
    "type": _kind("type", {"name": NAME}, {"fields": _FIELDS, "is": _TYPE}),
    "event": _kind("event", {"name": TEXT, "fields": _FIELDS}),
    "action": _kind(
        "action", {"name": QUALIFIED, "params": _PARAMS},
        {"result": _TYPE, "effect": {"enum": ["pure", "idempotent", "effectful"]}, "by_key": YES, "on_unknown": {"const": "fail"}},
    ),
    "flow": _kind(
        "flow", {"name": NAME, "steps": _STEPS},
        {"params": _PARAMS, "result": _TYPE, "settings": _list(_ref("setting")), "on_error": _HANDLER},
    ),
    "test": _kind("test", {"text": TEXT}, {"flow": NAME}, has_doc=False),
}  # fmt: skip

#: By name: that of a part with a `kind` is its sort and its kind, except for `if`, which an `if` may have behind its `else`.
_DEFINITIONS: Final[dict[str, Plain]] = {
    "expression": _object({"cel": TEXT}, {"span": SPAN}),
    "type_text": TEXT,
    "field": _object({"name": FIELD_NAME, "type": _TYPE}, {"default": _CEL, "doc": TEXT, "comments": COMMENTS, "span": SPAN}),
    "param": _object({"name": NAME, "type": _TYPE}, {"default": _CEL, "doc": TEXT, "comments": COMMENTS, "span": SPAN}),
    "argument": _object({"value": _CEL}, {"name": FIELD_NAME}),
    "call": _object(_CALL),
    "case": _object({"values": _list(_CEL), "steps": _STEPS}, {"comments": COMMENTS}),
    "on_error": _object({"steps": _STEPS}, {"as": NAME}),
    "after": _object({"join": {"enum": ["all", "any", "settled", "some"]}, "steps": _list(NAME)}, {"count": COUNT}),
    "retry_policy": _object({"count": COUNT}, _RETRY),
    **{("if" if kind == "if" else f"step_{kind}"): shape for kind, shape in _STATEMENTS.items()},
    **{f"setting_{kind}": shape for kind, shape in _SETTINGS.items()},
    **{f"item_{kind}": shape for kind, shape in _ITEMS.items()},
    "step": {"oneOf": [_ref("if" if kind == "if" else f"step_{kind}") for kind in _STATEMENTS]},
    "setting": {"oneOf": [_ref(f"setting_{kind}") for kind in _SETTINGS]},
    "item": {"oneOf": [_ref(f"item_{kind}") for kind in _ITEMS]},
}

SCHEMA: Final[Plain] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "dagflow canonical JSON, version 1",
    "description": "A file of flows as data. Expressions are CEL text; every span counts characters in `text`.",
    **_object({"dagflow": {"const": 1}, "items": _list(_ref("item"))}, {"text": TEXT}),
    "$defs": _DEFINITIONS,
}
