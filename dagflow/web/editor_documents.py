"""The JSON of an editor: requests about texts, and the compiler's answers. Offsets are characters from 0."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from dagflow.app.documents.types import DryRunDocument, Json
from dagflow.lang.diagnostics import JsonDiagnostic


class TextBody(TypedDict):
    """A text. `document`: a name for it, so that the next request about it is fast."""

    text: str
    document: NotRequired[str]


class CheckBody(TextBody):
    """A text to check. `exact`: find every warning, which takes longer; without it the most expensive one may be out of date."""

    exact: NotRequired[bool]


class CheckedDocument(TypedDict):
    """The diagnostics of a text, and its flows and tests."""

    diagnostics: list[JsonDiagnostic]
    flows: list[str]
    tests: list[str]


class PlaceBody(TextBody):
    """A place in a text."""

    offset: int


class CompletionDocument(TypedDict):
    """A completion: `insert` replaces the text from `start` to `end`; in a snippet `$1`, `${2:x}` and `$0` are places for the cursor."""

    label: str
    kind: str
    start: int
    end: int
    insert: str
    detail: str
    doc: str
    rank: int
    snippet: bool


class CompletionsDocument(TypedDict):
    """The completions at a place, the likeliest first."""

    completions: list[CompletionDocument]


class HoverDocument(TypedDict):
    """A description, in Markdown, of the name from `start` to `end`; null if there is nothing to describe."""

    text: str | None
    start: int
    end: int


class TextEditDocument(TypedDict):
    """The text from `start` to `end` is replaced."""

    start: int
    end: int
    text: str


class FormattedDocument(TypedDict):
    """A formatted text, and the edits that lead to it."""

    text: str
    edits: list[TextEditDocument]


class PlacementBody(TypedDict):
    """Where a step goes: behind a step, before one, or at the end of a block (of the flow if `step` is null)."""

    at: Literal["after", "before", "end"]
    step: NotRequired[str | None]
    arm: NotRequired[str]


class ChangeBody(TypedDict):
    """A change of a flow. `kind` says which of the other fields it has; docs/web.md has the table."""

    kind: Literal["add", "remove", "rename", "move", "connect", "argument"]
    step: NotRequired[str]
    text: NotRequired[str]
    to: NotRequired[str]
    place: NotRequired[PlacementBody]
    after: NotRequired[list[str]]
    join: NotRequired[str | int]
    name: NotRequired[str]
    value: NotRequired[str | None]


class EditBody(TextBody):
    """Changes of a flow, one after the other."""

    changes: list[ChangeBody]
    flow: NotRequired[str | None]


class EditedDocument(FormattedDocument):
    """The text with the changes made, the edits that lead to it, and its diagnostics."""

    diagnostics: list[JsonDiagnostic]


class FlowBody(TextBody):
    """A flow of a text; `flow` names it, where there are several."""

    flow: NotRequired[str | None]


class DryRunBody(FlowBody):
    """A dry run. `event`: that starts it, with `input` as its payload. `results`: of actions and steps, by name."""

    input: NotRequired[Json]
    event: NotRequired[str | None]
    results: NotRequired[dict[str, Json]]


class RehearsedDocument(TypedDict):
    """A dry run; null if the flow ignores the event."""

    run: DryRunDocument | None


class TestBody(FlowBody):
    """The tests to run. `test`: the name of one."""

    test: NotRequired[str | None]


class TestResultDocument(TypedDict):
    """The result of a test: a line for each expectation that was not met."""

    name: str
    flow: str
    line: int
    passed: bool
    problems: list[str]


class TestResultsDocument(TypedDict):
    """The results of the tests."""

    tests: list[TestResultDocument]


# ---- the layout of a picture


class ShapeDocument(TypedDict):
    """A shape. `key`: of the step, after those of the loops around it. `start`, `end`: of the step in the text. `tone`: by a run."""

    key: str
    kind: str
    lines: list[str]
    x: int
    y: int
    width: int
    height: int
    start: int | None
    end: int | None
    tone: str | None


class FrameDocument(TypedDict):
    """A block and its frame. `depth`: how many are around it."""

    key: str
    kind: str
    lines: list[str]
    x: int
    y: int
    width: int
    height: int
    depth: int


class LineDocument(TypedDict):
    """A line from corner to corner. `label`: the word of an outcome, or null."""

    source: str
    target: str
    kind: str
    points: list[list[int]]
    label: str | None


class LayoutDocument(TypedDict):
    """A picture of a flow, laid out. Frames stand before those in them."""

    flow: str
    width: int
    height: int
    shapes: list[ShapeDocument]
    frames: list[FrameDocument]
    lines: list[LineDocument]
