"""Formatters for log records: one JSON document per line, or text; both without the contents of secrets."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from typing import Final

import orjson

from dagflow.actions.catalog import Catalog
from dagflow.actions.secrets import Redactor
from dagflow.model.typeguards import is_dict, is_sequence

#: What every record has; all other attributes are the fields that its logger was called with.
_OF_EVERY_RECORD: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})
#: The fields that say where a record comes from, in the order of a line.
_PLACE: Final = ("tenant", "flow", "run", "step", "action", "attempt")
#: Deeper or longer fields are cut: a log is no place for data.
_MOST_DEPTH: Final = 8
_MOST_CHARS: Final = 32_768
_MOST_ITEMS: Final = 1_000
_INT64: Final = 2**63


class RedactingFormatter(logging.Formatter):
    """Formats records as text, in which `[secret NAME]` replaces the secrets of a catalogue."""

    def __init__(self, catalog: Catalog | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = _redactor_of(catalog)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, with its traceback."""
        return self._redactor.text(super().format(record))


class JsonLogFormatter(logging.Formatter):
    """Formats each record as a JSON document on one line.

    The members `time` (UTC, RFC 3339), `level`, `logger` and `message` are always there. Then follow the fields of the record, such as `tenant`, `flow`,
    `run`, `step`, `action` and `attempt`, and `exception`, the traceback if there is one. A field that is no JSON value is written as its `repr`.

    Args:
        catalog: whose secrets are redacted from all records, also those of other libraries; their contents are read now. dagflow's
            own records contain no secret anyway.
    """

    def __init__(self, catalog: Catalog | None = None) -> None:
        super().__init__()
        self._redactor = _redactor_of(catalog)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without a line break."""
        message = record.getMessage()
        fields = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # dagflow's text ends with the traceback, which is a field as well.
            "message": message.removesuffix(f"\n{fields.get('traceback')}"),
        }
        line |= {name: fields.pop(name) for name in _PLACE if name in fields}
        # A field cannot hide what every line has.
        line |= {name: value for name, value in fields.items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return orjson.dumps({self._text(name): self._plain(value, 0) for name, value in line.items()}).decode()

    def _plain(self, value: object, depth: int) -> object:
        """The value as JSON has it; what JSON has no form for as a text."""
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value) if -_INT64 <= value < _INT64 else str(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else str(value)
        if depth < _MOST_DEPTH:
            if is_sequence(value):
                return [self._plain(each, depth + 1) for each in [*value][:_MOST_ITEMS]]
            if is_dict(value):
                return {self._text(str(name)): self._plain(each, depth + 1) for name, each in [*value.items()][:_MOST_ITEMS]}
        return self._text(repr(value))

    def _text(self, text: str) -> str:
        # UTF-8 has no lone surrogates, which a text of a host may contain.
        return self._redactor.beginning(text, _MOST_CHARS).encode("utf-8", "backslashreplace").decode()


def _redactor_of(catalog: Catalog | None) -> Redactor:
    return Redactor() if catalog is None else catalog.redactor(catalog.secret_names())
