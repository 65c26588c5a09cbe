"""The pictures of `dagflow graph`: their subjects and formats."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from dagflow.cli.output.picture_files import write_picture
from dagflow.cli.output.text import json_text, printable_lines
from dagflow.cli.sources import Host, load_flows, load_host
from dagflow.errors import UsageError
from dagflow.model.flow import Flow
from dagflow.pictures.chart import to_dot, to_json, to_mermaid
from dagflow.pictures.differences import compare
from dagflow.pictures.folding import MOST_SHAPES
from dagflow.pictures.labels import heading_of
from dagflow.pictures.marks import NOTHING, Overlay
from dagflow.pictures.picture import Subject, lay_out
from dagflow.pictures.svg import to_svg
from dagflow.pictures.svg_measure import SvgLooks
from dagflow.pictures.themes import Theme

if TYPE_CHECKING:
    from dagflow.app.overlays import Items
    from dagflow.execution.results import RunResult

#: Columns where there is no terminal to ask.
_WIDTH: Final = 120
#: Items of loops to read, at most; each is a run of its own.
_MOST_ITEMS: Final = 1_000


@attrs.frozen
class Wanted:
    """The subject of a picture: a flow, a run of it, or the changes since an earlier flow."""

    flow: Flow
    result: RunResult | None = None
    items: Items | None = None
    before: Flow | None = None


def picture_of(file: str, flow: str | None, run: str | None, diff: str | None, *, store: str, actions: str | None) -> Wanted:
    """Return the subject of the picture that the options of `dagflow graph` mean. Raises UsageError: there is none."""
    if diff is not None and run is not None:
        raise UsageError("`--run` and `--diff` cannot be combined")
    if not _is_file(file):
        if run is not None:
            raise UsageError(f"no such file: {file}; to draw a run on the flow it started with, omit `--run`")
        return _run(file, store)
    host = load_host(actions, file)
    found = _flow(file, flow, host)
    if diff is not None:
        before = load_flows(diff, host.catalog)
        return Wanted(found, before=before.unwrap(found.name if len(before.flows) != 1 else None))
    if run is not None:
        return attrs.evolve(_run(run, store), flow=found)
    return Wanted(found)


def _is_file(name: str) -> bool:
    return name == "-" or Path(name).suffix in {".flow", ".json"} or Path(name).exists()


def _flow(path: str, name: str | None, host: Host) -> Flow:
    return load_flows(path, host.catalog).unwrap(name)


def _run(prefix: str, store: str) -> Wanted:
    from dagflow.app.archive import Archive  # noqa: PLC0415 - only to draw a run

    with Archive.open(store) as archive:
        run_id = archive.find(prefix)
        flow, result = archive.result(run_id)
        return Wanted(flow, result, archive.items(run_id, _MOST_ITEMS))


def text_of(wanted: Wanted, form: str) -> str:
    """Return a flow as JSON, DOT or Mermaid. Raises UsageError: the subject is a run or a change."""
    if wanted.result is not None or wanted.before is not None:
        option = "--json" if form == "json" else f"--format {form}"
        raise UsageError(f"`{option}` cannot show runs or changes; use svg, png or terminal")
    if form == "json":
        return json_text(to_json(wanted.flow)) + "\n"
    return printable_lines(to_dot(wanted.flow) if form == "dot" else to_mermaid(wanted.flow))


def _subject(wanted: Wanted, *, unfold: bool) -> tuple[Subject, Overlay]:
    if wanted.before is not None:
        return compare(wanted.before, wanted.flow)
    subject = Subject.of(wanted.flow, 0 if unfold else MOST_SHAPES)
    if wanted.result is None:
        return subject, NOTHING
    from dagflow.app.overlays import overlay_of_run  # noqa: PLC0415 - likewise

    return subject, overlay_of_run(wanted.flow, wanted.result, wanted.items)


def svg_of(wanted: Wanted, theme: str, *, unfold: bool) -> str:
    """Return the picture as SVG."""
    subject, overlay = _subject(wanted, unfold=unfold)
    return to_svg(lay_out(subject, SvgLooks(), overlay), heading_of(wanted.flow), overlay, Theme(theme))


def write_terminal(wanted: Wanted, output: str | None, *, unfold: bool) -> None:
    """Write the picture as text, as wide as the terminal."""
    from dagflow.cli.output.console import lines  # noqa: PLC0415 - only this format needs it
    from dagflow.cli.output.picture import drawing  # noqa: PLC0415

    width = shutil.get_terminal_size((_WIDTH, 40)).columns
    text = drawing(*_subject(wanted, unfold=unfold), heading_of(wanted.flow), width)
    if output in {None, "-"}:
        lines().print(text)
    else:
        write_picture(output, (text.plain + "\n").encode())
