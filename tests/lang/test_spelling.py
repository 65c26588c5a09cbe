"""What is spelt out compiles to what it was: types, values, whole interfaces; and types inferred from samples fit them."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.actions.catalog import Catalog
from dagflow.lang.canonical.codec import to_data
from dagflow.lang.compiler import compile_text
from dagflow.lang.exporters.declarations import interface_text, spell, value_text
from dagflow.lang.exporters.json_schema import Schemas, input_schema
from dagflow.lang.exporters.python_stub import stub_of
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.importers.detect import import_json
from dagflow.lang.importers.samples import infer_declarations, infer_type
from dagflow.model.action import ActionSpec, Effect, EventSpec, Interface
from dagflow.model.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.wire import codec as wire
from tests.model.strategies import plain_json, types, values_of


def nameless(type_: Type) -> Type:
    """Without names: two types of one name cannot stand in one file."""
    match type_:
        case RecordType(_, fields):
            return RecordType("", tuple(attrs.evolve(field, type=nameless(field.type)) for field in fields))
        case ListType(element):
            return ListType(nameless(element))
        case MapType(key, value):
            return MapType(key, nameless(value))
        case OptionalType(value):
            return OptionalType(nameless(value))
        case _:
            return type_


def compiled(text: str) -> Interface:
    compilation = compile_text(text, Interface())
    assert not compilation.has_errors, compilation.render()
    return compilation.interface


def is_spelt(type_: Type) -> bool:
    return "null" not in str(type_).split() and not _has(type_, NULL)


def _has(type_: Type, wanted: Type) -> bool:
    inner = [getattr(type_, name) for name in ("element", "key", "value") if hasattr(type_, name)]
    inner += [field.type for field in getattr(type_, "fields", ())]
    return type_ == wanted or any(_has(each, wanted) for each in inner)


@settings(max_examples=60, deadline=None)
@given(types.map(nameless).filter(is_spelt))
def test_a_type_is_itself_again(type_: Type) -> None:
    assert compiled(f"type FileRef = Scalar<string>\naction a(it: {spell(type_)})").actions["a"].params[0].type == type_


SIMPLE = [
    BOOL,
    INT,
    UINT,
    DOUBLE,
    STRING,
    TIMESTAMP,
    DURATION,
    ListType(INT),
    MapType(STRING, DOUBLE),
    ListType(ListType(STRING)),
    BYTES,
]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(SIMPLE).flatmap(lambda type_: st.tuples(st.just(type_), values_of(type_))))
def test_a_value_is_itself_again(typed: tuple[Type, object]) -> None:
    type_, value = typed
    field = compiled(f"action a(it: {spell(type_)} = {value_text(value)})").actions["a"].params[0]
    assert wire.decode(field.default, type_) == value


def test_a_type_that_is_nested_without_end() -> None:
    value: object = 1
    for _ in range(40):
        value = [value]
    assert spell(infer_type([value])).endswith("list<json" + ">" * 25)


def test_a_whole_interface_is_itself_again() -> None:
    lead = RecordType(
        "Lead",
        (
            Field("name", STRING, doc="In full."),
            Field("status", EnumType("Status", ("new", "won")), has_default=True, default="new"),
        ),
    )
    interface = Interface(
        actions={
            "crm.find": ActionSpec(
                name="crm.find", params=(Field("like", lead), Field("limit", INT, has_default=True, default=3)), result=OptionalType(ListType(lead)),
                effect=Effect.PURE, doc="Finds.\n\nMore.",
            ),
            "send": ActionSpec(name="send", params=(Field("token", SecretType(STRING)),), result=NULL, effect=Effect.EFFECTFUL, takes_key=True),
        },
        events={"crm/lead.won": EventSpec(name="crm/lead.won", payload=RecordType("", (Field("lead", lead),)), doc="Somebody won."),
                "empty": EventSpec(name="empty", payload=RecordType("", ()))},
        types={"Lead": lead, "Size": EnumType("Size", ("s", "l"))},
    )  # fmt: skip
    text = interface_text(interface)
    again = compiled(text)
    assert again.actions == interface.actions
    assert again.events == interface.events
    assert again.types["Size"] == interface.types["Size"]
    assert "/// In full." in text
    assert "/// Somebody won." in text
    assert interface_text(again) == text


def test_a_hosts_own_kind_of_text_stays_one() -> None:
    spec = ActionSpec(name="read", params=(Field("file", ScalarType("FileRef")),), result=NULL, effect=Effect.PURE)
    text = interface_text(Interface(actions={"read": spec}, types={"Sku": ScalarType("Sku")}))
    again = compiled(text)
    assert again.actions == {"read": spec}
    assert again.types["Sku"] == ScalarType("Sku")
    data = to_data(text)
    assert import_json(json.dumps({key: value for key, value in data.items() if key != "text"}))[0] == format_text(text)


def test_the_builtin_actions_keep_their_keys() -> None:
    interface = Catalog.builtin().interface
    assert compiled(interface_text(interface)).actions == interface.actions


@settings(max_examples=80, deadline=None)
@given(st.lists(plain_json, min_size=1, max_size=6))
def test_every_sample_is_of_the_type_inferred(samples: list[object]) -> None:
    type_ = infer_type(samples)
    for sample in samples:
        wire.decode(sample, type_)
    compiled(infer_declarations("Sample", samples))


class TestInferring:
    def test_a_record_with_parts(self) -> None:
        samples = [
            {"id": n, "to": f"a{n}@b.org", "at": "2026-01-01T00:00:00Z", "status": "new" if n % 2 else "won", "where": {"city": f"c{n}"}}
            | ({} if n % 3 else {"note": "x" * n}) | {"items": [{"qty": 1.5 if n else 2}], "by_day": {"2026-01": n}, "url": f"https://x.org/{n}"}
            for n in range(8)
        ]  # fmt: skip
        assert infer_declarations("Order", samples) == (
            'type Status = "won" | "new"\n\n'
            "type Where {\n  city: string\n}\n\n"
            "type Item {\n  qty: double\n}\n\n"
            "type Order {\n  id: int,\n  to: Email,\n  at: timestamp,\n  status: Status,\n  where: Where,\n  note: string?,\n"
            "  items: list<Item>,\n  by_day: map<string, int>,\n  url: Url\n}\n"
        )

    @pytest.mark.parametrize(
        ("samples", "text"),
        [
            ([1, 2.5], "double"),
            ([1, None], "int?"),
            ([True, 1], "json"),
            ([None], "json?"),
            ([[], [1]], "list<int>"),
            ([[]], "list<json>"),
            ([{}], "map<string, json>"),
            (["a", "b"], "string"),
            ([{"a": 1}, {}], "{a: int?}"),
            ([{"in": 1, "true": 2, "if": 3, "null": 4}], "{`in`: int, `true`: int, if: int, `null`: int}"),
            ([{"2026": 1}], "map<string, int>"),
        ],
    )
    def test_small_ones(self, samples: list[object], text: str) -> None:
        assert spell(infer_type(samples)) == text
        compiled(f"type T = {text}")

    @pytest.mark.parametrize(
        ("key", "name"), [("entries", "Entry"), ("class_s", "ClassSItem"), ("boss", "BossItem"), ("_", "ValueItem")]
    )
    def test_items_have_the_name_of_one(self, key: str, name: str) -> None:
        assert f"type {name} {{" in infer_declarations("A", [{key: [{"x": 1}]}])

    def test_two_records_of_one_name(self) -> None:
        text = infer_declarations("A", [{"b": {"x": 1}, "c": {"b": {"y": 1}}, "d": {"b": {"x": 2}}}])
        assert "type B {\n  x: int\n}" in text
        assert "type B2 {\n  y: int\n}" in text
        assert text.count("x: int") == 1
        compiled(text)


def test_schemas() -> None:
    schemas = Schemas()
    record = RecordType(
        "Lead",
        (
            Field("a", OptionalType(INT)),
            Field("b", STRING, has_default=True, default="x", doc="Why."),
            Field("c", ListType(BOOL)),
        ),
    )
    assert schemas.of(record) == {"$ref": "#/$defs/Lead"}
    assert schemas.of(RecordType("Lead", ())) == {"$ref": "#/$defs/Lead2"}
    assert schemas.definitions["Lead"] == {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, {"type": "null"}]},
            "b": {"type": "string", "description": "Why.", "default": "x"},
            "c": {"type": "array", "items": {"type": "boolean"}},
        },
        "required": ["c"],
        "additionalProperties": False,
    }
    others = [UINT, DOUBLE, BYTES, TIMESTAMP, DURATION, MapType(STRING, INT), EnumType("", ("a",)), ScalarType("Email"), ScalarType("FileRef"), SecretType(STRING), JSON, NULL]  # fmt: skip
    shown = [schemas.of(type_) for type_ in others]
    assert [each.get("type") for each in shown] == ["integer", "number", "string", "string", "string", "object", "string", "string", "string", "string", None, "null"]  # fmt: skip
    flow = compile_text("/// Says it.\nflow f(n: int = 3) { wait 1s }", Interface()).unwrap()
    assert json.loads(json.dumps(input_schema(flow)))["description"] == "Says it."


def test_stubs_are_python() -> None:
    record = RecordType("Odd", (Field("class", INT), Field("x", OptionalType(ScalarType("FileRef")))))
    plain = RecordType("Plain", ())
    actions = [
        ActionSpec(name=name, params=(Field("from", record), Field("at", TIMESTAMP)), result=result, effect=Effect.PURE, doc='Says "x\\".')
        for name, result in [("a.b.c", plain), ("a.def", MapType(STRING, EnumType("", ("p", "q")))), ("d", RecordType("", ())), ("e", SecretType(STRING))]
    ]  # fmt: skip
    kinds = [
        ActionSpec(
            name="f", params=(Field("k", EnumType("Kind", ("1",))), Field("u", ListType(JSON))), result=NULL, effect=Effect.PURE
        )
    ]
    text = stub_of(Interface(actions={each.name: each for each in actions + kinds}))
    compile(text, "stub.pyi", "exec")
    assert 'Odd = TypedDict("Odd", {"class": int, "x": NotRequired[FileRef | None]})' in text
    assert "FileRef = str" in text
    assert "    async def def_(*, from_: Odd, at: dagflow.Timestamp)" in text
    assert 'Kind = Literal["1"]' in text
