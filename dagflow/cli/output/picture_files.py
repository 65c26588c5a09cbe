"""Pictures of flows as files: their formats, and where they are written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dagflow.cli.output.text import printable
from dagflow.cli.table import FORMATS
from dagflow.errors import UsageError
from dagflow.model.flow import Flow
from dagflow.pictures.picture import draw_svg

if TYPE_CHECKING:
    from dagflow.app.simulation.coverage import Coverage

#: The format that the suffix of a file means.
_SUFFIXES: Final = {
    ".svg": "svg",
    ".png": "png",
    ".mmd": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
    ".txt": "terminal",
}
#: A picture is drawn with so many dots for each of its own, so that it is sharp on any screen.
_ZOOM: Final = 2


def format_of(output: str | None) -> str:
    """Return the format that the name of a file means; without a file, the one that fits standard output.

    Raises:
        UsageError: the name means none.
    """
    if output is None or output == "-":
        return "terminal" if sys.stdout.isatty() else "mermaid"
    form = _SUFFIXES.get(Path(output).suffix.lower())
    if form is None:
        raise UsageError(f"cannot tell the format from the name {output}; add `--format`, one of {', '.join(FORMATS)}")
    return form


def draw_coverage(path: str, flows: Sequence[Flow], coverage: Coverage) -> None:
    """Draw the coverage of flows; of several flows each to a file of its own, whose name ends in that of the flow.

    Raises:
        UsageError: the file is no picture, or cannot be written.
    """
    from dagflow.app.overlays import overlay_of_coverage  # noqa: PLC0415 - only this picture needs it

    target = Path(path)
    if format_of(path) not in {"svg", "png"}:
        raise UsageError(f"the coverage picture must be .svg or .png; got {target.suffix}")
    for flow in flows:
        svg = draw_svg(flow, overlay_of_coverage(flow, coverage), most=0)
        own = target if len(flows) == 1 else target.with_stem(f"{target.stem}_{flow.name}")
        write_picture(str(own), png_of(svg) if target.suffix.lower() == ".png" else svg.encode())


def png_of(svg: str) -> bytes:
    """Return a picture as PNG.

    Raises:
        UsageError: the library that draws it is not installed.
    """
    try:
        import resvg_py  # noqa: PLC0415 - optional
    except ImportError:
        raise UsageError("PNG output needs an extra: pip install 'dagflow[png]'; `--format svg` works without it") from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM))


def write_picture(path: str | None, data: bytes, *, is_binary: bool = False) -> None:
    """Write a picture to a file, or to standard output for None and `-`.

    Raises:
        UsageError: the file cannot be written, or a terminal would be sent binary data.
    """
    if path is None or path == "-":
        if is_binary and sys.stdout.isatty():
            raise UsageError("cannot print a PNG to a terminal; write it to a file with `-o FILE.png`")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {printable(path)}: {error.strerror or error}") from error
    print(printable(f"wrote {path}"), file=sys.stderr)
