"""The pages that are made when the site is built: messages, actions, commands, and what is taken from other documents."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from typing import Final
from unittest import mock

import click

import dagflow
from dagflow.app.flow_docs import actions_page
from dagflow.cli.group import dagflow as group
from dagflow.cli.group import find
from dagflow.cli.output.document_schema import document_schema
from dagflow.cli.output.documents import DOCUMENTS
from dagflow.cli.output.text import json_text
from dagflow.lang.diagnostics import render
from dagflow.lang.explanations import Explanation, all_codes, explanation
from dagflow.lang.importers.detect import import_json
from docs.building.documents import ROOT, fences

_KINDS: Final = {"E": "Errors", "W": "Warnings", "N": "Notes"}
_ABOUT: Final = {"E": "keep a flow from running.", "W": "are likely mistakes; the flow runs.", "N": "say what is good to know."}
_GROUPS: Final = {
    "E1": "Syntax", "E2": "Names", "E3": "Types and values", "E4": "Order", "E5": "Bounds", "E6": "Safety", "E7": "Runs in progress",
}  # fmt: skip
_INCLUDE: Final = re.compile(r"^<!-- include (\S+?)(?:#(.+?))? -->$", re.MULTILINE)
_PICTURED: Final = re.compile(r"^<!-- picture (\S+) -->$", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^\]\[]+)\]\((?!https?:|#|mailto:)([^)\s]+)\)")
_PICTURE: Final = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n", re.MULTILINE)
_CODE: Final = re.compile(r"(?<![`\w\[/])([EWN]\d{3})(?![`\w\]])")
_LITERAL: Final = re.compile(r"(^```.*?^```|`[^`\n]*`|\]\([^)]*\))", re.DOTALL | re.MULTILINE)


def generated() -> dict[str, str]:
    """Pages that are on no disk, by their path in the site."""
    pages = {f"errors/{code}.md": _error(_page(code)) for code in all_codes()}
    return {"errors/index.md": _errors(), "cli.md": _commands(), "json.md": _outputs(), **pages}


def pictures() -> dict[str, str]:
    """The pictures that pages ask for by `<!-- picture NAME -->`, by their path in the site."""
    found: dict[str, str] = {}
    folder = ROOT / "docs"
    for path in sorted(folder.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        for name in _PICTURED.findall(page):
            beside = path.with_name(f"{name}.flow")
            text = beside.read_text(encoding="utf-8") if beside.is_file() else _shown(page, f"{name}.flow")
            flows = dagflow.compile(text, filename=f"{name}.flow").flows
            found[path.with_name(f"{name}.svg").relative_to(folder).as_posix()] = next(iter(flows.values()))._repr_svg_()
    return found


def _shown(page: str, title: str) -> str:
    """The last text that a page has for a whole file."""
    return [fence.text for fence in fences(page) if fence.title == title and not fence.is_hidden and not fence.is_appended][-1]


def filled(page: str, to_errors: str) -> str:
    """A page with what it includes of other documents, and with links to the pages of the codes it names.

    Args:
        page: as it is written.
        to_errors: where the pages of codes are, seen from it.
    """
    page = page.replace("<!-- actions -->", _actions())
    page = _PICTURED.sub(lambda match: f"![{match[1]}]({match[1]}.svg)", page)
    page = _INCLUDE.sub(lambda match: _included(match[1], match[2]), page)
    parts = _LITERAL.split(page)
    known = frozenset(all_codes())

    def linked(match: re.Match[str]) -> str:
        return f"[{match[1]}]({to_errors}/{match[1]}.md)" if match[1] in known else match[0]

    return "".join(part if number % 2 else _CODE.sub(linked, part) for number, part in enumerate(parts))


def without_links_outside(page: str, path: str) -> str:
    """A page without its links to files of the repository that the site does not have. `path`: of the page, in the site."""

    def kept(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2]))
        return match[1] if target.startswith("../") else match[0]

    return _LINK.sub(kept, page)


def _included(path: str, heading: str | None) -> str:
    """A document, or what is below one of its headings, without links to what is not part of the site."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if heading:
        match = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text, re.DOTALL | re.MULTILINE)
        if match is None:
            raise ValueError(f"{path} has no heading {heading!r}")
        text = match[2]
    else:
        text = text.partition("\n")[2]  # the page has a title of its own
    text = re.sub(r"^```flow (\S+)$", r'```flow title="\1"', text, flags=re.MULTILINE)
    text = re.sub(r"^## Words\n.*?(?=^## |\Z)", "", text, flags=re.DOTALL | re.MULTILINE)
    return _LINK.sub(lambda match: match[1], _PICTURE.sub("", text)).strip()


