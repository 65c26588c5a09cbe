"""Sayings too small for a golden file: each a body or file, and a part of what is said about it; None for nothing."""

from __future__ import annotations

import pytest

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.symbols import Absences, Names, Symbol, SymbolKind, View
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import Source, apply_fixes, render
from dagflow.lang.limits import Limits
from dagflow.model.action import Interface
from dagflow.model.types import (
    BOOL,
    DOUBLE,
    INT,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)
from tests.lang.golden import check, prelude

INTERFACE = prelude()
HEAD = "flow f(lead: Lead, order: Order, j: json)"


def said(body: str, head: str = HEAD) -> str:
    return check(body if "flow f" in body else f"{head} {{\n{body}\n}}", INTERFACE).render()


@pytest.mark.parametrize(
    ("body", "part"),
    [
        # blocks
        ('parallel {\nfilter lead.score > 1\na = log(message: "x")\n}', "W401"),
        ('parallel {\nfilter q: lead.score > 1\na = log(message: "x")\n}\nif q { stop }', None),
        ('filter lead.score > 1 else { a = log(message: "x") }', None),
        ('a = log(message: "x") on error as lead { b = log(message: lead.code) }\nc = log(message: lead.name)', None),
        ("parallel first 2 {\ndo { wait 1s }\nparallel first 1 { wait 2s\nwait 3s }\nlet x = 1\nif lead.score > 1 { }\n}", "W901"),
        ("parallel first 3 { wait 1s\nwait 2s }", "this race can never be won"),
        ("parallel first 0 { wait 1s\nwait 2s }", "does not wait for anything"),
        ("parallel first 2 { wait 1s }", "give it two branches or more"),
        ('for x in lead.tags { a = log(message: x) }\nb = log(message: a)\nc = log(message: "c") after a', "this loop has no maximum"),
        # calls
        ('emit "crm/lead.changed" ()', "values of type Lead here: lead"),
        ('pay.charge(order_id: "x")', "values of type double here: order.total"),
        ('let x = 1.5\npay.charge(order_id: "x")', "values of type double here: order.total, x"),
        ("a = crm.lookup()", "values of type Email here: lead.email"),
        ('slack(channel: "x")', "values of type string here: lead.name"),
        ("pay.token()", "give it: `token: …`"),
        ("log()", "missing message: string"),
        ("log(lead.name, lead.name)", "`log` takes message: string"),
        ('a = log(message: "x", message: "y")', "is given twice"),
        ('a = log(messages: "x")', "did you mean `message`?"),
        ('a = log(message: "x", b: 1)', "`log` takes message"),
        ('a = log(text: "x")', "it is the only missing one"),
        # what expressions are for
        ('a = email(template: "x", to: lead.name)', "Email(lead.name)"),
        ('a = email(template: "x", to: "nobody")', "got an invalid text"),
        ("a = email(template: lead.score, to: lead.email)", "string(lead.score)"),
        ('a = pay.charge(order_id: "x", amount: lead.score)', "double(lead.score)"),
        ("a = risk.score(order: lead)", "is not a field of Order"),
        ('let x = {"id": "a"}\na = risk.score(order: x)', "E307"),
        ("let x: list<int> = lead.tags", "the elements have type"),
        ('let x: {a: int} = {"a": "x"}', "E307"),
        ("let x: map<string, int> = lead.tags", "E307"),
        ("let x: int? = lead.owner", "E307"),
        ("let x: string = lead.owner", "`x` needs string"),
        ("let x: timestamp = lead.owner", "E307"),
        ("let x: Email = lead.owner", "add a default with `??`"),
        ("a = log(message: secrets.x)", "a secret would leave the system"),
        ('let x: "a" | "b" = "c"', 'one of "a" | "b"'),
        ('let x: "a" | "b" = lead.name', "E307"),
        ('let x: double = 1\nlog(message: "${x}")', None),
        ('let x: double = lead.score\nlog(message: "${x}")', "double(lead.score)"),
        ('let x: int = j\nlog(message: "${x}")', None),
        ("let x: bool = lead.email", "E307"),
        ("wait lead.created", "`wait` takes duration"),
        ("wait until 2d", "`wait until` takes timestamp"),
        ("wait now - lead.created", None),
        ("if lead.score { }", "`if` takes bool"),
        ("filter lead.owner", "`filter` takes bool"),
        ('a = log(message: "x") when lead.score', "`when` takes bool"),
        ('fail "x ${lead.tags}"', "does not go into a text"),
        ('let x = 1 / 0\nlog(message: "${x}")', None),
        ('let x: int = "abc"', "E30"),
        ("pay.token(token: j)", "`token` takes Secret<string>, got json"),
        ("type A { a: int, b: int }\naction use(a: A)\ntype B { a: int }\nflow f(b: B) { use(a: b) }", "`b` is missing"),
        ("type A { a: int }\naction use(a: A)\ntype B { a: string }\nflow f(b: B) { use(a: b) }", "`a` is string, expected int"),
        ("log(message: j.in)", "is a reserved word"),
        ("let x = loop(1)", "is a reserved word"),
        # conditions
        ('switch lead.status { case "nwe" { } }', 'did you mean "new"?'),
        ('if true { log(message: "x") }', "always true"),
        ('if (false) { log(message: "x") }', "always false"),
        ('if 1 == 1 { log(message: "x") }', None),
        ("switch lead.tags { case [] { } else { } }", None),
        ('switch lead.score { case "a" { } else { } }', "cannot compare int with string"),
        ('switch lead.status { case "nwe" { } else { } }', 'did you mean "new"?'),
        ('switch lead.status { case "new", "new" { } else { } }', "takes it already"),
        ("switch lead.status { case lead.name { } else { } }", None),
        ("switch lead.nope { case 1 { } }", "has no field `nope`"),
        ("switch lead.score { case lead.nope { } else { } }", "has no field `nope`"),
        # order
        ('a = log(message: "x") after c\nb = log(message: "y")\nc = log(message: "z") after b', "waits for a: order"),
        ('let a = 3 4\nb = log(message: "x") after a', "E103"),
        ('a = log(message: "x") after a', "waits for a: `after a`"),
        ('parallel { a = log(message: "x") after b\nb = log(message: "y") when lead.score > 1 after a }', "its condition"),
        ('parallel { a = pay.charge(order_id: "x", amount: 1) after b\nb = log(message: "y") after c\ndo { c = log(message: a.id) } }', "reads `a`"),
        ('a = log(message: "x") after lead', "`lead` is not a step"),
        ('alfa = log(message: "x")\nb = log(message: "y") after alfb', "did you mean `alfa` (line 2)?"),
        ('b = log(message: "y") after nobody', "`after` names steps of this flow"),
        ('a = log(message: "x")\nb = log(message: "y") after a, a', "is named twice"),
        ('a = log(message: "x")\nb = log(message: "y") after 2 of (a, a)', "E404"),
        ('a = log(message: "x")\nb = log(message: "y") after 0 of (a)', "not wait for anything"),
        ('if lead.score > 1 { a = log(message: "x") } else { b = log(message: "y") }\nc = log(message: "z") after a, b', "never run in the same run"),
        ('if lead.score > 1 { a = log(message: "x") } else { b = log(message: "y") }\nc = log(message: "z") after 1 of (a, b)', None),
        ('if q: lead.score > 1 { a = log(message: "x") } else { b = log(message: "y") after a }', "E406"),
        ('switch s: order.tier { case "gold" { a = log(message: "x") } case "silver" { b = log(message: "y") after a } else { } }', "E406"),
        # names
        ('x = log(message: "a")\nx_2 = log(message: "b")\nx = log(message: "c")', "`x_3`"),
        ("a = wait 1s\nlog(message: a)", "`a` has no value"),
        ("a = log(message: a)", "a step cannot read itself"),
        ('log(message: b)\nlet b = "x"', "move this step below line 3"),
        ("a = upsert(x: 1)", "unknown action `upsert`"),
        ("a = lookup(email: lead.email)", "did you mean `crm.lookup`?"),
        ('a = emial(template: "x", to: lead.email)', "its arguments match"),
        ('emit "crm/lead.chnaged" (lead: lead)', "did you mean `crm/lead.changed`?"),
        ('emit "nope" (x: lead.nope)', "unknown event `nope`"),
        ("a = nope(x: lead.nope)", "has no field `nope`"),
        ('a = email(template: "a-b", to: lead.email)\nemail(template: "x y", to: lead.email)\nemail(template: "w", to: lead.email)', "`w = email(...)`"),
        ('email(template: "x y", to: lead.email)\nemail(template: "x y", to: lead.email)', "`email_2 = email(...)`"),
        ('email(template: "x", to: lead.email)\nemail = log(message: "x")', "E205"),
        # settings
        ("flow f { timeout 400d }", "366 days at most"),
        ("flow f { timeout 0s }", "above zero"),
        ("flow f { timeout 1d\ntimeout 2d }", "given before on line 1"),
        ("flow f { retry 1\nretry 2 }", "`retry` is given twice"),
        ("flow f { retry 3 from 0s to 1s }", "above zero"),
        ("flow f { retry 3 from 1s to 0s }", "above zero"),
        ("flow f { retry 3 every 0s }", "above zero"),
        ("flow f { retry 99999999999 }", "out of this range"),
        ('flow f { on event "crm/lead.changed" as e with (lead: e.lead) }', "this flow has none"),
        ('flow f(lead: Lead) { on event "crm/lead.changed" as e: nope with (lead: lead) }', "unknown type `nope`"),
        ('flow f(a: int) { on event "crm/lead.changed" as e }', "does not fill"),
        ('flow f(lead: Lead, a: int) { on event "crm/lead.changed" }', "as e with (lead: e.lead, a: …)"),
        ('flow f { on event "crm/lead.changed" as now }', "the name `now` is taken"),
        ('flow f { on manual as x: {a: int}\non event "crm/lead.changed" }', None),
        ('flow f { on event "x/y" as e: {a: int}\non manual as e: {a: int}\nlog(message: "${e.a}") }', None),
        ("flow f { on manual as e: nope\nlog(message: e.a) }", "unknown type `nope`"),
        ('flow f { on event "crm/lead.changed" as e: Lead }', "the event carries {lead: Lead}, not Lead"),
        ('event "x/y" { a }\nflow f { emit "x/y" (a: 1) }', "E101"),
        # declarations
        ("type A = int<int>\nflow f { }", "takes no type in `<>`"),
        ("type A = list<int, int>\nflow f { }", "takes 1 type in `<>`"),
        ("type A = map<double, int>\nflow f { }", "cannot have double keys"),
        ("type A = Secret<string>?\ntype B = Secret<string>??\nflow f { }", "E10"),
        ("type Email = string\nflow f { }", "exists already"),
        ("type A = int\ntype A = int\nflow f { }", "declared twice"),
        ("type A = intt\nflow f { }", "did you mean `int`?"),
        ('event "crm/lead.changed" { x: int }\nflow f { }', "this differs from the other declaration: `lead` is only there"),
        ("action log(message: int)\nflow f { }", "this differs from the host: `message` is string there, int here"),
        ("action log(message: string)\nflow f { }", None),
        ("type A { a: int, a: int }\nflow f { }", "declared twice"),
        ("type A { a: int = b }\nflow f { }", "must be a constant"),
        ("type A { a: int = 1 / 0 }\nflow f { }", "this has no value"),
        ("flow f { }\nflow f { }", "the other one is on line 1"),
        # results
        ("flow f { return 1 }", "declares no result"),
        ("flow f -> int { }", "nothing in it returns one"),
        ("flow f(b: bool) -> int { if b { return 1 } }", "some ways through it"),
        ("flow f(b: bool) -> int { if b { return 1 } else { stop } }", "some ways through it"),
        ("flow f(b: bool) -> int { filter b\nreturn 1 }", "some ways through it"),
        ("flow f(b: bool) -> int { filter b else { return 2 }\nreturn 1 }", None),
        ("flow f(b: bool) -> int { do { return 1 } }", None),
        ('flow f(b: bool) -> int { do { if b { return 1 } }\nfail "x" }', None),
        ("flow f(b: bool) -> int { do { return 1 } on error { wait 1s } }", "some ways through it"),
        ("flow f(b: int) -> int { switch b { case 1 { return 1 } else { return 2 } } }", None),
        ("flow f(b: int) -> int { switch b { case 1 { return 1 } } }", "some ways through it"),
        ('flow f(b: int) -> int { switch b { case 1 { return 1 } else { wait 1s } }\nfail "x" }', None),
        ("flow f(b: bool) -> int { if b { wait 1s } else if !b { return 1 } else { return 2 }\nreturn 3 }", None),
        ("flow f(b: bool) -> string { return b }", "`return` takes string, got bool"),
        ("flow f(b: bool) { parallel { if b { stop } \nwait 1s } }", "cancels the other branches"),
        ("flow f(b: nope) { let x: nope2 = b }", "nope2"),
    ],
)  # fmt: skip
def test_what_is_said(body: str, part: str | None) -> None:
    text = said(body)
    if part is None:
        assert "error" not in text, text
    else:
        assert part in text


