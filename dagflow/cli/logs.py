"""The log of a command that serves: on standard error, as text or as lines of JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, Literal

import attrs

from dagflow.actions.catalog import Catalog
from dagflow.app.logs import JsonLogFormatter, RedactingFormatter

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_serve: Final = logging.getLogger("dagflow.serve")


@attrs.frozen
class LogOptions:
    """How a command logs.

    Attributes:
        format: of the lines on standard error.
        level: the least level that is written.
    """

    format: LogFormat = "text"
    level: LogLevel = "warning"


@contextmanager
def logging_to_stderr(options: LogOptions, catalog: Catalog) -> Generator[Callable[[str], None]]:
    """Write the records of all loggers to standard error inside the block, without the secrets of the catalogue.

    Yields a function that writes an announcement, such as the address, at any level.
    """
    is_json = options.format == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLogFormatter(catalog) if is_json else RedactingFormatter(catalog))
    root = logging.getLogger()
    level = root.level

    def announce(text: str) -> None:
        if is_json:
            handler.handle(_serve.makeRecord(_serve.name, logging.INFO, "", 0, text.strip(), (), None))
        else:
            print(text, file=sys.stderr, flush=True)

    root.addHandler(handler)
    root.setLevel(options.level.upper())
    try:
        yield announce
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
