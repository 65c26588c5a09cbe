"""Files that a command makes."""

from __future__ import annotations

from pathlib import Path

from dagflow.errors import UsageError


def write_new(path: str, text: str) -> Path:
    """Write a text to a file that is not there yet.

    Raises:
        UsageError: it is there, or cannot be written.
    """
    target = Path(path)
    if target.exists():
        raise UsageError(f"{target} already exists; remove or rename it first")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error
    return target