RECORD = RecordType("R", (Field("a", INT), Field("b", OptionalType(STRING))))


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (INT, INT, True),
        (INT, STRING, False),
        (INT, DOUBLE, False),
        (UNKNOWN, INT, True),
        (INT, UNKNOWN, True),
        (ParamType("T"), INT, True),
        (NULL, OptionalType(INT), True),
        (INT, OptionalType(INT), True),
        (OptionalType(INT), INT, False),
        (OptionalType(INT), OptionalType(INT), True),
        (OptionalType(INT), OptionalType(STRING), False),
        (SecretType(STRING), SecretType(STRING), True),
        (SecretType(STRING), STRING, False),
        (STRING, SecretType(STRING), False),
        (SecretType(STRING), JSON, False),
        (SecretType(STRING), SecretType(JSON), True),
        (JSON, INT, True),
        (RECORD, JSON, True),
        (OptionalType(INT), JSON, True),
        (OptionalType(SecretType(STRING)), JSON, False),
        (JSON, OptionalType(INT), True),
        (EnumType("", ("a",)), STRING, True),
        (ScalarType("Email"), STRING, True),
        (STRING, ScalarType("Email"), False),
        (EnumType("", ("a",)), EnumType("", ("b", "a")), True),
        (EnumType("", ("a", "c")), EnumType("", ("b", "a")), False),
        (ListType(INT), ListType(JSON), True),
        (ListType(INT), ListType(STRING), False),
        (MapType(STRING, INT), MapType(STRING, JSON), True),
        (MapType(STRING, INT), MapType(INT, JSON), False),
        (RECORD, MapType(STRING, JSON), True),
        (RECORD, MapType(INT, JSON), False),
        (RECORD, MapType(STRING, INT), False),
        (RECORD, RecordType("S", RECORD.fields), True),
        (RecordType("", (Field("a", INT),)), RECORD, True),
        (RecordType("", (Field("b", STRING),)), RECORD, False),
        (RecordType("", (Field("a", STRING),)), RECORD, False),
        (RecordType("", (Field("a", INT), Field("c", INT))), RECORD, False),
        (RecordType("", ()), RecordType("", (Field("a", INT, has_default=True, default=1),)), True),
        (BOOL, TIMESTAMP, False),
    ],
    ids=str,
)
def test_what_may_be_given_where(given: Type, wanted: Type, fits: bool) -> None:
    assert is_assignable(given, wanted) is fits


