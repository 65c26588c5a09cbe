from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.clock import VirtualClock
from dagflow.lang.importers.action_list import import_action_list
from dagflow.lang.importers.durations import duration_literal
from dagflow.model.action import EventSpec
from dagflow.model.types import BOOL, DOUBLE, INT, STRING, EnumType, Field, ListType, OptionalType, RecordType, ScalarType

SEED = """{
  "name": "Approval",
  "actions": [
    {"type": "filter", "data": {"field": "status", "value": "proposal_created"}},
    {"type": "email", "data": {"template": "proposal", "to": "leadEmail"}},
    {"type": "slack", "data": {"channel": "C12345"}},
    {"type": "wait", "data": {"duration": "2 days"}},
    {"type": "email", "data": {"template": "proposal_follow_up", "to": "salespersonEmail"}}
  ]
}
"""


@attrs.frozen
class LeadStatusChanged:
    accountId: str  # noqa: N815 - the names of the event's sender
    leadEmail: dagflow.Email  # noqa: N815
    salespersonEmail: dagflow.Email  # noqa: N815
    status: str


LEAD = EventSpec(
    name="crm/lead_status.changed",
    payload=RecordType(
        "",
        (
            Field("accountId", STRING),
            Field("leadEmail", ScalarType("Email")),
            Field("salespersonEmail", ScalarType("Email")),
            Field("status", STRING),
        ),
    ),
)
EVENT = EventSpec(
    name="shop/order",
    payload=RecordType(
        "",
        (
            Field("count", INT),
            Field("total", DOUBLE),
            Field("paid", BOOL),
            Field("state", EnumType("", ("new", "sent"))),
            Field("contact", STRING),
            Field("buyer", ScalarType("Email")),
            Field("note", OptionalType(STRING)),
            Field("tags", ListType(STRING)),
        ),
    ),
)


def with_actions(*actions: tuple[str, object]) -> str:
    return json.dumps({"name": "X", "actions": [{"type": kind, "data": data} for kind, data in actions]})


def findings(text: str, **changes: object) -> list[tuple[str, str, str, str]]:
    flow, diagnostics = import_action_list(text, **changes)  # type: ignore[arg-type]
    assert (flow is None) == bool(diagnostics)
    return [(found.code, found.pointer, found.title, found.help) for found in diagnostics]


def test_a_list_becomes_a_readable_flow():
    text, diagnostics = import_action_list(SEED)
    assert diagnostics == []
    assert text == (
        'event "approval" {\n'
        "  status: string,\n"
        "  leadEmail: Email,\n"
        "  salespersonEmail: Email,\n"
        "}\n"
        "\n"
        "/// Approval\n"
        "flow approval {\n"
        '  on event "approval" as event\n'
        "\n"
        '  filter event.status == "proposal_created"\n'
        '  proposal = email(template: "proposal", to: event.leadEmail)\n'
        '  notify = slack(channel: "C12345", text: "Approval: status is ${event.status}")\n'
        "  wait 2d\n"
        '  proposal_follow_up = email(template: "proposal_follow_up", to: event.salespersonEmail)\n'
        "}\n"
    )


@pytest.mark.parametrize(("status", "n_mails"), [("proposal_created", 2), ("lost", 0)])
def test_the_imported_flow_does_what_the_seed_does(tmp_path, status, n_mails):
    for name in ("proposal", "proposal_follow_up"):
        (tmp_path / f"{name}.txt").write_text(f"Subject: {name}\n\nHello\n")
    from dagflow.actions import Settings  # noqa: PLC0415

    catalog = dagflow.Catalog.builtin(Settings(outbox=tmp_path / "outbox", templates=tmp_path))
    text, _ = import_action_list(SEED)
    assert text is not None
    flow = dagflow.compile(text, catalog=catalog).unwrap()
    event = {"accountId": "a1", "leadEmail": "ann@example.com", "salespersonEmail": "sam@example.com", "status": status}
    result = dagflow.run(flow, event, catalog=catalog, clock=VirtualClock(0))
    assert str(result.status) == "succeeded"
    outbox = tmp_path / "outbox"
    mails = sorted(path.name for path in outbox.glob("*.eml"))
    assert mails == ["0001-proposal.eml", "0002-proposal_follow_up.eml"][:n_mails]
    assert (outbox / "slack.jsonl").exists() == bool(n_mails)
    if n_mails:
        assert "To: sam@example.com" in (outbox / mails[1]).read_text()
        started = {node.id: node.started_at for node in result.nodes}
        assert started["proposal_follow_up"] - started["proposal"] >= 2 * 86_400 * 10**9


