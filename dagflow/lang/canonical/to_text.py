"""Canonical JSON to text: every part as a line or more, for the formatter to lay out. The shape of the data has been checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from dagflow.lang.literals import quoted
from dagflow.model.types import field_text

_Data = Mapping[str, object]


def write_file(data: _Data) -> str:
    """The text of a whole document, in no particular layout."""
    return "\n\n".join(_head(item) + _item(item) for item in _parts(data, "items"))


def _item(item: _Data) -> str:
    match item["kind"]:
        case "import":
            return f"import {_string(item, 'path')} as {item['name']}"
        case "type":
            return f"type {item['name']} " + (f"= {item['is']}" if "is" in item else _braced(_parts(item, "fields")))
        case "event":
            return f"event {_string(item, 'name')} {_braced(_parts(item, 'fields'))}"
        case "action":
            result = f" -> {item['result']}" if "result" in item else ""
            return f"action {item['name']}({_fields(_parts(item, 'params'))}){result} {item.get('effect', '')}{_promises(item)}"
        case "flow":
            return _flow(item)
        case _:
            return str(item["text"])


def _flow(flow: _Data) -> str:
    params = f"({_fields(_parts(flow, 'params'))})" if "params" in flow else ""
    result = f" -> {flow['result']}" if "result" in flow else ""
    settings = "".join(_head(setting) + _setting(setting) + "\n" for setting in _parts(flow, "settings"))
    settings += "\n" if settings else ""
    return f"flow {flow['name']}{params}{result} {{\n{settings}{_lines(_parts(flow, 'steps'))}}}{_handler(flow)}"


def _head(part: _Data) -> str:
    """The comments and the documentation before a part."""
    doc = str(part.get("doc", ""))
    lines = [*cast("list[str]", part.get("comments", [])), *(f"/// {line}" for line in doc.split("\n") if doc)]
    return "".join(f"{line}\n" for line in lines)


def _braced(fields: Sequence[_Data]) -> str:
    return (
        "{\n"
        + "".join(f"{_head(field)}{_field(field)},\n" for field in fields[:-1])
        + "".join(_head(f) + _field(f) for f in fields[-1:])
        + "\n}"
    )


def _fields(fields: Sequence[_Data]) -> str:
    return ",".join("\n" + _head(field) + _field(field) for field in fields)


def _field(field: _Data) -> str:
    default = f" = {_cel(field['default'])}" if "default" in field else ""
    return f"{field_text(str(field['name']))}: {field['type']}{default}"


def _lines(steps: Sequence[_Data]) -> str:
    return "".join(f"{_head(step)}{_statement(step)}\n" for step in steps)


def _block(owner: _Data, key: str) -> str:
    return f"{{\n{_lines(_parts(owner, key))}}}"


def _handler(owner: _Data) -> str:
    if "on_error" not in owner:
        return ""
    handler = cast("_Data", owner["on_error"])
    name = f" as {handler['as']}" if "as" in handler else ""
    return f" on error{name} {_block(handler, 'steps')}"


def _statement(step: _Data) -> str:
    name = f"{step['id']} = " if "id" in step else ""
    label = f"{step['id']}: " if "id" in step else ""
    word = f" {step['id']}" if "id" in step else ""
    otherwise = f" else {_else(step)}" if "else" in step else ""
    match step["kind"]:
        case "call":
            return f"{name}{_call(step)}{_modifiers(step)}"
        case "start":
            return f"{name}start {_call(step)}{_modifiers(step)}"
        case "wait":
            return f"{name}wait {_optional(step, 'for', '')}{_optional(step, 'until', 'until ')}{_modifiers(step)}"
        case "wait_event":
            return f"{name}wait event {_string(step, 'event')}{_bind(step)}{_modifiers(step)}{otherwise}"
        case "emit":
            return f"emit {_string(step, 'event')} ({_arguments(step)}){_modifiers(step)}"
        case "filter":
            return f"filter {label}{_cel(step['condition'])}{otherwise}"
        case "if":
            return f"if {label}{_cel(step['condition'])} {_block(step, 'then')}{otherwise}"
        case "switch":
            cases = "".join(_head(case) + _case(case) + "\n" for case in _parts(step, "cases"))
            return f"switch {label}{_cel(step['subject'])} {{\n{cases}{otherwise}}}"
        case "let":
            type_ = f": {step['type']}" if "type" in step else ""
            return f"let{word}{type_} = {_cel(step['value'])}"
        case "parallel":
            first = f" first {step['first']}" if "first" in step else ""
            return f"parallel{first}{word} {_block(step, 'steps')}{_handler(step)}"
        case "do":
            return f"do{word} {_block(step, 'steps')}{_handler(step)}"
        case "for":
            return f"{name}{_for(step)}"
        case "return" | "yield":
            return f"{step['kind']} {_cel(step['value'])}"
        case _:
            return f"{step['kind']}{_optional(step, 'reason', ' ')}"


def _case(case: _Data) -> str:
    return f"case {', '.join(_cel(value) for value in _parts(case, 'values'))} {_block(case, 'steps')}"


def _else(step: _Data) -> str:
    otherwise = step["else"]
    return _statement(cast("_Data", otherwise)) if isinstance(otherwise, dict) else _block(step, "else")


def _for(loop: _Data) -> str:
    index = f", {loop['index']}" if "index" in loop else ""
    counts = "".join(f" {word} {loop[word]}" for word in ("max", "parallel") if word in loop)
    collect = " collect errors" if loop.get("collect_errors") else ""
    head = f"for {loop['variable']}{index} in {_cel(loop['items'])}{counts}{_optional(loop, 'key', ' key ')}{collect}"
    return f"{head} {_block(loop, 'steps')}{_handler(loop)}"


def _promises(action: _Data) -> str:
    """The clauses of a declaration behind its effect."""
    return " by key" * bool(action.get("by_key")) + " on unknown fail" * ("on_unknown" in action)


#: The words of `after` before the names, and whether brackets stand around them.
_JOINS: Final = {"all": "", "any": "any", "settled": "settled"}


def _modifiers(step: _Data) -> str:
    parts: list[str] = []
    if "after" in step:
        after = cast("_Data", step["after"])
        names = ", ".join(cast("list[str]", after["steps"]))
        join = str(after["join"])
        word = _JOINS.get(join, f"{after.get('count', 0)} of ")
        parts.append(f"after {names}" if join == "all" else f"after {word}({names})")
    parts += [f"{word} {_cel(step[word])}" for word in ("when",) if word in step]
    if "retry" in step:
        parts.append(f"retry {_retry(cast('_Data', step['retry']))}")
    parts += [f"{word} {_cel(step[word])}" for word in ("timeout", "within", "default") if word in step]
    if "undo" in step:
        parts.append(f"undo {_call(cast('_Data', step['undo']))}")
    if "was" in step:
        parts.append(f"was {step['was']}")
    if "on_unknown" in step:
        parts.append("on unknown fail")
    return "".join(f" {part}" for part in parts) + _handler(step)


def _retry(retry: _Data) -> str:
    only = ", ".join(quoted(text) for text in cast("list[str]", retry.get("only", [])))
    times = f"{_optional(retry, 'from', ' from ')}{_optional(retry, 'to', ' to ')}{_optional(retry, 'every', ' every ')}"
    return f"{retry['count']}{times}" + (f" only {only}" if only else "")


def _setting(setting: _Data) -> str:
    kind = str(setting["kind"])
    match kind:
        case "on":
            name = f" {_string(setting, 'name')}" if "name" in setting else ""
            zone = f" in {_string(setting, 'zone')}" if "zone" in setting else ""
            zone += _optional(setting, "every", " ") + "".join(
                f" {word} {setting[word]}" for word in ("overlap", "catchup") if word in setting
            )
            zone += _optional(setting, "catchup_within", " within ")
            given = f" with ({_arguments(setting, 'with')})" if "with" in setting else ""
            return f"on {setting['trigger']}{name}{zone}{_bind(setting)}{_optional(setting, 'when', ' when ')}{given}"
        case "retry":
            return f"retry {_retry(setting)}"
        case "concurrency":
            return f"concurrency {setting['count']}{_optional(setting, 'by', ' by ')}"
        case "singleton":
            return f"singleton{_optional(setting, 'by', ' by ')} {setting['busy']}"
        case "rate" | "throttle":
            return f"{kind} {setting['count']} per {_cel(setting['per'])}{_optional(setting, 'by', ' by ')}"
        case "debounce":
            return f"debounce {_cel(setting['quiet'])}{_optional(setting, 'by', ' by ')}{_optional(setting, 'max', ' max ')}"
        case "once":
            return f"once by {_cel(setting['by'])}{_optional(setting, 'within', ' within ')}"
        case "cancel":
            return f"cancel on event {_string(setting, 'event')}{_bind(setting)}{_optional(setting, 'when', ' when ')}"
        case _:
            return f"{kind} {_cel(setting['value'])}"


def _bind(part: _Data) -> str:
    if "as" not in part:
        return ""
    return f" as {part['as']}" + (f": {part['type']}" if "type" in part else "")


def _call(call: _Data) -> str:
    return f"{call['action']}({_arguments(call)})"


def _arguments(owner: _Data, key: str = "arguments") -> str:
    return ", ".join(
        (f"{field_text(str(arg['name']))}: " if "name" in arg else "") + _cel(arg["value"]) for arg in _parts(owner, key)
    )


def _optional(owner: _Data, key: str, before: str) -> str:
    return before + _cel(owner[key]) if key in owner else ""


def _cel(expression: object) -> str:
    return str(cast("_Data", expression)["cel"])


def _string(owner: _Data, key: str) -> str:
    return quoted(str(owner[key]))


def _parts(owner: _Data, key: str) -> list[_Data]:
    return cast("list[_Data]", owner.get(key, []))
