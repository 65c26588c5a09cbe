"""Files that a command reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dagflow.errors import UsageError


def flow_files(given: Sequence[str]) -> list[str]:
    """Return the files that these paths mean: all flow files below a directory; without a path, those below the current one.

    Raises:
        UsageError: there is no flow in a directory, or standard input is named twice.
    """
    if given.count("-") > 1:
        raise UsageError("`-` may be given only once, because standard input can be read only once")
    files: list[str] = []
    for each in given or ["."]:
        if each != "-" and Path(each).is_dir():
            found = sorted(
                path for path in Path(each).rglob("*.flow") if path.is_file() and not _is_hidden(path.relative_to(each))
            )
            if not found:
                raise UsageError(f"no .flow file in {each}")
            files += map(str, found)
        else:
            files.append(each)
    return list(dict.fromkeys(files))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def write_new(path: str, text: str) -> Path:
    """Write a text to a new file.

    Raises:
        UsageError: the file exists, or cannot be written.
    """
    target = Path(path)
    if target.exists():
        raise UsageError(f"{target} already exists; remove or rename it first")
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error
    return target
