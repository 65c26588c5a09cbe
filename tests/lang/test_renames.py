"""What is said of a flow beside the runs that know it as it was."""

from __future__ import annotations

from dagflow.lang.lowering.former_names import InProgress, check_in_progress
from dagflow.model.flow import Flow
from tests.lang.golden import check, prelude

INTERFACE = prelude()


def flow_of(body: str) -> Flow:
    return check(f"flow f(lead: Lead) {{\n{body}\n}}", INTERFACE).unwrap()


def test_an_unnamed_step_is_marked_by_its_first_line() -> None:
    old = flow_of("found = crm.lookup(email: lead.email)")
    new = flow_of("crm.lookup(\n email: lead.email)")
    (found,) = check_in_progress(new, [InProgress(old, 3), InProgress(new, 1)])
    assert found.title == "`found` disappeared while 3 runs know it"
    assert new.source[found.span.start : found.span.end] == "flow f"[5:]


def test_a_new_unnamed_step_may_be_the_old_one() -> None:
    old = flow_of("found = crm.lookup(email: lead.email)")
    new = flow_of("crm.lookup(\n email: lead.email)")
    (found,) = check_in_progress(new, [InProgress(old, 2), InProgress(old, 1)])
    assert found.title == "`found` disappeared while 3 runs know it"
    assert new.source[found.span.start : found.span.end] == "crm.lookup("
    assert found.fix is not None
    assert [edit.text for edit in found.fix.edits] == [" was found"]


def test_steps_that_still_have_their_names_are_not_spoken_of() -> None:
    old = flow_of('filter q: lead.score > 1\na = log(message: "a")\nlet x = 1\nlog(message: "${x}")')
    assert not check_in_progress(flow_of('log(message: "b")\na = wait 1s'), [InProgress(old, 1)])
