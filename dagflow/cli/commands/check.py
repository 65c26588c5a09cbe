"""The commands that run nothing: `check`, `import`, `actions`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from dagflow.actions.catalog import Catalog
from dagflow.cli.commands.check_bounds import plain_bounds, print_bounds
from dagflow.cli.commands.check_fix import fix_file, print_text
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.files import flow_files, write_new
from dagflow.cli.output.console import console
from dagflow.cli.output.text import counted, json_text, printable, printable_lines
from dagflow.cli.sources import Checked, beside_runs, check_file, imported, load_host, name_of, read_text
from dagflow.errors import UsageError
from dagflow.lang.exporters.declarations import interface_text
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.lowering.former_names import InProgress
from dagflow.model.action import ActionSpec
from dagflow.model.types import Field

#: Codes that `check` offers to explain.
_MOST_CODES: Final = 3


def check(arguments: argparse.Namespace) -> int:
    """Compile each file, with its safe fixes applied if wanted, and print what there is to say; 1 if anything is wrong."""
    paths = flow_files(arguments.files)
    host = load_host(arguments.actions, paths[0])
    is_json = arguments.format == "json"
    takes_stdout = arguments.fix and "-" in paths  # what the fixed text is printed to
    out = Console(highlight=False, soft_wrap=True, stderr=takes_stdout)
    known = _in_progress(arguments.store)
    all_checked: list[Checked] = []
    for path in paths:
        if arguments.fix:
            checked = _fix(path, host.catalog, Console(highlight=False, soft_wrap=True, stderr=True) if is_json else out)
        else:
            checked = check_file(path, host.catalog)
        checked = beside_runs(checked, known)
        all_checked.append(checked)
        if not is_json:
            _print_check(out, checked)
            if arguments.bounds:
                print_bounds(out, checked.compiled.values())
    found = [each for one in all_checked for each in one.plain]
    if is_json:
        data = {"diagnostics": found, "bounds": plain_bounds(all_checked)} if arguments.bounds else found
        print(json_text(data), file=sys.stderr if takes_stdout else sys.stdout)
    else:
        _print_explain(out, [each["code"] for each in found])
    counted = "EW" if arguments.strict else "E"
    return FAILED if any(each["code"][0] in counted for each in found) else OK


def _in_progress(store: str | None) -> list[InProgress]:
    if store is None:
        return []
    from dagflow.app.archive import Archive  # noqa: PLC0415 - most checks need no store

    with Archive.open(store) as archive:
        return archive.in_progress()


def _fix(path: str, catalog: Catalog, out: Console) -> Checked:
    fixed = fix_file(path, catalog)
    if fixed.text is not None:
        print_text(fixed.text)
    for note in fixed.notes:
        out.print(Text(note))
    return fixed.checked


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


def import_workflow(arguments: argparse.Namespace) -> int:
    """Print the flow that a JSON workflow means, or write it to a file."""
    if arguments.file.endswith(".flow"):
        raise UsageError(f"{arguments.file} is already a flow; to convert it to JSON, use `dagflow export`")
    text, notes = imported(read_text(arguments.file), name_of(arguments.file))
    if notes:
        print(f"{notes}\n", file=sys.stderr)
    if arguments.output is None:
        sys.stdout.write(printable_lines(text))
        return OK
    target = write_new(arguments.output, text)
    print(printable(f"wrote {target}; try `dagflow check {target}`"), file=sys.stderr)
    return OK


def actions(arguments: argparse.Namespace) -> int:
    """List the actions of the catalogue with their signatures."""
    host = load_host(arguments.actions, None)
    if arguments.export:
        sys.stdout.write(printable_lines(format_text(interface_text(host.catalog.interface))))
        return OK
    specs = sorted(host.catalog.interface.actions.values(), key=lambda spec: spec.name)
    if arguments.json:
        print(json_text([_plain(spec) for spec in specs]))
        return OK
    out = console()
    for number, spec in enumerate(specs):
        if number:
            out.print()
        doc = spec.doc.split("\n", 1)[0]
        out.print(Text(printable(signature(spec)), style="bold"), soft_wrap=True)
        out.print(Text(printable(f"    {spec.effect.value}" + (f". {doc}" if doc else "")), style="dim"), soft_wrap=True)
    return OK


def signature(spec: ActionSpec) -> str:
    """An action as a `.flow` file would declare it, without its effect."""
    result = "" if str(spec.result) == "null" else f" -> {spec.result}"
    return f"{spec.name}({', '.join(_param(param) for param in spec.params)}){result}"


def _param(param: Field) -> str:
    default = f" = {json.dumps(param.default, ensure_ascii=False)}" if param.has_default else ""
    return f"{param.name}: {param.type}{default}"


def _plain(spec: ActionSpec) -> dict[str, object]:
    params = [{"name": p.name, "type": str(p.type), "required": p.is_required} for p in spec.params]
    return {"name": spec.name, "params": params, "result": str(spec.result), "effect": spec.effect.value, "doc": spec.doc}
