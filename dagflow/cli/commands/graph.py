"""`dagflow graph`: a flow or a run as a picture, or as text that other tools draw."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from dagflow.cli.exit_codes import OK
from dagflow.cli.output.text import json_text, printable, printable_lines
from dagflow.cli.sources import Host, load_flows, load_host
from dagflow.errors import UsageError
from dagflow.lang.exporters.graph import to_dot, to_json, to_mermaid
from dagflow.model.flow import Flow
from dagflow.pictures.differences import compare
from dagflow.pictures.folding import MOST_SHAPES
from dagflow.pictures.labels import heading_of
from dagflow.pictures.marks import NOTHING, Overlay
from dagflow.pictures.picture import Subject, draw_svg, lay_out
from dagflow.pictures.svg import to_svg
from dagflow.pictures.svg_measure import SvgLooks
from dagflow.pictures.themes import Theme

if TYPE_CHECKING:
    from dagflow.app.overlays import Items
    from dagflow.app.simulation.coverage import Coverage
    from dagflow.execution.results import RunResult

#: What `--format` can be, and which one the end of a file's name means.
FORMATS: Final = ("terminal", "svg", "png", "mermaid", "dot", "json")
_ENDINGS: Final = {
    ".svg": "svg",
    ".png": "png",
    ".mmd": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".json": "json",
    ".txt": "terminal",
}
#: Columns where there is no terminal to ask.
_WIDTH: Final = 120
#: Items of loops that are looked at; each is a run to be read.
_MOST_ITEMS: Final = 1_000
#: A picture is drawn with so many dots for each of its own, so that it is sharp on any screen.
_ZOOM: Final = 2


@attrs.frozen
class _Wanted:
    """What is to be drawn: a flow, how a run of it went, or what has changed since an earlier one."""

    flow: Flow
    result: RunResult | None = None
    items: Items | None = None
    before: Flow | None = None


def graph(arguments: argparse.Namespace) -> int:
    """Print the graph of a flow or a run, or write it to a file."""
    form = _format(arguments.format, arguments.output)
    wanted = _wanted(arguments)
    match form:
        case "json" | "dot" | "mermaid":
            _write(arguments.output, _text_of(wanted, form).encode())
        case "terminal":
            _write_terminal(wanted, arguments)
        case "svg":
            _write(arguments.output, _svg(wanted, arguments).encode())
        case _:
            _write(arguments.output, png_of(_svg(wanted, arguments)), is_binary=True)
    return OK


def _format(wanted: str | None, output: str | None) -> str:
    if wanted is not None:
        return wanted
    if output is not None and output != "-":
        form = _ENDINGS.get(Path(output).suffix.lower())
        if form is None:
            raise UsageError(f"cannot tell the format from the name {output}; add `--format`, one of {', '.join(FORMATS)}")
        return form
    return "terminal" if sys.stdout.isatty() else "mermaid"


def _wanted(arguments: argparse.Namespace) -> _Wanted:
    if arguments.diff is not None and arguments.run is not None:
        raise UsageError("`--run` and `--diff` cannot be combined")
    if not _is_file(arguments.file):
        if arguments.run is not None:
            raise UsageError(f"no such file: {arguments.file}; to draw a run on the flow it started with, omit `--run`")
        return _run(arguments.file, arguments)
    host = load_host(arguments.actions, arguments.file)
    flow = _flow(arguments.file, arguments.flow, host)
    if arguments.diff is not None:
        before = load_flows(arguments.diff, host.catalog)
        return _Wanted(flow, before=before.unwrap(flow.name if len(before.flows) != 1 else None))
    if arguments.run is not None:
        return attrs.evolve(_run(arguments.run, arguments), flow=flow)
    return _Wanted(flow)


def _is_file(name: str) -> bool:
    return name == "-" or Path(name).suffix in {".flow", ".json"} or Path(name).exists()


def _flow(path: str, name: str | None, host: Host) -> Flow:
    return load_flows(path, host.catalog).unwrap(name)


def _run(prefix: str, arguments: argparse.Namespace) -> _Wanted:
    from dagflow.app.archive import Archive  # noqa: PLC0415 - what is drawn is seldom a run

    with Archive.open(arguments.store) as archive:
        run_id = archive.find(prefix)
        flow, result = archive.result(run_id)
        return _Wanted(flow, result, archive.items(run_id, _MOST_ITEMS))


def _text_of(wanted: _Wanted, form: str) -> str:
    if wanted.result is not None or wanted.before is not None:
        raise UsageError(f"`--format {form}` cannot show runs or changes; use svg, png or terminal")
    if form == "json":
        return json_text(to_json(wanted.flow)) + "\n"
    return printable_lines(to_dot(wanted.flow) if form == "dot" else to_mermaid(wanted.flow))


def _subject(wanted: _Wanted, arguments: argparse.Namespace) -> tuple[Subject, Overlay]:
    if wanted.before is not None:
        return compare(wanted.before, wanted.flow)
    subject = Subject.of(wanted.flow, 0 if arguments.unfold else MOST_SHAPES)
    if wanted.result is None:
        return subject, NOTHING
    from dagflow.app.overlays import overlay_of_run  # noqa: PLC0415 - likewise

    return subject, overlay_of_run(wanted.flow, wanted.result, wanted.items)


def _svg(wanted: _Wanted, arguments: argparse.Namespace) -> str:
    subject, overlay = _subject(wanted, arguments)
    return to_svg(lay_out(subject, SvgLooks(), overlay), heading_of(wanted.flow), overlay, Theme(arguments.theme))


def _write_terminal(wanted: _Wanted, arguments: argparse.Namespace) -> None:
    from rich.console import Console  # noqa: PLC0415 - only this format needs it

    from dagflow.cli.output.picture import drawing  # noqa: PLC0415

    width = shutil.get_terminal_size((_WIDTH, 40)).columns
    text = drawing(*_subject(wanted, arguments), heading_of(wanted.flow), width)
    if arguments.output in {None, "-"}:
        Console(highlight=False, soft_wrap=True).print(text)
    else:
        _write(arguments.output, (text.plain + "\n").encode())


def draw_coverage(path: str, flows: Sequence[Flow], coverage: Coverage) -> None:
    """Draw what tests have seen of flows; of several flows each into a file of its own, whose name ends in that of the flow.

    Raises:
        UsageError: the file is to be no picture, or cannot be written.
    """
    from dagflow.app.overlays import overlay_of_coverage  # noqa: PLC0415 - likewise

    target = Path(path)
    if _format(None, path) not in {"svg", "png"}:
        raise UsageError(f"the coverage picture must be .svg or .png; got {target.suffix}")
    for flow in flows:
        svg = draw_svg(flow, overlay_of_coverage(flow, coverage), most=0)
        own = target if len(flows) == 1 else target.with_stem(f"{target.stem}_{flow.name}")
        _write(str(own), png_of(svg) if target.suffix.lower() == ".png" else svg.encode())


def png_of(svg: str) -> bytes:
    """A picture as PNG.

    Raises:
        UsageError: the library that draws it is not installed.
    """
    try:
        import resvg_py  # noqa: PLC0415 - optional
    except ImportError:
        raise UsageError("PNG output needs an extra: pip install 'dagflow[png]'; `--format svg` works without it") from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM))


def _write(path: str | None, data: bytes, *, is_binary: bool = False) -> None:
    if path in {None, "-"}:
        if is_binary and sys.stdout.isatty():
            raise UsageError("cannot print a PNG to a terminal; write it to a file with `-o FILE.png`")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        Path(str(path)).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {printable(str(path))}: {error.strerror or error}") from error
    print(printable(f"wrote {path}"), file=sys.stderr)
