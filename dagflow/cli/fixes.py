"""`check --fix`: applies safe fixes to a file, and writes it back whole or not at all."""

from __future__ import annotations

import codecs
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import attrs

from dagflow.actions.catalog import Catalog
from dagflow.app.compiling import compile as compile_flow
from dagflow.cli.output.text import printable, printable_lines
from dagflow.cli.sources import Checked, check_file, checked_of, decoded, files_beside, name_of, read_bytes
from dagflow.errors import UsageError
from dagflow.lang.autofix import Fixed, fix_text
from dagflow.lang.compiler import Compilation
from dagflow.lang.diagnostics import Source


@attrs.frozen
class FixedFile:
    """The result of fixing a file.

    Attributes:
        checked: the remaining diagnostics.
        notes: a line for each fix that was applied or refused.
        text: the fixed text of standard input; None for a file.
    """

    checked: Checked
    notes: tuple[str, ...]
    text: str | None = None


def fix_file(path: str, catalog: Catalog) -> FixedFile:
    """Apply the safe fixes of a `.flow` file and write it back if that changes it; only check a JSON workflow.

    Raises:
        UsageError: it cannot be read or written.
    """
    if path.endswith(".json"):
        return FixedFile(check_file(path, catalog), (f"{name_of(path)}: fixes are not available for JSON workflows",))
    data = read_bytes(path)
    text = decoded(data, path)
    name = name_of(path)

    def compile_(source: str) -> Compilation:
        return compile_flow(source, catalog=catalog, filename=name, sources=files_beside(path))

    fixed = fix_text(text, compile_)
    result = fixed.compilation.text
    if path != "-" and result != text:
        mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        replace(Path(path), data, mark + result.encode())
    return FixedFile(checked_of(fixed.compilation, name), _notes(fixed, name), result if path == "-" else None)


def _notes(fixed: Fixed, name: str) -> tuple[str, ...]:
    source = Source(fixed.compilation.text, name)
    notes: list[str] = []
    for each in fixed.applied:
        place = source.place(each.offset)
        said = f"{each.diagnostic.code}, {each.diagnostic.title}: {each.fix.text}"
        notes.append(printable(f"{name}:{place.line}:{place.column}: fixed {said}"))
    for diagnostic in fixed.refused:
        place = source.place(diagnostic.span.start)
        notes.append(
            f"{name}:{place.line}:{place.column}: did not fix {diagnostic.code}, because its fix would cause new errors"
        )
    return tuple(notes)


def print_text(text: str) -> None:
    """Print a text byte for byte; to a terminal, without characters that could steer it."""
    if sys.stdout.isatty():
        sys.stdout.write(printable_lines(text))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Replace the bytes of a file in one step. It keeps its mode and owner, and a link stays a link.

    Args:
        path: the file.
        before: the bytes that were read from it; if it has changed since, it stays as it is.
        after: its new bytes.

    Raises:
        UsageError: it is no file, may not be written, or has changed. It then keeps its bytes.
    """
    target = path.resolve()
    if not target.is_file():
        raise UsageError(f"{path} is not a regular file; to fix standard input, use `-`")
    if not os.access(target, os.W_OK):
        raise UsageError(f"cannot write {path}: it is read-only")
    if read_bytes(str(target)) != before:
        raise UsageError(f"{path} changed while dagflow was reading it; try again")
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        _make_alike(temporary, target)
        temporary.replace(target)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)  # absent after success


def _make_alike(made: Path, model: Path) -> None:
    """Give a file the owner, where that is allowed, and the mode of another."""
    mine, theirs = made.stat(), model.stat()
    if (mine.st_uid, mine.st_gid) != (theirs.st_uid, theirs.st_gid):
        with contextlib.suppress(PermissionError):
            os.chown(made, theirs.st_uid, theirs.st_gid)
    shutil.copymode(model, made)
