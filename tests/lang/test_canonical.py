"""Canonical JSON: text → JSON → text is the formatter, JSON → text → JSON the identity; what is wrong in JSON is said by pointer."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.canonical.codec import from_data, to_data
from dagflow.lang.canonical.schema import SCHEMA
from dagflow.lang.compiler import compile_text
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.importers.detect import import_json
from dagflow.model.action import Interface
from dagflow.model.wire.json_reader import locate_json
from tests.app.familytext import family_texts
from tests.app.flowtext import flow_texts
from tests.lang.corpus import GOOD, interface
from tests.lang.flowtwin import meaning, shaken

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.flow"))
EVERY_WORD = (HERE / "every_word.flow").read_text(encoding="utf-8")


def read_back(data: object) -> str:
    text, found = from_data(locate_json(json.dumps(data)))
    assert text is not None, found
    assert not found
    return text


def bare(data: Any) -> Any:
    """Without places and the text, as a program would write it."""
    if isinstance(data, dict):
        return {key: bare(value) for key, value in data.items() if key != "span" and not (key == "text" and "items" in data)}
    return [bare(value) for value in data] if isinstance(data, list) else data


def holds(text: str, known: Interface) -> None:
    data = to_data(text)
    assert read_back(data) == format_text(text)
    assert to_data(read_back(data)) == data
    written = read_back(bare(data))
    assert bare(to_data(written)) == bare(data)
    before, after = (compile_text(each, known) for each in (text, written))
    assert [meaning(flow) for flow in after.flows.values()] == [meaning(flow) for flow in before.flows.values()]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    holds(path.read_text(encoding="utf-8"), Interface())


@pytest.mark.parametrize("number", range(0, len(GOOD), 9))
def test_good_flows(number: int) -> None:
    holds(GOOD[number], interface())


def test_every_word_of_the_language() -> None:
    holds(EVERY_WORD, Interface())


@settings(max_examples=20)
@given(number=st.integers(0, len(GOOD) - 1), seed=st.integers(0, 10**9))
def test_comments_anywhere_come_back(number: int, seed: int) -> None:
    crooked = shaken(GOOD[number], seed)
    assert read_back(to_data(crooked)) == format_text(crooked)


@settings(max_examples=20)
@given(text=flow_texts() | family_texts())
def test_generated_flows(text: str) -> None:
    holds(text, Interface())


FLOW = """
/// A lead.
type Lead { name: string, score: int = 1 }

// Who wrote this
/// Tells somebody.
flow tell(lead: Lead) -> string {
  on manual
  // only the good
  filter lead.score > 3
  note = log(message: "Hi ${lead.name}") retry 3 every 2s
  return lead.name
}