def test_types_in_messages_are_short() -> None:
    assert readable(UNKNOWN) == readable(JSON) == "json"
    assert readable(STRING) == "string"
    long = readable(RecordType("", tuple(Field(f"field{i}", INT) for i in range(20))))
    assert len(long) == 58
    assert long.endswith("…")


def test_a_view_lists_what_can_be_read() -> None:
    names = Names()
    span = Span(0, 1)
    names.define(Symbol("input", SymbolKind.CONSTANT, INT, span, 1))
    names.define(Symbol("sure", SymbolKind.STEP, INT, span, 1, frozenset(), "sure"))
    names.define(Symbol("maybe", SymbolKind.STEP, OptionalType(INT), span, 1, frozenset({("q", 1)}), "maybe"))
    names.define(Symbol("silent", SymbolKind.VALUELESS, NULL, span, 1, frozenset(), "silent"))
    view = View(names, frozenset(), frozenset())
    assert dict(view) == {"input": INT, "sure": INT, "maybe": OptionalType(INT)}
    assert len(view) == 3
    with pytest.raises(KeyError):
        view["silent"]
    absences = Absences(view, lambda symbol: symbol.name.upper())
    assert dict(absences) == {"maybe": "MAYBE"}
    assert len(absences) == 1
    assert "sure" not in absences
    assert not view.covers(frozenset({"nobody"}))