# ---- messages


def _page(code: str) -> Explanation:
    found = explanation(code)
    assert found is not None  # noqa: S101 - it is one of all codes
    return found


def _errors() -> str:
    lines = ["# Messages", "", "Every message of the compiler has a code. `dagflow explain CODE` prints the same pages.", ""]
    for letter, word in _KINDS.items():
        lines += [f"## {word}", "", f"{word} {_ABOUT[letter]}", ""]
        group = ""
        for code in (code for code in all_codes() if code[0] == letter):
            if _GROUPS.get(code[:2], "") != group or lines[-1] == "":
                group = _GROUPS.get(code[:2], "")
                lines += [*([f"\n### {group}", ""] if group else []), "| code | mistake |", "|---|---|"]
            lines.append(f"| [{code}]({code}.md) | {_cell(_page(code).title)} |")
        lines.append("")
    return "\n".join(lines)


def _error(page: Explanation) -> str:
    lines = [f"# {page.code}: {page.title}", "", page.rule, ""]
    if page.wrong:
        language = "json" if page.wrong.lstrip().startswith("{") else "flow"
        lines += ["## Wrong", "", f"```{language}", page.wrong.rstrip(), "```", ""]
        said = _said(page)
        lines += ["dagflow says:", "", "```text", said, "```", ""] if said else []
        lines += ["## Right", "", f"```{language}", page.right.rstrip(), "```", ""]
    return "\n".join(lines)


def _said(page: Explanation) -> str:
    """What the compiler says of the wrong example, as far as it is about this code."""
    if page.wrong.lstrip().startswith("{"):
        _, found = import_json(page.wrong)
        found = [each for each in found if each.code == page.code]
        return render(found, page.wrong, "wrong.json").rstrip()
    compilation = dagflow.compile(page.wrong, filename="wrong.flow")
    found = [each for each in compilation.diagnostics if each.code == page.code]
    return render(found, page.wrong, "wrong.flow").rstrip()


# ---- actions and commands


def _actions() -> str:
    text = actions_page(dagflow.Catalog.builtin().interface.actions.values(), [])
    return text.partition("\n")[2].strip()


def _commands() -> str:
    lines = [
        "# Command line",
        "",
        "Every command with its `--help`.",
        "Exit codes: 0 success, 1 check or run failed, 2 usage error; `dagflow test` ends with 5 if it finds no test.",
        "",
    ]
    with mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"}):
        for context in _contexts(click.Context(group, info_name="dagflow", **group.context_settings)):
            lines += [f"## {context.command_path}", "", "```text", context.get_help(), "```", ""]
    return "\n".join(lines)


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of a command, and those of all commands below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            yield from _contexts(find([name], context))


def _outputs() -> str:
    lines = [
        "# JSON output",
        "",
        "`--json` prints one JSON document on standard output, and nothing else; progress and messages go to standard error.",
        'A command that has no result prints `{"error": …}`.',
        "`dagflow schema --json-of COMMAND` prints the schemas below.",
        "",
    ]
    for command in DOCUMENTS:
        lines += [f"## dagflow {command}", "", "```json", json_text(document_schema(command)), "```", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
