"""`dagflow check`: the diagnostics of flow files, with fixes and upper bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.files import flow_files
from dagflow.cli.fixes import FixedFile, fix_file, print_text
from dagflow.cli.output import console
from dagflow.cli.output.bounds import plain_bounds, print_bounds
from dagflow.cli.output.documents import CheckDocument
from dagflow.cli.output.text import counted, json_text, printable
from dagflow.cli.sources import Checked, Host, beside_runs, check_file, load_host
from dagflow.lang.lowering.former_names import InProgress

#: Codes that `check` offers to explain.
_MOST_CODES: Final = 3


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
    *, files: tuple[str, ...], bounds: bool, store: str | None, strict: bool, fix: bool, actions: str | None, is_json: bool
) -> int:
    """Check flows and report all errors.

    Each diagnostic has a code, which `dagflow explain CODE` explains. The exit code is 1 if there is an error.
    """
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
            _print_check(out, checked)
            if bounds:
                print_bounds(out, checked.compiled.values())
    found = [each for one in all_checked for each in one.plain]
    if is_json:
        document["diagnostics"] = found
        if bounds:
            document["bounds"] = plain_bounds((one.name, flow) for one in all_checked for flow in one.compiled.values())
        print(json_text(document))
    else:
        _print_explain(out, [each["code"] for each in found])
    counted_kinds = "EW" if strict else "E"
    return FAILED if any(each["code"][0] in counted_kinds for each in found) else OK


def _checked(path: str, host: Host, out: Console, document: CheckDocument, *, fix: bool, is_json: bool) -> Checked:
    """Check a file, with its safe fixes applied if wanted."""
    if not fix:
        return check_file(path, host.catalog)
    fixed = fix_file(path, host.catalog)
    if fixed.text is not None and is_json:
        document["text"] = fixed.text
    elif fixed.text is not None:
        print_text(fixed.text)
    _print_notes(out, fixed)
    return fixed.checked


def _in_progress(store: str | None) -> list[InProgress]:
    if store is None:
        return []
    from dagflow.app.archive import Archive  # noqa: PLC0415 - most checks need no store

    with Archive.open(store) as archive:
        return archive.in_progress()


def _print_notes(out: Console, fixed: FixedFile) -> None:
    for note in fixed.notes:
        out.print(Text(note))


def _print_explain(out: Console, codes: Sequence[str]) -> None:
    """Where to read more about the errors: those said first, each once."""
    errors = list(dict.fromkeys(code for code in codes if code.startswith("E")))[:_MOST_CODES]
    if errors:
        out.print(Text(f"for details, run `dagflow explain {' '.join(errors)}`"))


def _print_check(out: Console, checked: Checked) -> None:
    if checked.rendered:
        for block in checked.rendered.split("\n\n"):
            out.print(_styled(block))
            out.print()
    kinds = Counter(each["code"][0] for each in checked.plain)
    others = ", ".join(counted(kinds[letter], word) for letter, word in (("W", "warning"), ("N", "note")) if kinds[letter])
    if checked.n_errors:
        verdict = counted(checked.n_errors, "error") + (f", {others}" if others else "")
    else:
        verdict = f"ok: {', '.join(checked.flows) or 'no flow'}" + (f" ({others})" if others else "")
    out.print(Text(printable(f"{checked.name}: {verdict}"), style="red" if checked.n_errors else "green"))


def _styled(block: str) -> Text:
    """A diagnostic with its first line and carets in colour, where there is a terminal."""
    text = Text(block)
    style = {"e": "bold red", "w": "bold yellow"}.get(block[:1], "bold cyan")
    lines = block.split("\n")
    text.stylize(style, 0, len(lines[0]))
    offset = 0
    for line in lines:
        if line.lstrip().startswith("|"):
            text.stylize(style, offset, offset + len(line))
        offset += len(line) + 1
    return text