def compiled(text: str) -> Compilation:
    return compile_text(text, INTERFACE, filename="x.flow")


def test_unwrap() -> None:
    one = compiled("flow a { }")
    assert one.unwrap().name == one.unwrap("a").name == "a"
    assert one.unwrap().filename == "x.flow"
    two = compiled("flow a { }\nflow b { }")
    assert list(two.flows) == ["a", "b"]
    assert two.unwrap("b").name == "b"
    with pytest.raises(UsageError, match=r"has 2 flows \(a, b\); pass the flow name"):
        two.unwrap()
    with pytest.raises(UsageError, match="has no flow `c`; it has: a, b"):
        two.unwrap("c")
    with pytest.raises(UsageError, match=r"0 flows \(none\)"):
        compiled("").unwrap()
    broken = compiled("flow a { wait 3 }")
    assert broken.flows == {}
    with pytest.raises(FlowInvalid, match="E307") as raised:
        broken.unwrap()
    assert raised.value.diagnostics == broken.diagnostics
    assert broken.to_json()[0]["file"] == "x.flow"


def test_what_a_file_declares_joins_what_the_host_does() -> None:
    interface = compiled('type A = int\nevent "x/y" { a: A }\naction act(a: A)').interface
    assert {"A", "Lead"} <= set(interface.types)
    assert {"x/y", "crm/lead.changed"} <= set(interface.events)
    assert {"act", "log"} <= set(interface.actions)


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(source_chars=10), "has 40 characters, the limit is 10"),
        (Limits(steps=2), "3 statements, the limit is 2"),
        (Limits(edges=1), "2 edges, the limit is 1"),
    ],
)
def test_limits(limits: Limits, what: str) -> None:
    text = "flow f {\nwait 1s\nwait 2s\nwait 3s\n}".ljust(40)
    assert what in compile_text(text, Interface(), limits=limits).render()


