"""Changes of a flow's text: what is not meant stays byte for byte."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import dagflow
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.compiler import compile_text
from dagflow.lang.edit.edits import AddStep, Change, Connect, MoveStep, RemoveStep, RenameStep, SetArgument, applied, edit_text
from dagflow.lang.edit.locations import After, AtEnd, Before
from dagflow.lang.format.formatter import format as format_text
from dagflow.model.action import Interface
from tests.app.flowtext import flow_texts
from tests.lang.corpus import GOOD, interface
from tests.lang.flowtwin import comments, shaken, words

FLOW = """\
action pay(id: string, n: int = 1) -> {code: string}
action tell(text: string)

flow f(id: string, xs: list<string>) {
  // charges first
  /// The charge.
  first = pay(id: id)  // trailing
    retry 3 every 2s

  second = pay(id: first.code, n: 2) after first
  filter ok: xs.exists(first, first == id) && first.code != "" else {
    tell(text: "no ${first.code} and ${xs.map(x, x + first.code).join(first.code)}")
    stop
  }
  do group {
    last = pay(id: second.code)
  } on error as e { }
  if big: size(xs) > 3 { } else { other = pay(id: id) }
  third = pay(id: "x") after any(first, second)
}

test "it pays" for f {
  given (id: "1", xs: [])
  mock pay returns {"code": "x"}
  expect first.ran && second.input.id == "x"
}
"""


def changed(change: Change, text: str = FLOW) -> str:
    """The lines that differ, after a look at the rest."""
    result = edit_text(text, change)
    assert format_text(result) == result
    lines = difflib.unified_diff(text.split("\n"), result.split("\n"), lineterm="", n=0)
    return "".join(line + "\n" for line in lines if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"})


def test_the_text_of_these_tests_is_in_style() -> None:
    assert format_text(FLOW) == FLOW


@pytest.mark.parametrize(
    ("place", "expected", "line"),
    [
        (After("second"), "  tell(text: id)", 10),
        (Before("first"), "  tell(text: id)", 4),
        (AtEnd(), "  tell(text: id)", 19),
        (AtEnd("group"), "    tell(text: id)", 16),
        (AtEnd("ok", "else"), "    tell(text: id)", 13),
    ],
)
def test_add(place: After | Before | AtEnd, expected: str, line: int) -> None:
    result = edit_text(FLOW, AddStep("tell( text:id )", place)).split("\n")
    assert result[line] == expected
    del result[line]
    assert result == FLOW.split("\n")


def test_add_to_blocks_on_one_line() -> None:
    assert changed(AddStep("wait 2d", AtEnd("big", "then"))).startswith("-  if big: size(xs) > 3 { } else {")
    result = edit_text(FLOW, AddStep("wait 2d", After("other")))
    assert "  if big: size(xs) > 3 { } else {\n    other = pay(id: id)\n    wait 2d\n  }\n" in result
    result = edit_text("flow f { wait 1s }\n", AddStep("wait 2d", AtEnd()))
    assert result == "flow f {\n  wait 1s\n  wait 2d\n}\n"


def test_add_what_has_many_lines() -> None:
    text = 'do {\nlog(message: """a\n b""")\n// c\n}'
    result = edit_text(FLOW, AddStep(text, AtEnd("group")))
    assert '    do {\n      log(message: """a\n b""")\n      // c\n    }\n  } on error as e { }\n' in result


def test_remove_takes_its_comments_and_its_name_from_others() -> None:
    assert changed(RemoveStep("first")) == (
        '-  // charges first\n-  /// The charge.\n-  first = pay(id: id)  // trailing\n-    retry 3 every 2s\n-\n'
        "-  second = pay(id: first.code, n: 2) after first\n+  second = pay(id: first.code, n: 2)\n"
        '-  third = pay(id: "x") after any(first, second)\n+  third = pay(id: "x") after any(second)\n'
    )  # fmt: skip
    assert changed(RemoveStep("other")) == (
        "-  if big: size(xs) > 3 { } else { other = pay(id: id) }\n+  if big: size(xs) > 3 { } else { }\n"
    )


def test_rename_goes_wherever_the_step_is_read() -> None:
    result = edit_text(FLOW, RenameStep("first", "charge"))
    assert format_text(result) == result
    assert "  charge = pay(id: id)\n    was first  // trailing\n    retry 3 every 2s\n" in result
    assert "second = pay(id: charge.code, n: 2) after charge\n" in result
    assert 'filter ok: xs.exists(first, first == id) && charge.code != "" else {' in result
    assert '"no ${charge.code} and ${xs.map(x, x + charge.code).join(charge.code)}"' in result
    assert "after any(charge, second)" in result
    assert "expect charge.ran &&" in result
    assert not compile_text(result, Interface()).has_errors
    again = edit_text(result, RenameStep("charge", "fee"))
    assert "fee = pay(id: id)\n    was first  // trailing\n" in again
    assert edit_text(again, RenameStep("fee", "first")) == FLOW


def test_rename_what_has_no_name() -> None:
    assert changed(RenameStep("tell", "sorry")) == (
        '-    tell(text: "no ${first.code} and ${xs.map(x, x + first.code).join(first.code)}")\n'
        '+    sorry = tell(text: "no ${first.code} and ${xs.map(x, x + first.code).join(first.code)}")\n'
        "+      was tell\n"
    )
    assert changed(RenameStep("ok", "fine")).startswith("-  filter ok:")


def test_names_that_hide_the_step() -> None:
    text = (
        'event "x" { n: int }\n\nflow f {\n  a = wait event "x" as a when a.n > 1 within 1d\n  do {\n    log(message: "")\n'
        '  } on error as a { log(message: a.code) }\n  wait until now + 1s after a\n}\n'
    )  # fmt: skip
    result = edit_text(text, RenameStep("a", "b"))
    assert 'b = wait event "x" as a' in result
    assert "when a.n > 1" in result
    assert "was a" in result
    assert "log(message: a.code)" in result
    assert "after b" in result


def test_move() -> None:
    result = edit_text(FLOW, MoveStep("first", AtEnd("group")))
    assert (
        "    // charges first\n    /// The charge.\n    first = pay(id: id)  // trailing\n      retry 3 every 2s\n  } on error"
        in result
    )
    assert edit_text(result, MoveStep("first", Before("second"))).replace("\n\n", "\n") == FLOW.replace(
        "\n\n  second", "\n  second"
    ).replace("\n\n", "\n")
    with pytest.raises(UsageError, match="cannot be moved into itself"):
        edit_text(FLOW, MoveStep("group", After("last")))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Connect("third", ("second",)), 'third = pay(id: "x") after second\n'),
        (Connect("third", ("first", "last"), "settled"), 'third = pay(id: "x") after settled(first, last)\n'),
        (Connect("third", ("first", "second", "last"), 2), 'third = pay(id: "x") after 2 of (first, second, last)\n'),
        (Connect("third", ()), 'third = pay(id: "x")\n'),
        (Connect("last", ("first",)), "last = pay(id: second.code) after first\n"),
        (Connect("last", ()), "last = pay(id: second.code)\n"),
        (SetArgument("third", "id", "first.code"), "third = pay(id: first.code) after any(first, second)\n"),
        (SetArgument("third", "n", "1 + 2"), 'third = pay(id: "x", n: 1 + 2) after any(first, second)\n'),
        (SetArgument("second", "id", None), "second = pay(n: 2) after first\n"),
        (SetArgument("second", "n", None), "second = pay(id: first.code) after first\n"),
        (SetArgument("last", "id", None), "last = pay()\n"),
        (SetArgument("last", "n", None), "last = pay(id: second.code)\n"),
    ],
)
def test_connect_and_set(change: Change, expected: str) -> None:
    result = edit_text(FLOW, change)
    assert expected in result
    assert abs(len(result.split("\n")) - len(FLOW.split("\n"))) == 0


def test_arguments_with_comments_and_commas() -> None:
    text = "flow f {\n  a = b(\n    x: 1,  // one\n    y: 2,  // two\n  )\n  c = b(x: 1,)\n}\n"
    result = edit_text(text, SetArgument("a", "z", "3"))
    assert result == "flow f {\n  a = b(\n    x: 1,  // one\n    y: 2,\n    z: 3,  // two\n  )\n  c = b(x: 1,)\n}\n"
    assert "c = b()" in edit_text(text, SetArgument("c", "x", None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (RemoveStep("frist"), "did you mean `first`?"),
        (RenameStep("first", "wait"), "got `wait`"),
        (RenameStep("first", "a b"), "got `a b`"),
        (AddStep("wait 1s\nwait 2s", AtEnd()), "not one statement"),
        (AddStep("on manual", AtEnd()), "not one statement"),
        (AddStep("wait 1s", AtEnd("first")), "has no block ``; it has: none"),
        (AddStep("wait 1s", AtEnd("big", "case 1")), "it has: `then`, `else`"),
        (Connect("ok", ("first",)), "cannot have an `after`"),
        (Connect("third", ("nobody",)), "there is no step `nobody`"),
        (Connect("third", ("first",), "most"), "the join must be"),
        (SetArgument("ok", "x", "1"), "has no arguments"),
        (SetArgument("first", "x y", "1"), "a name must consist of"),
        (SetArgument("first", "x", "1 // c"), "cannot end in a comment"),
    ],
)
def test_what_cannot_be_done(change: Change, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        edit_text(FLOW, change)


def test_blocks_of_a_switch() -> None:
    text = "flow f(n: int) {\n  switch which: n {\n    case 1 { }\n    else { }\n  }\n}\n"
    for arm in ("case 0", "else"):
        result = edit_text(text, AddStep("wait 1s", AtEnd("which", arm)))
        assert "wait 1s" in result
        assert words(edit_text(text, AddStep("wait 1s", AtEnd("which", arm)))) == words(result)


def test_modifiers_of_waits() -> None:
    text = 'event "x" { }\n\nflow f {\n  a = wait 1s\n  b = wait event "x" within 1d\n}\n'
    assert "a = wait 1s was a" not in text
    assert "  c = wait 1s was a\n" in edit_text(text, RenameStep("a", "c"))
    assert '  b = wait event "x" after a within 1d\n' in edit_text(text, Connect("b", ("a",)))


def test_a_name_that_does_not_parse_there() -> None:
    with pytest.raises(FlowInvalid):
        edit_text("flow f { a = b(x: 1) }", SetArgument("a", "y", '"${1 +}"'))
    with pytest.raises(FlowInvalid):
        edit_text('flow f {  let x = "${1 +}" }', AddStep("wait 1s", AtEnd()))


def test_several_flows() -> None:
    text = "flow f { a = b() }\n\nflow g { a = b() }\n"
    with pytest.raises(UsageError, match="there are 2 steps `a`; pass the flow, or name the steps"):
        edit_text(text, RemoveStep("a"))
    with pytest.raises(UsageError, match="there are 2 flows"):
        edit_text(text, AddStep("wait 1s", AtEnd()))
    with pytest.raises(UsageError, match="there is no flow `h`"):
        edit_text(text, RemoveStep("a"), flow="h")
    assert edit_text(text, RenameStep("a", "c"), flow="g") == "flow f { a = b() }\n\nflow g { c = b() was a }\n"
    with pytest.raises(UsageError, match="there is no flow in the text"):
        edit_text("type A = int\n", RemoveStep("a"))


def test_what_does_not_parse() -> None:
    for text, change in (
        ("flow f { wait 2 days }", AddStep("wait 1s", AtEnd())),
        (FLOW, AddStep("wait 2 days", AtEnd())),
        (FLOW, AddStep("} flow g {", AtEnd())),
        (FLOW, SetArgument("first", "n", "1 +")),
    ):
        with pytest.raises(FlowInvalid):
            edit_text(text, change)


def test_the_public_door_says_what_is_wrong_and_what_to_replace() -> None:
    edited = dagflow.edit(FLOW, dagflow.SetArgument("third", "n", '"x"'), dagflow.RenameStep("last", "end"))
    assert applied(FLOW, list(edited.edits)) == edited.text
    assert len(edited.edits) == 2
    assert [each.code for each in edited.compilation.diagnostics if each.code[0] == "E"] == ["E307"]
    assert dagflow.edit(FLOW).edits == ()


# ---- laws: on texts that are in no style at all, so that nothing is laid out anew


def steps_of(text: str, known: Interface) -> list[str]:
    flows = compile_text(text, known).flows.values()
    return sorted(
        {
            node.id
            for flow in flows
            for node in flow.nodes
            if "." not in node.id and re.search(rf"\b{node.id} = \w+(\.\w+)?\(", text)
        }
    )


@st.composite
def crooked(draw: st.DrawFn) -> tuple[str, str]:
    """A text in no style, and a call in it."""
    is_made = draw(st.booleans())
    text = draw(flow_texts()) if is_made else GOOD[draw(st.integers(0, len(GOOD) - 1))]
    names = steps_of(text, Interface() if is_made else interface())
    assume(names)
    text = shaken(text, draw(st.integers(0, 10**9)), n_changes=15) + "  \n"
    assume(len(re.findall(r"^[ \t]*flow\b", text, re.MULTILINE)) == 1)
    return text, draw(st.sampled_from(names))


@settings(max_examples=25, deadline=None)
@given(given_=crooked(), is_after=st.booleans())
def test_adding_only_adds_and_removing_takes_it_away(given_: tuple[str, str], is_after: bool) -> None:
    text, name = given_
    result = edit_text(text, AddStep("added = work(n: 1)", After(name) if is_after else Before(name)))
    at = result.index("added = work(n: 1)")
    assert result[:at].rstrip() == text[: len(result[:at].rstrip())]
    behind = result[at + len("added = work(n: 1)") :].lstrip()
    assert text.endswith(behind)
    assert comments(result) == comments(text)
    back = edit_text(result, RemoveStep("added"))
    assert words(back) == words(text)
    assert comments(back) == comments(text)


@settings(max_examples=25, deadline=None)
@given(given_=crooked())
def test_a_step_renamed_there_and_back_is_what_it_was(given_: tuple[str, str]) -> None:
    text, name = given_
    assume(")after" not in text and not re.search(r"\)(retry|timeout|within|default|undo|when|on error)", text))
    result = edit_text(text, RenameStep(name, "quite_new"))
    assert f"was {name}" in result
    assert comments(result) == comments(text)
    assert edit_text(result, RenameStep("quite_new", name)) == text


@settings(max_examples=25, deadline=None)
@given(given_=crooked())
def test_arguments_and_edges_there_and_back(given_: tuple[str, str]) -> None:
    text, name = given_
    result = edit_text(text, SetArgument(name, "quite_new", "1"))
    assert edit_text(result, SetArgument(name, "quite_new", None)) == text
    if not re.search(r"\bafter\b|\)(retry|timeout|within|default|undo|when|on error)", text):
        result = edit_text(text, Connect(name, (name,)))
        assert edit_text(result, Connect(name, ())) == text


@settings(max_examples=25, deadline=None)
@given(given_=crooked())
def test_moving_keeps_every_other_line(given_: tuple[str, str]) -> None:
    text, name = given_
    result = edit_text(text, MoveStep(name, AtEnd()))
    assert sorted(comments(result)) == sorted(comments(text))
    assert sorted(words(result)) == sorted(words(text))