def test_a_missing_comma_is_said_where_it_is_missing():
    text = SEED.replace('"leadEmail"}},\n', '"leadEmail"}}\n')
    (found,) = import_action_list(text, filename="w.json")[1]
    assert (found.code, found.title, found.label, found.file) == ("E110", "not valid JSON", "a comma is missing", "w.json")
    assert found.help == "put a comma here, before `{` on line 6"
    assert text[: found.span.start].endswith('"leadEmail"}}')
    assert found.pointer == "/actions"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", [("E111", "", "an object is expected here", 'write {"name": …, "actions": …}')]),
        ('"x"', [("E111", "", "an object is expected here", 'write {"name": …, "actions": …}')]),
        ("{}", [("E111", "", '"name" is missing', 'add "name": …'), ("E111", "", '"actions" is missing', 'add "actions": …')]),
        (
            '{"nmae": "X", "actions": []}',
            [
                ("E111", "", '"name" is missing', 'add "name": …'),
                ("E111", "/nmae", "unknown key `nmae`", 'did you mean "name"?'),
                ("E111", "/actions", "there are no actions", "add at least one action"),
            ],
        ),
        (
            '{"name": 5, "actions": {}}',
            [
                ("E111", "/name", "`name` is a text", "write it in double quotes"),
                ("E111", "/actions", "`actions` is a list", "write `[ … ]` around the actions"),
            ],
        ),
        (
            '{"name": " ", "actions": [1]}',
            [
                ("E111", "/name", "`name` is empty", "write something between the quotes"),
                ("E111", "/actions/0", "an object is expected here", 'write {"type": …, "data": …}'),
            ],
        ),
        (with_actions(("emial", {})), [("E111", "/actions/0/type", "unknown type of action `emial`", 'did you mean "email"?')]),
        (
            with_actions(("pigeon", {})),
            [("E111", "/actions/0/type", "unknown type of action `pigeon`", "the types are filter, email, slack, wait, sleep")],
        ),
        (
            '{"name": "X", "actions": [{"type": 1, "data": {}}]}',
            [("E111", "/actions/0/type", "`type` is a text", "the types are filter, email, slack, wait, sleep")],
        ),
        ('{"name": "X", "actions": [{"type": "wait"}]}', [("E111", "/actions/0", '"data" is missing', 'add "data": …')]),
        (
            with_actions(("wait", [])),
            [("E111", "/actions/0/data", "`data` is an object", 'write {"duration": …}')],
        ),
        (
            with_actions(("email", {"template": "x", "two": "leadEmail"})),
            [
                ("E111", "/actions/0/data", '"to" is missing', 'add "to": …'),
                ("E111", "/actions/0/data/two", "unknown key `two`", "the keys here are template, to, subject"),
            ],
        ),
        (
            with_actions(("email", {"template": "x", "to": "leadEmial"}), ("email", {"template": "x", "to": "boss"})),
            [
                ("E208", "/actions/0/data/to", "unknown recipient `leadEmial`", 'did you mean "leadEmail"?'),
                (
                    "E208",
                    "/actions/1/data/to",
                    "unknown recipient `boss`",
                    "the event has accountId, leadEmail, salespersonEmail, status",
                ),
            ],
        ),
        (
            with_actions(("email", {"template": "x", "to": "a@b@c"})),
            [("E111", "/actions/0/data/to", "not an e-mail address", "write one address, or the name of a field")],
        ),
        (
            with_actions(("filter", {"field": "statsu", "value": "x"})),
            [("E111", "/actions/0/data/field", "unknown field `statsu`", 'did you mean "status"?')],
        ),
        (
            with_actions(("filter", {"field": "status", "value": 5}), ("filter", {"field": "status", "value": None})),
            [
                ("E111", "/actions/0/data/value", "`status` is a text", "the filter would always be false"),
                ("E111", "/actions/1/data/value", "a filter compares with one value", "write a text, a number, true or false"),
            ],
        ),
        (with_actions(("filter", {"field": "status"})), [("E111", "/actions/0/data", '"value" is missing', 'add "value": …')]),
        (
            with_actions(
                ("wait", {"duration": 2}), ("sleep", {"duration": "2 months"}), ("sleep", {"duration": None}), ("sleep", {})
            ),
            [
                ("E111", "/actions/0/data/duration", "a duration is a text with a unit", 'write a duration, such as "2 days"'),
                ("E111", "/actions/1/data/duration", "not a duration", "a month has no fixed length; write days or weeks"),
                ("E111", "/actions/2/data/duration", "a duration is a text with a unit", 'write "2 days"'),
                ("E111", "/actions/3/data", '"duration" is missing', 'add "duration": …'),
            ],
        ),
    ],
)
def test_every_error_is_reported_at_once_with_pointers(text, expected):
    assert findings(text, event=LEAD) == expected