def test_conditions_count_as_steps() -> None:
    text = "action a(n: int)\nflow f(b: bool) {\na(n: 1) when b\nx = a(n: 2) when b\n}"
    assert "4 steps and conditions, the limit is 3" in compile_text(text, Interface(), limits=Limits(steps=3)).render()


def test_places_and_pointers() -> None:
    text = "one\r\n\ttwo\u202e\nthree"
    source = Source(text, "x")
    assert (source.place(0).line, source.place(0).column) == (1, 1)
    assert source.line(1) == "one"
    assert source.line(3) == "three"
    assert (source.place(10_000).line, source.place(10_000).column) == (3, 6)
    diagnostic = Diagnostic(code="N101", title="t\x07", span=Span(6, 9), label="l", pointer="/a/0")
    shown = render([diagnostic], text, "x")
    assert "x:2:2 (at /a/0)" in shown
    assert "note[N101]: t\\u0007" in shown
    assert "\\u202e" in shown
    assert "    ^^^ l" in shown
    assert render([], text, "x") == ""


def test_fixes_of_one_place_are_applied_once() -> None:
    def fix(start: int, end: int, text: str, *, is_safe: bool = True) -> Diagnostic:
        return Diagnostic(
            code="E101", title="", span=Span(start, end), fix=Fix("x", is_safe=is_safe, edits=(Edit(Span(start, end), text),))
        )

    some = [fix(0, 3, "X"), fix(2, 4, "Y"), fix(4, 4, "!"), fix(4, 4, "?"), fix(5, 6, "Z", is_safe=False)]
    assert apply_fixes("abcdefg", some) == "Xd!efg"
    assert apply_fixes("abcdefg", some, only_safe=False) == "Xd!eZg"
    assert apply_fixes("abc", [Diagnostic(code="E101", title="", span=Span(0, 1))]) == "abc"


HOST = """
type Charge { id: string, kind: "card" | "cash" }
action pay.charge(amount: double) -> Charge effectful by key
event "paid" { charge: Charge? }
"""


@pytest.mark.parametrize(
    "text",
    [
        'action pay.charge(amount: double) -> {id: string, kind: "card" | "cash"}',
        'type Paid { id: string, kind: Kind }\ntype Kind = "card" | "cash"\naction pay.charge(amount: double) -> Paid effectful',
        'event "paid" { charge: {id: string, kind: "card" | "cash"}? }',
    ],
)
def test_declarations_agree_by_what_they_contain(text: str) -> None:
    host = compile_text(HOST, Interface()).interface
    assert compile_text(text, host).diagnostics == ()


@pytest.mark.parametrize(
    ("text", "difference"),
    [
        ("action pay.charge(amount: double) -> {id: string}", "it returns "),
        ("action pay.charge(amount: int) -> Charge", "`amount` is double there, int here"),
        ("action pay.charge(amount: double, note: string) -> Charge", "`note` is only here"),
        ("action pay.charge() -> Charge", "`amount` is only there"),
        ("action pay.charge(amount: double = 1.0) -> Charge", "`amount` has a default only here"),
        ("action pay.charge(amount: double) -> Charge idempotent", "it is effectful there, idempotent here"),
        ('event "paid" { charge: Charge }', "`charge` is "),
    ],
)
def test_where_declarations_part_is_said(text: str, difference: str) -> None:
    (found,) = compile_text(text, compile_text(HOST, Interface()).interface).diagnostics
    assert found.code == "E210"
    assert difference in found.label