flow other { tell(lead: {"name": "x"}) }
flow lonely { wait 1s }
"""


def test_what_the_data_look_like() -> None:
    data = to_data(FLOW)
    text = str(data["text"])
    flow: Any = data["items"][1]  # type: ignore[index]
    assert {key: flow[key] for key in ("kind", "name", "doc", "comments", "result")} == {
        "kind": "flow", "name": "tell", "doc": "Tells somebody.", "comments": ["// Who wrote this"], "result": "string",
    }  # fmt: skip
    condition = flow["steps"][0]["condition"]
    assert condition["cel"] == text[slice(*condition["span"])] == "lead.score > 3"
    assert flow["steps"][0]["comments"] == ["// only the good"]
    assert flow["steps"][1]["retry"]["every"]["cel"] == "2s"
    assert flow["params"] == [{"name": "lead", "type": "Lead", "span": flow["params"][0]["span"]}]


def test_changed_data_count_more_than_the_text() -> None:
    data: Any = to_data(FLOW)
    data["items"][1]["steps"][0]["condition"]["cel"] = "lead.score>4"
    text = read_back(data)
    assert "  // only the good\n  filter lead.score > 4\n" in text
    assert "// Who wrote this\n/// Tells somebody.\nflow tell" in text


def test_a_text_that_does_not_parse_any_more_counts_for_nothing() -> None:
    data: Any = to_data(FLOW)
    data["text"] = "flow f { wait 2 days }"
    assert bare(to_data(read_back(data))) == bare(to_data(FLOW))


def test_what_is_no_json_or_another_form() -> None:
    assert [each.code for each in import_json("{", filename="a")[1]] == ["E110"]
    assert [each.code for each in import_json("[1 2]")[1]] == ["E110"]
    text, found = import_json('{"name": "A", "actions": [{"type": "wait", "data": {"duration": "2 days"}}]}')
    assert (text is not None and "wait 2d" in text, found) == (True, [])


def test_one_flow_with_all_it_calls() -> None:
    names = [item["name"] for item in bare(to_data(FLOW, flow="other"))["items"]]
    assert names == ["Lead", "tell", "other"]
    assert "span" not in json.dumps(to_data(FLOW, flow="other"))
    with pytest.raises(UsageError, match="has no flow `oter`; it has: tell, other, lonely"):
        to_data(FLOW, flow="oter")


def test_what_does_not_parse_is_not_exported() -> None:
    with pytest.raises(FlowInvalid):
        to_data("flow f { wait 2 days }")
    with pytest.raises(FlowInvalid):
        to_data('flow f { log(message: "${1 +}") }')


def test_the_schema_is_published() -> None:
    published = json.loads((REPOSITORY / "grammar" / "flow.schema.json").read_text(encoding="utf-8"))
    assert published == SCHEMA, "python -m tests.lang.test_canonical writes it"


def test_every_part_of_the_schema_is_used() -> None:
    """`every_word.flow` has every kind of everything, so every key of the schema is among its data, but for two."""
    seen: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            seen.update(value)
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(to_data("// c\n" + EVERY_WORD))
    properties = {key for shape in [SCHEMA, *SCHEMA["$defs"].values()] for key in shape.get("properties", {})}  # type: ignore[attr-defined]
    assert properties - seen == set()


#: A change of the data of FLOW, and what is said: the code, the pointer, part of the message.
WRONG: list[tuple[tuple[object, ...], object, str, str, str]] = [
    (("dagflow",), 2, "E111", "/dagflow", "write 1"),
    (("dagflow",), True, "E111", "/dagflow", "true or false"),
    (("items",), {}, "E111", "/items", "a list is expected here"),
    (("items", 0), 3, "E111", "/items/0", "an object is expected here"),
    (("items", 0, "kind"), "typ", "E111", "/items/0/kind", 'did you mean "type"?'),
    (("items", 0, "kind"), None, "E111", "/items/0/kind", "null"),
    (("items", 0), {"name": "x"}, "E111", "/items/0", '"kind" is missing'),
    (("items", 0), {"kind": "type", "name": "x"}, "E111", "/items/0", '"fields" or "is"'),
    (("items", 0), {"kind": "import", "name": "x"}, "E111", "/items/0", '"path" is missing'),
    (("items", 0, "nam"), "x", "E111", "/items/0/nam", "unknown key `nam`"),
    (("items", 0, "name"), "a b", "E111", "/items/0/name", "not allowed here"),
    (("items", 1, "comments"), ["x"], "E111", "/items/1/comments/0", "not allowed here"),
    (("items", 1, "result"), "list<", "E101", "/items/1/result", ""),
    (("items", 1, "result"), "int\ntype U = int", "E111", "/items/1/result", "this is not a type"),
    (("items", 1, "steps", 0, "condition", "cel"), "x.a = b", "E102", "/items/1/steps/0/condition/cel", "`=` does not compare"),
    (("items", 1, "steps", 0, "condition", "cel"), "a // b", "E111", "/items/1/steps/0/condition/cel", "cannot contain comments"),
    (("items", 1, "steps", 0, "condition", "cel"), "a } wait 2d", "E117", "/items/1/steps/0/condition/cel", ""),
    (("items", 1, "steps", 0, "condition", "cel"), "", "E101", "/items/1/steps/0/condition/cel", ""),
    (("items", 1, "steps", 0, "else"), "x", "E111", "/items/1/steps/0/else", "a list is expected here"),
    (("items", 1, "steps", 1, "retry", "count"), -1, "E111", "/items/1/steps/1/retry/count", "too small"),
    (("items", 1, "steps", 1, "retry", "count"), True, "E111", "/items/1/steps/1/retry/count", "a whole number"),
    (("items", 1, "steps", 1, "after"), {"join": "some", "steps": ["a"]}, "E111", "/items/1/steps/1/after", '"count" is missing'),
    (("items", 1, "steps", 1, "after"), {"join": "all", "steps": []}, "E111", "/items/1/steps/1/after/steps", "names steps"),
    (("items", 1, "steps", 1, "after"), {"join": "all", "count": 1, "steps": ["a"]}, "E111", "/items/1/steps/1/after", "not allowed"),
    (("items", 1, "settings", 0, "name"), "x", "E111", "/items/1/settings/0", "not allowed"),
    (("items", 1, "settings", 0), {"kind": "on", "trigger": "event", "name": "e", "zone": "z"}, "E111", "/items/1/settings/0/zone", "zone"),
    (("items", 1, "settings", 0), {"kind": "on", "trigger": "manual", "overlap": "skip"}, "E111", "/items/1/settings/0/overlap", "overlap"),
    (("items", 1, "settings", 0), {"kind": "on", "trigger": "every", "every": {"cel": "1h"}, "catchup": "all"}, "E111", "/items/1/settings/0", "catchup_within"),
    (("items", 1, "settings", 0), {"kind": "on", "trigger": "every"}, "E111", "/items/1/settings/0", "every"),
    (("items", 1, "steps", 0), {"kind": "wait"}, "E111", "/items/1/steps/0", '"for" or "until"'),
    (("items", 1, "steps", 1, "id"), "wait", "E104", "/items/1/steps/1", "`wait` cannot be a step name"),
    (("items", 1, "steps", 1, "retry", "count"), 10**12, "E111", "/items/1/steps/1/retry/count", "cannot be written"),
    (("items", 2), {"kind": "test", "text": "flow f { }"}, "E111", "/items/2/text", "this is not a test"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "code", "pointer", "words"), WRONG, ids=lambda part: str(part)[:40])
def test_what_is_wrong_is_said_by_pointer(path: tuple[Any, ...], value: object, code: str, pointer: str, words: str) -> None:
    data: Any = copy.deepcopy(to_data(FLOW))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    text, found = import_json(json.dumps(data), filename="a.json")
    assert text is None
    assert [(each.code, each.pointer) for each in found] == [(code, pointer)]
    first = found[0]
    assert words in f"{first.title} {first.label} {first.help}"
    assert first.file == "a.json"


def test_everything_wrong_is_said_at_once() -> None:
    data: Any = to_data(FLOW)
    data["items"][0]["name"] = "?"
    data["items"][1]["steps"][0] = {"kind": "filtr"}
    text, found = import_json(json.dumps(data))
    assert text is None
    assert [each.pointer for each in found] == ["/items/0/name", "/items/1/steps/0/kind"]
    many = {"dagflow": 1, "items": [3] * 1_000}
    assert len(import_json(json.dumps(many))[1]) == 50


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["kind", "items", "steps", "name", "cel"]), inner, max_size=3)
        ),
    )
)
def test_nothing_in_json_raises(items: object) -> None:
    text, found = import_json(json.dumps({"dagflow": 1, "items": items}))
    assert (text is None) == bool(found)


if __name__ == "__main__":
    (REPOSITORY / "grammar" / "flow.schema.json").write_text(json.dumps(SCHEMA, indent=2) + "\n", encoding="utf-8")
