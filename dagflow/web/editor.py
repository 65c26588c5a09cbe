"""Questions of an editor in a browser about a text. No answer changes anything, or leaves the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from dagflow.app.documents.dry_runs import dry_run_data
from dagflow.app.simulation.dry_run import dry_run
from dagflow.app.simulation.editor_tests import run_tests
from dagflow.clock import SystemClock
from dagflow.diagnostic import Edit
from dagflow.errors import FlowInvalid
from dagflow.ide.analysis import Analysis, Analyst
from dagflow.ide.completing import complete
from dagflow.ide.hovering import hover
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import to_json
from dagflow.lang.edit.edits import AddStep, Change, Connect, MoveStep, RemoveStep, RenameStep, SetArgument, edit_text
from dagflow.lang.edit.line_diff import edits_between
from dagflow.lang.edit.locations import After, AtEnd, Before, EditPlace
from dagflow.lang.format.formatter import format as format_text
from dagflow.web.access import Permission
from dagflow.web.call import Call
from dagflow.web.editor_documents import (
    ChangeBody,
    CheckBody,
    CheckedDocument,
    CompletionsDocument,
    DryRunBody,
    EditBody,
    EditedDocument,
    FlowBody,
    FormattedDocument,
    HoverDocument,
    LayoutDocument,
    PlaceBody,
    PlacementBody,
    RehearsedDocument,
    TestBody,
    TestResultsDocument,
    TextBody,
    TextEditDocument,
)
from dagflow.web.layouts import layout_of
from dagflow.web.operations import Operations
from dagflow.web.problems import FaultDocument, Problem

EDITOR: Final = Operations()
_Value = TypeVar("_Value")
_FILE: Final = "<flow>"


@EDITOR.add("POST", "/editor/check", Permission.EDIT, answer=CheckedDocument, body=CheckBody)
async def check_text(call: Call) -> CheckedDocument:
    """Check a text, and return its diagnostics, flows and tests."""
    body: CheckBody = await call.body()

    def work(analyst: Analyst, analysis: Analysis) -> CheckedDocument:
        if body.get("exact"):
            analysis = analyst.settle()
        compilation = analysis.compilation
        return {
            "diagnostics": to_json(analysis.diagnostics, body["text"], _FILE),
            "flows": [*compilation.flows],
            "tests": [each.name for each in compilation.tests],
        }

    return await _analysed(call, body, work)


@EDITOR.add("POST", "/editor/complete", Permission.EDIT, answer=CompletionsDocument, body=PlaceBody)
async def complete_text(call: Call) -> CompletionsDocument:
    """Return the completions at a place of a text."""
    body: PlaceBody = await call.body()
    offset = _offset(body)

    def work(analyst: Analyst, analysis: Analysis) -> CompletionsDocument:
        found = complete(analyst, analysis, offset)
        return {
            "completions": [
                {
                    "label": each.label,
                    "kind": each.kind.value,
                    "start": each.span.start,
                    "end": each.span.end,
                    "insert": each.insert,
                    "detail": each.detail,
                    "doc": each.doc,
                    "rank": each.rank,
                    "snippet": each.is_snippet,
                }
                for each in found
            ]
        }

    return await _analysed(call, body, work)


@EDITOR.add("POST", "/editor/hover", Permission.EDIT, answer=HoverDocument, body=PlaceBody)
async def hover_text(call: Call) -> HoverDocument:
    """Describe the name at a place of a text."""
    body: PlaceBody = await call.body()
    offset = _offset(body)

    def work(_: Analyst, analysis: Analysis) -> HoverDocument:
        found = hover(analysis, offset)
        if found is None:
            return {"text": None, "start": offset, "end": offset}
        return {"text": found.text, "start": found.span.start, "end": found.span.end}

    return await _analysed(call, body, work)


@EDITOR.add("POST", "/editor/format", Permission.EDIT, answer=FormattedDocument, body=TextBody)
async def format_of_text(call: Call) -> FormattedDocument:
    """Format a text as `dagflow fmt` does."""
    body: TextBody = await call.body()

    def work() -> FormattedDocument:
        text = format_text(body["text"])
        return {"text": text, "edits": _edits(edits_between(body["text"], text))}

    return await _pure(call, body["text"], work)


@EDITOR.add("POST", "/editor/edit", Permission.EDIT, answer=EditedDocument, body=EditBody)
async def change_text(call: Call) -> EditedDocument:
    """Change a flow as little as the changes ask for; comments, layout and everything else stay."""
    body: EditBody = await call.body()
    changes = [_change(each, f"$.changes[{index}]") for index, each in enumerate(body["changes"])]

    def work(analyst: Analyst) -> EditedDocument:
        text = body["text"]
        for change in changes:
            text = edit_text(text, change, flow=body.get("flow"))
        found = to_json(analyst.update(text).diagnostics, text, _FILE)
        return {"text": text, "edits": _edits(edits_between(body["text"], text)), "diagnostics": found}

    return await _opened(call, body, work)


@EDITOR.add("POST", "/editor/graph", Permission.EDIT, answer=LayoutDocument, body=FlowBody)
async def draw_text(call: Call) -> LayoutDocument:
    """Lay out the picture of a flow of a text."""
    body: FlowBody = await call.body()
    return await _analysed(call, body, lambda _, analysis: layout_of(analysis.compilation.unwrap(body.get("flow"))))


@EDITOR.add("POST", "/editor/dry-run", Permission.EDIT, answer=RehearsedDocument, body=DryRunBody)
async def rehearse_text(call: Call) -> RehearsedDocument:
    """Rehearse a run of a flow of a text, in virtual time and without effects."""
    body: DryRunBody = await call.body()

    def work(compilation: Compilation) -> RehearsedDocument:
        found = dry_run(
            compilation.unwrap(body.get("flow")),
            compilation.interface,
            body.get("input"),
            event=body.get("event"),
            results=body.get("results"),
            start=SystemClock().now(),
        )
        return {"run": None if found is None else dry_run_data(found)}

    return await _analysed(call, body, lambda _, analysis: work(analysis.compilation))


@EDITOR.add("POST", "/editor/test", Permission.EDIT, answer=TestResultsDocument, body=TestBody)
async def test_text(call: Call) -> TestResultsDocument:
    """Run the tests of a text, in virtual time and without effects."""
    body: TestBody = await call.body()

    def work(compilation: Compilation) -> TestResultsDocument:
        found = run_tests(compilation, body.get("flow"), body.get("test"))
        return {
            "tests": [
                {
                    "name": each.name,
                    "flow": each.flow,
                    "line": each.line,
                    "passed": each.has_passed,
                    "problems": [*each.problems],
                }
                for each in found
            ]
        }

    return await _analysed(call, body, lambda _, analysis: work(analysis.compilation))


@EDITOR.add("GET", "/flows/{flow}/graph", Permission.READ, answer=LayoutDocument)
async def draw_flow(call: Call) -> LayoutDocument:
    """Lay out the picture of the newest version of a flow."""
    version, interface, limits = await call.version(), call.backend.interface, call.tenant.limits
    work: Callable[[], LayoutDocument] = lambda: layout_of(  # noqa: E731 - it runs in a thread
        compile_text(version.text, interface, limits=limits).unwrap(version.flow)
    )
    return await _pure(call, version.text, work)


@EDITOR.add("GET", "/runs/{run}/graph", Permission.READ, answer=LayoutDocument)
async def draw_run(call: Call) -> LayoutDocument:
    """Lay out the picture of the flow that a run is pinned to, with the tones of how the run went."""
    row = await call.run()
    flow, result = await call.tenant.shown(row.id)
    return await call.shared.desk.run(lambda: layout_of(flow, result))


# ---- inside


async def _analysed(call: Call, body: TextBody, work: Callable[[Analyst, Analysis], _Value]) -> _Value:
    """Do work with the analysis of a text, in a thread."""
    return await _opened(call, body, lambda analyst: work(analyst, analyst.update(body["text"])))


async def _opened(call: Call, body: TextBody, work: Callable[[Analyst], _Value]) -> _Value:
    """Do work with the analyst of a text, in a thread."""
    principal, text = call.principal, body["text"]
    key = (principal.tenant, principal.role.value, principal.key, body.get("document", ""))
    opened = call.shared.desk.open(key, call.backend.interface, call.tenant.limits)

    def analysed() -> _Value:
        with opened.lock:
            return work(opened.analyst)

    return await _pure(call, text, analysed)


async def _pure(call: Call, text: str, work: Callable[[], _Value]) -> _Value:
    """Do work on a text in a thread. Raises Problem: the text has errors, which the work cannot do without."""
    try:
        return await call.shared.desk.run(work)
    except FlowInvalid as error:
        found = to_json(error.diagnostics, text, _FILE)
        raise Problem(422, "flow_invalid", str(error), diagnostics=found) from None


def _offset(body: PlaceBody) -> int:
    if not 0 <= body["offset"] <= len(body["text"]):
        raise _wrong("$.offset", f"must be 0 to {len(body['text'])}, the length of the text")
    return body["offset"]


def _edits(found: tuple[Edit, ...]) -> list[TextEditDocument]:
    return [{"start": each.span.start, "end": each.span.end, "text": each.text} for each in found]


#: The fields that a change of each kind has.
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("text", "place"),
    "remove": ("step",),
    "rename": ("step", "to"),
    "move": ("step", "place"),
    "connect": ("step", "after"),
    "argument": ("step", "name", "value"),
}


def _change(body: ChangeBody, at: str) -> Change:
    """The change that a body describes. Raises Problem: a field is missing."""
    kind = body["kind"]
    for field in _FIELDS[kind]:
        if field not in body:
            raise _wrong(f"{at}.{field}", f"must be there for a change of the kind `{kind}`")
    step = body.get("step", "")
    match kind:
        case "add":
            return AddStep(body.get("text", ""), _place(body.get("place"), at))
        case "remove":
            return RemoveStep(step)
        case "rename":
            return RenameStep(step, body.get("to", ""))
        case "move":
            return MoveStep(step, _place(body.get("place"), at))
        case "connect":
            return Connect(step, tuple(body.get("after", ())), body.get("join", "all"))
        case "argument":
            return SetArgument(step, body.get("name", ""), body.get("value"))


def _place(body: PlacementBody | None, at: str) -> EditPlace:
    found: PlacementBody = body or {"at": "end"}
    step = found.get("step")
    if found["at"] == "end":
        return AtEnd(step, found.get("arm", ""))
    if step is None:
        raise _wrong(f"{at}.place.step", "must name a step")
    return After(step) if found["at"] == "after" else Before(step)


def _wrong(at: str, message: str) -> Problem:
    place: FaultDocument = {"at": at, "message": message}
    return Problem(422, "does_not_fit", f"the body does not fit: {at} {message}", places=[place])