def test_without_an_event_filters_and_recipients_declare_its_fields():
    values = [("a", "x"), ("b", 1), ("c", 1.5), ("d", True)]
    filters = [("filter", {"field": field, "value": value}) for field, value in values]
    text, diagnostics = import_action_list(with_actions(*filters, ("email", {"template": "t", "to": "a"})))
    assert diagnostics == []
    assert str(text).startswith('event "x" {\n  a: Email,\n  b: int,\n  c: double,\n  d: bool,\n}\n')
    assert dagflow.compile(str(text)).flows
    assert import_action_list(with_actions(("slack", {"channel": "C"})))[0] == (
        'event "x" {}\n\n/// X\nflow x {\n  on event "x" as event\n\n  notify = slack(channel: "C", text: "X")\n}\n'
    )


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (("filter", {"field": "a b", "value": 1}), ("E111", "/actions/0/data/field", "unknown field `a b`")),
        (("email", {"template": "t", "to": "a b"}), ("E208", "/actions/0/data/to", "unknown recipient `a b`")),
    ],
)
def test_without_an_event_a_field_must_still_have_a_name(action, expected):
    assert findings(with_actions(action)) == [(*expected, "the name of a field has letters, digits and `_`")]


def test_a_field_that_the_list_declares_has_one_type():
    actions = [("filter", {"field": "a", "value": value}) for value in (1, "x")] + [("email", {"template": "t", "to": "a"})]
    assert [title for _, _, title, _ in findings(with_actions(*actions))] == ["`a` is a number", "`a` is not a recipient"]


def test_a_host_s_own_event_has_types_of_its_own():
    actions = [
        ("filter", {"field": "count", "value": 3}),
        ("filter", {"field": "total", "value": 9.5}),
        ("email", {"template": "wait", "to": "buyer", "subject": 'Hi "${x}" \\ \n\x01'}),
        ("email", {"template": "wait", "to": "contact"}),
        ("email", {"template": "2nd mail", "to": "ops"}),
        ("email", {"template": "—", "to": "bob@example.com"}),
        ("slack", {"channel": "C", "text": "${count}"}),
        ("slack", {"channel": "C"}),
        ("filter", {"field": "paid", "value": True}),
        ("filter", {"field": "state", "value": "new"}),
        ("filter", {"field": "note", "value": "x"}),
        ("sleep", {"duration": "1.5 hours"}),
    ]
    text, diagnostics = import_action_list(
        with_actions(*actions), event=EVENT, aliases={"ops": "ops@example.com", "me": "contact"}
    )
    assert diagnostics == []
    assert text is not None
    assert [line.strip() for line in text.splitlines() if line.startswith("  ")][9:] == [
        "filter event.count == 3",
        "filter event.total == 9.5",
        'wait_email = email(template: "wait", to: event.buyer, subject: "Hi \\"\\${x}\\" \\\\ \\n\\u0001")',
        'wait_email_2 = email(template: "wait", to: event.contact)',
        'email_2nd_mail = email(template: "2nd mail", to: "ops@example.com")',
        'email_1 = email(template: "—", to: "bob@example.com")',
        'notify = slack(channel: "C", text: "\\${count}")',
        'notify_2 = slack(channel: "C", text: "X: count is ${event.count}, total is ${event.total}")',
        "filter event.paid == true",
        'filter event.state == "new"',
        'filter event.note == optional.of("x")',
        "wait 1h30m",
    ]
    assert [found for found in dagflow.compile(text).diagnostics if found.severity == "error"] == []


@pytest.mark.parametrize(
    ("field", "value", "title"),
    [
        ("count", True, "`count` is a number"),
        ("count", "3", "`count` is a number"),
        ("paid", 1, "`paid` is true or false"),
        ("state", "snet", "`state` never has this value"),
        ("tags", "x", "`tags` is of type list<string>"),
        ("note", 5, "`note` is of type string?"),
    ],
)
def test_a_filter_that_can_never_pass_is_told(field, value, title):
    ((code, pointer, found, _),) = findings(with_actions(("filter", {"field": field, "value": value})), event=EVENT)
    assert (code, pointer, found) == ("E111", "/actions/0/data/value", title)


