"""Filters of runs, as callers write them: `status=failed`, `flow=orders`, `older=2h`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import attrs

from dagflow.app.archive import Archive
from dagflow.errors import DagflowError, UsageError
from dagflow.model.status import RunStatus
from dagflow.store.api import RunRow

#: The words of a filter, each with an example of its value.
WORDS: Final = {"status": "failed", "flow": "orders", "tenant": "acme", "older": "2h", "text": "timeout"}
#: Runs read in one go.
_PAGE: Final = 500
_UNITS_NS: Final = {unit: seconds * 10**9 for unit, seconds in {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}.items()}
_LENGTH: Final = re.compile(r"([0-9]{1,6})(s|m|h|d|w)")


@attrs.frozen(kw_only=True)
class RunFilter:
    """Which runs are meant; an empty field means all.

    Attributes:
        flow, tenant: their names. statuses: of the runs.
        before: only runs that were created before that instant.
        text: only runs with this text in their id, or in the code or the message of a failure.
    """

    statuses: Collection[RunStatus] = ()
    flow: str = ""
    tenant: str | None = None
    before: int | None = None
    text: str = ""

    def select(self, archive: Archive, most: int) -> list[RunRow]:
        """Return the runs of a store that fit, without child runs, the newest first. Raises StoreError."""
        found: list[RunRow] = []
        for row in self._rows(archive):
            if len(found) == most:
                break
            if self._fits(row) and (not self.text or self._has_text(archive, row)):
                found.append(row)
        return found

    def _rows(self, archive: Archive) -> Iterator[RunRow]:
        rows = archive.runs(limit=_PAGE, tenant=self.tenant)
        while rows:
            yield from rows
            rows = archive.runs(limit=_PAGE, before=rows[-1].id, tenant=self.tenant) if len(rows) == _PAGE else []

    def _fits(self, row: RunRow) -> bool:
        is_meant = not self.statuses or row.status in self.statuses
        return is_meant and self.flow in ("", row.flow) and (self.before is None or row.created_at < self.before)

    def _has_text(self, archive: Archive, row: RunRow) -> bool:
        text = self.text.casefold()
        if text in row.id:
            return True
        try:
            _, result = archive.result(row.id)
        except DagflowError:
            return False
        return any(text in f"{failure.code} {failure.message}".casefold() for failure in result.failures)


def filter_of(words: Sequence[str], now: int) -> RunFilter:
    """Return the filter of words such as `status=failed`; a status may be one of several, all other words stand alone.

    Args:
        words: each a word of `WORDS` with its value.
        now: the instant that ages count back from.

    Raises:
        UsageError: there are no words, or one of them is wrong.
    """
    if not words:
        raise UsageError(f"a filter must have a word; got none. The words are {_known()}")
    found: dict[str, str] = {}
    statuses: list[RunStatus] = []
    for each in words:
        word, equals, value = each.partition("=")
        if word not in WORDS or not equals or (not value and word != "tenant"):
            raise UsageError(f"a filter must have words such as {_known()}; got {each[:80]!r}")
        if word == "status":
            statuses.append(_status(value))
        elif word in found:
            raise UsageError(f"a filter must have `{word}` once; got {found[word]!r} and {value!r}")
        else:
            found[word] = value
    return RunFilter(
        statuses=tuple(statuses),
        flow=found.get("flow", ""),
        tenant=found.get("tenant"),
        before=None if "older" not in found else now - length_ns(found["older"], "`older`"),
        text=found.get("text", ""),
    )


def length_ns(text: str, what: str) -> int:
    """Return the length of time that a text such as `30d` stands for, in nanoseconds. Raises UsageError: it is none."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise UsageError(f"{what} must be a duration such as 30d, 12h or 0s; got {text[:80]!r}")
    return int(match[1]) * _UNITS_NS[match[2]]


def _status(value: str) -> RunStatus:
    try:
        return RunStatus(value)
    except ValueError:
        known = ", ".join(status.value for status in RunStatus)
        raise UsageError(f"`status` must be one of {known}; got {value[:80]!r}") from None


def _known() -> str:
    return ", ".join(f"`{word}={value}`" for word, value in WORDS.items())
