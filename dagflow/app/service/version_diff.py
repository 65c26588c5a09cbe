"""The difference between two versions of a published flow: in text, in steps, and in the manifest."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import attrs

from dagflow.app.outcomes import Version
from dagflow.model.flow import Flow
from dagflow.pictures.differences import compare
from dagflow.pictures.marks import Tone


@attrs.frozen(kw_only=True)
class VersionDiff:
    """The difference between two versions of a flow.

    Attributes:
        flow: its name. before, after: the numbers of the versions.
        text: a unified diff of the sources, "" if they are equal.
        added, removed: ids of steps. changed: the changes of each other step, by its id; a renamed step has its new id.
        gained, lost: entries of the manifest, by its field, such as `{"actions": ("email",)}`; schedules with their zone.
    """

    flow: str
    before: int
    after: int
    text: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, str] = attrs.field(factory=dict[str, str])
    gained: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, "tuple[str, ...]"])
    lost: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, "tuple[str, ...]"])


def diff_of(before: Version, after: Version, old: Flow, new: Flow) -> VersionDiff:
    """Compare two versions, with the flows they are compiled to."""
    _, overlay = compare(old, new)
    marks = overlay.marks

    def of(tone: Tone) -> tuple[str, ...]:
        return tuple(sorted(key for key, mark in marks.items() if mark.tone is tone))

    entries_before, entries_after = _entries(before), _entries(after)
    return VersionDiff(
        flow=after.flow,
        before=before.number,
        after=after.number,
        text=_unified(before, after),
        added=of(Tone.ADDED),
        removed=of(Tone.REMOVED),
        changed={key: " ".join(marks[key].notes).removeprefix("changed: ") for key in of(Tone.CHANGED)},
        gained=_missing(entries_after, entries_before),
        lost=_missing(entries_before, entries_after),
    )


def _unified(before: Version, after: Version) -> str:
    names = (f"{before.flow} version {before.number}", f"{after.flow} version {after.number}")
    return "\n".join(difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), *names, lineterm=""))


def _entries(version: Version) -> dict[str, tuple[str, ...]]:
    fields = attrs.asdict(version.manifest)
    return {
        name: tuple(each if isinstance(each, str) else " ".join(each) for each in values) for name, values in fields.items()
    }


def _missing(these: Mapping[str, tuple[str, ...]], those: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found = {name: tuple(each for each in values if each not in those[name]) for name, values in these.items()}
    return {name: values for name, values in found.items() if values}