def test_a_recipient_is_an_address():
    ((code, _, title, _),) = findings(with_actions(("email", {"template": "x", "to": "count"})), event=EVENT)
    assert (code, title) == ("E111", "`count` is not a recipient")


def test_an_event_the_host_knows_is_not_declared_again():
    plain = EventSpec(name="e", payload=RecordType("", (Field("to", STRING),)))
    actions = with_actions(("email", {"template": "x", "to": "to"}))
    assert "to: Email(event.to)" in str(import_action_list(actions, event=plain, is_declared=True)[0])
    assert "  to: Email,\n" in str(import_action_list(actions, event=plain)[0])
    text, _ = import_action_list(SEED, event=LEAD, is_declared=True)
    assert text is not None
    assert text.startswith("/// Approval\nflow approval {")
    catalog = dagflow.Catalog.builtin()
    catalog.event(LEAD.name, LeadStatusChanged)
    assert dagflow.compile(text, catalog=catalog).flows


def test_a_digest_like_hint_for_an_enum():
    (found,) = import_action_list(with_actions(("filter", {"field": "state", "value": "snet"})), event=EVENT)[1]
    assert (found.label, found.help) == ("it is one of new, sent", 'did you mean "sent"?')


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("2 days", "2d"),
        ("1 day", "1d"),
        ("2d", "2d"),
        ("36 hours", "1d12h"),
        ("90 minutes", "1h30m"),
        ("1h30m", "1h30m"),
        ("1 hour and 30 minutes", "1h30m"),
        ("1 day, 4 hours", "1d4h"),
        ("2 Weeks", "2w"),
        ("1.5h", "1h30m"),
        ("0.5 s", "500ms"),
        (" 10 sec ", "10s"),
    ],
)
def test_lengths_are_read_as_people_write_them(text, literal):
    assert duration_literal(text) == literal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write a duration"),
        ("2", "write a duration with its unit"),
        ("two days", "write a duration, such as"),
        ("2 dyas", "`dyas` is not a unit"),
        ("1 month", "a month has no fixed length"),
        ("2 years", "a year has no fixed length"),
        ("0 days", "at least 1 ms"),
        ("400 days", "at most 366 days"),
        ("-2 days", "write a duration"),
        ("9" * 300 + " days", "write a duration"),
    ],
)
def test_what_is_no_length_is_told(text, message):
    with pytest.raises(ValueError, match=message):
        duration_literal(text)


values = st.text(max_size=8) | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
data = st.dictionaries(
    st.sampled_from(["field", "value", "template", "to", "subject", "channel", "text", "duration", "x"]), values, max_size=4
)
good = st.one_of(
    st.builds(lambda value: ("filter", {"field": "status", "value": value}), st.text(max_size=8)),
    st.builds(
        lambda name, to: ("email", {"template": name, "to": to}),
        st.text(min_size=1, max_size=8).filter(str.strip),
        st.sampled_from(["leadEmail", "status"]),
    ),
    st.builds(lambda channel: ("slack", {"channel": channel}), st.text(min_size=1, max_size=8).filter(str.strip)),
    st.builds(lambda n: ("wait", {"duration": f"{n} minutes"}), st.integers(1, 99)),
)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=12).filter(str.strip), st.lists(good, min_size=1, max_size=5))
def test_every_good_workflow_compiles(name, actions):
    text, diagnostics = import_action_list(
        json.dumps({"name": name, "actions": [{"type": kind, "data": values} for kind, values in actions]})
    )
    if any(0xD800 <= ord(char) <= 0xDFFF for char in name + json.dumps(actions, ensure_ascii=False)):
        return
    assert diagnostics == []
    assert text is not None
    compilation = dagflow.compile(text)
    assert [found for found in compilation.diagnostics if found.severity == "error"] == []


@given(st.lists(st.tuples(st.sampled_from(["filter", "email", "slack", "wait", "x"]), data | values), max_size=3), values)
def test_whatever_the_json_says_there_is_a_flow_or_a_place(actions, name):
    text = json.dumps({"name": name, "actions": [{"type": kind, "data": values} for kind, values in actions]})
    flow, diagnostics = import_action_list(text)
    assert (flow is None) == bool(diagnostics)
    assert all(0 <= found.span.start <= found.span.end <= len(text) for found in diagnostics)


def test_every_single_slip_is_answered():
    for at in range(len(SEED)):
        if SEED[at].isspace():
            continue
        flow, diagnostics = import_action_list(SEED[:at] + SEED[at + 1 :])
        if flow is not None:  # a letter less in a name of the author's own
            assert SEED[at] not in '{}[]",:'
        assert (flow is None) == bool(diagnostics)
