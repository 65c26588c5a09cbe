"""`dagflow check`: the diagnostics of flow files, with fixes and upper bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import FAILED, OK

if TYPE_CHECKING:
    from rich.console import Console

    from dagflow.cli.output.documents import CheckDocument
    from dagflow.cli.sources import Checked, Host
    from dagflow.lang.lowering.former_names import InProgress
    from dagflow.model.flow import Flow


@click.command(
    cls=Command,
    examples=[
        ("dagflow check", "check all flows of this directory"),
        ("dagflow check --fix lead.flow", "apply the safe fixes, then check"),
        ("dagflow check --bounds --actions app.py", "print upper bounds too"),
    ],
)
@options.flow_paths
@click.option("--bounds", is_flag=True, help="Print upper bounds for a run of each flow.")
@click.option("--due", "is_due", is_flag=True, help="Print the next five due times of each schedule.")
@click.option(
    "--store",
    metavar="PATH",
    type=options.FilePath(".db"),
    help="Also report removed steps that unfinished runs of this store still reference.",
)
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes to the files first; for -, print the fixed text.")
@options.actions
@options.as_json
def check(
    *,
    files: tuple[str, ...],
    bounds: bool,
    is_due: bool,
    store: str | None,
    strict: bool,
    fix: bool,
    actions: str | None,
    is_json: bool,
) -> int:
    """Check flows and report all errors.

    Each diagnostic has a code, which `dagflow explain CODE` explains. The exit code is 1 if there is an error.
    """
    from dagflow.cli.check_report import print_checked, print_codes
    from dagflow.cli.failures import hint_at_actions
    from dagflow.cli.files import flow_files
    from dagflow.cli.output import console
    from dagflow.cli.output.bounds import plain_bounds, print_bounds
    from dagflow.cli.output.due import plain_due, print_due
    from dagflow.cli.output.text import json_text
    from dagflow.cli.sources import beside_runs, load_host
    from dagflow.clock import SystemClock

    paths = flow_files(files)
    host = load_host(actions, paths[0])
    known = _in_progress(store)
    # Standard output is for the fixed text of standard input, or for the document.
    out = console.lines(is_error=is_json or (fix and "-" in paths))
    all_checked: list[Checked] = []
    document: CheckDocument = {"diagnostics": []}
    for path in paths:
        checked = _checked(path, host, out, document, fix=fix, is_json=is_json)
        checked = beside_runs(checked, known)
        all_checked.append(checked)
        if not is_json:
            print_checked(out, checked)
            if bounds:
                print_bounds(out, checked.compiled.values())
            if is_due:
                print_due(out, checked.compiled.values(), SystemClock().now())
    found = [each for one in all_checked for each in one.plain]
    if is_json:
        document["diagnostics"] = found
        if bounds:
            document["bounds"] = plain_bounds(_flows(all_checked))
        if is_due:
            document["due"] = plain_due(_flows(all_checked), SystemClock().now())
        print(json_text(document))
    else:
        print_codes(out, [each["code"] for each in found])
    hint_at_actions((each["code"], each["title"]) for each in found)
    counted_kinds = "EW" if strict else "E"
    return FAILED if any(each["code"][0] in counted_kinds for each in found) else OK


def _flows(all_checked: list[Checked]) -> list[tuple[str, Flow]]:
    return [(one.name, flow) for one in all_checked for flow in one.compiled.values()]


def _checked(path: str, host: Host, out: Console, document: CheckDocument, *, fix: bool, is_json: bool) -> Checked:
    """Check a file, with its safe fixes applied if wanted."""
    from dagflow.cli.check_report import print_notes
    from dagflow.cli.fixes import fix_file, print_text
    from dagflow.cli.sources import check_file

    if not fix:
        return check_file(path, host.catalog)
    fixed = fix_file(path, host.catalog)
    if fixed.text is not None and is_json:
        document["text"] = fixed.text
    elif fixed.text is not None:
        print_text(fixed.text)
    print_notes(out, fixed.notes)
    return fixed.checked


def _in_progress(store: str | None) -> list[InProgress]:
    if store is None:
        return []
    from dagflow.app.archive import Archive

    with Archive.open(store) as archive:
        return archive.in_progress()
