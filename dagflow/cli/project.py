"""The project file: what `dagflow.toml`, or `[tool.dagflow]` in `pyproject.toml`, sets for the commands of a folder."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Final, cast

import attrs
import click

from dagflow.errors import UsageError

_KEYS: Final = ("actions", "store", "templates")
#: Where the context of a command keeps what was found.
_FOUND: Final = "dagflow.project"
_TOML_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")


@attrs.frozen
class Project:
    """The settings of a project file; an option of a command overrides them. None where the file sets nothing.

    Attributes:
        folder: the absolute path of the file's folder, which relative paths in the file start from.
        actions: the value of `--actions`.
        store: the value of `--store`.
        templates: the folder of the templates.
    """

    folder: Path
    actions: str | None = None
    store: str | None = None
    templates: Path | None = None


def current_project() -> Project | None:
    """Return the settings for the current directory; a command looks for them once. Raises UsageError, as `find_project`."""
    context = click.get_current_context(silent=True)
    if context is None:
        return find_project()
    if _FOUND not in context.meta:
        context.meta[_FOUND] = find_project()
    return cast("Project | None", context.meta[_FOUND])


def find_project(start: Path | None = None) -> Project | None:
    """Return the settings of the nearest project file, or None if there is none. Folders that every user may write to are passed over.

    Args:
        start: the folder where the search begins; it continues upwards. Default: the current directory.

    Raises:
        UsageError: the file cannot be read or has a bad key or value; the message says the line.
    """
    folder = (start or Path.cwd()).resolve()
    for each in (folder, *folder.parents):
        if _is_anybodys(each):
            continue
        own, shared = each / "dagflow.toml", each / "pyproject.toml"
        if own.is_file():
            text = _text_of(own)
            return _project(own, text, _parsed(own, text))
        # Most projects have this file for other tools; without our table its mistakes are theirs to report.
        if shared.is_file() and "dagflow" in (text := _text_of(shared)):
            tool = _parsed(shared, text).get("tool")
            table = cast("dict[str, object]", tool).get("dagflow") if isinstance(tool, dict) else None
            if isinstance(table, dict):
                return _project(shared, text, cast("dict[str, object]", table))
    return None


def _is_anybodys(folder: Path) -> bool:
    """Whether every user may put a file here, as in /tmp: what such a file names is not to be imported."""
    try:
        return os.name == "posix" and bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return True


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} must be UTF-8 text; byte {error.start} is invalid") from error


def _parsed(file: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _TOML_LINE.search(message)
        line = found[1] if found else str(text.count("\n") + 1)
        raise UsageError(f"{file}:{line}: the file must be TOML; got: {_TOML_LINE.sub('', message)}") from error


def _project(file: Path, text: str, table: dict[str, object]) -> Project:
    values = {key: _checked(file, text, key, value) for key, value in table.items()}
    folder = file.parent
    actions, store, templates = (values.get(key) for key in _KEYS)
    if actions is not None and _is_file(actions):
        actions = str(folder / actions)
    if store is not None and store != ":memory:" and "://" not in store:
        store = str(folder / store)
    return Project(folder, actions, store, folder / templates if templates is not None else None)


def _checked(file: Path, text: str, key: str, value: object) -> str:
    place = f"{file}:{_line_of(text, key, in_table=file.name == 'pyproject.toml')}"
    if key not in _KEYS:
        from dagflow.cli.declaring import unknown  # noqa: PLC0415 - only after a mistake

        keys = ", ".join(_KEYS)
        raise UsageError(f"{place}: {unknown('key', key, _KEYS, f'the keys are {keys}')}")
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place}: `{key}` must be a text that is not empty; got {value!r}")
    if key == "actions" and _is_file(value) and not (file.parent / value.partition(":")[0]).is_file():
        raise UsageError(f"{place}: `actions` must name a module or a file that exists; got {value!r}")
    return value


def _is_file(actions: str) -> bool:
    return actions.partition(":")[0].endswith((".py", ".flow"))


def _line_of(text: str, key: str, *, in_table: bool) -> int:
    """Return the line where the key is set; the parser of the standard library keeps no lines."""
    lines = text.splitlines()
    start = (
        next((at for at, line in enumerate(lines) if re.match(r"\s*\[\s*tool\s*\.\s*dagflow\b", line)), 0) if in_table else 0
    )
    pattern = re.compile(rf"""\s*(\[\s*)?(tool\.dagflow\.)?["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((at + 1 for at, line in enumerate(lines) if at >= start and pattern.match(line)), start + 1)
