"""Imports: the file that an `import` refers to, and its declarations for the importing file.

A path is relative to the file it stands in, and never leads out of the root directory. Resolving it is plain string work, and
nothing here reads a file: the caller passes the texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Severity, Span, nearest
from dagflow.lang.check.declaration_conflicts import difference_of_fields
from dagflow.lang.check.signatures import Signature
from dagflow.lang.diagnostics import Source
from dagflow.lang.limits import Limits
from dagflow.lang.syntax import tree as s
from dagflow.model.action import ActionSpec, EventSpec
from dagflow.model.types import Type

#: The texts of other files by their paths, or a function from a path to its text, or None if there is none.
Sources: TypeAlias = Mapping[str, str] | Callable[[str], str | None]

#: The allowed characters of a path; others could have a special meaning for the reader of files.
_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*|\.\.?")
_MOST_CHARS: Final = 500


@attrs.frozen(kw_only=True)
class Module:
    """The exports of another file: its own declarations, under the names they have there.

    Attributes:
        is_broken: it has errors, so that unknown names in it are not reported.
    """

    types: Mapping[str, Type] = attrs.field(factory=dict[str, Type])
    events: Mapping[str, EventSpec] = attrs.field(factory=dict[str, EventSpec])
    actions: Mapping[str, ActionSpec] = attrs.field(factory=dict[str, ActionSpec])
    flows: Mapping[str, Signature] = attrs.field(factory=dict[str, Signature])
    is_broken: bool = False


@attrs.frozen
class Import:
    """An `import` and its module."""

    item: s.ImportDecl
    module: Module

    @property
    def name(self) -> s.Ident:
        """Its name in the importing file."""
        return self.item.name

    def qualified(self, name: str) -> str:
        """How the importing file says a name."""
        return f"{self.name.text}.{name}"


def path_of(filename: str) -> str:
    """The path of the file that is compiled, among those it may import; its bare name where it is not one of those."""
    return resolved("", filename) or filename.replace("\\", "/").rpartition("/")[2]


def resolved(importer: str, path: str) -> str | None:
    """The path an `import` in a file means, without `.` and `..`; None where it is no path, or leads out of the whole."""
    parts = importer.split("/")[:-1]
    if len(path) > _MOST_CHARS:
        return None
    for part in path.split("/"):
        if _PATH.fullmatch(part) is None:
            return None
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or None


@attrs.define(eq=False)
class Library:
    """The files of one compilation."""

    sources: Sources | None
    limits: Limits
    #: The file that is compiled and those it is being imported by, the outermost first.
    stack: list[str] = attrs.field(factory=list)
    modules: dict[str, Module] = attrs.field(factory=dict)
    n_chars: int = 0

    def find(self, item: s.ImportDecl, compile_file: Callable[[str, str], Module]) -> tuple[Module, Diagnostic | None]:
        """The module of an `import`; with a diagnostic, a module with errors.

        `compile_file` takes the path and the text of a file, and returns its exports.
        """
        broken = Module(is_broken=True)
        path = resolved(self.stack[-1], item.path.value)
        if path is None:
            return broken, _no_path(item)
        if path in self.stack:
            return broken, self._circle(item, path)
        if path not in self.modules:
            text, problem = self._text(item, path)
            if text is None:
                return broken, problem
            self.modules[path] = broken  # for whatever looks while it is being compiled
            self.stack.append(path)
            self.modules[path] = compile_file(path, text)
            self.stack.pop()
        module = self.modules[path]
        return module, _broken(item, path) if module.is_broken else None

    def _text(self, item: s.ImportDecl, path: str) -> tuple[str | None, Diagnostic | None]:
        if self.sources is None:
            return None, _report(
                "E212", item, f"no source for `{path}`", "the compiler received only this file",
                f'pass the other files: `dagflow.compile(text, sources={{"{path}": …}})`',
            )  # fmt: skip
        if len(self.modules) >= self.limits.files:
            return None, _report(
                "E116",
                item,
                f"more than {self.limits.files} files are imported",
                "this one was not read",
                "merge some of them",
            )
        text = self.sources(path) if callable(self.sources) else self.sources.get(path)
        if text is None:
            return None, self._unknown(item, path)
        self.n_chars += len(text)
        if self.n_chars > self.limits.imported_chars:
            label = f"with this one they have {self.n_chars} characters, the limit is {self.limits.imported_chars}"
            return None, _report("E116", item, "the imported files are too large", label, "import less")
        return text, None

    def _unknown(self, item: s.ImportDecl, path: str) -> Diagnostic:
        meant = None if self.sources is None or callable(self.sources) else nearest(path, list(self.sources))
        if meant is None or meant in self.stack:
            return _report("E212", item, f"there is no file `{path}`", "not found", "the path is relative to this file")
        written = _relative(self.stack[-1], meant)
        inner = Span(item.path.span.start + 1, max(item.path.span.start + 1, item.path.span.end - 1))
        fix = Fix(f'`"{written}"`', is_safe=True, edits=(Edit(inner, written),))
        return _report("E212", item, f"there is no file `{path}`", "not found", f"did you mean `{written}`?", fix)

    def _circle(self, item: s.ImportDecl, path: str) -> Diagnostic:
        around = self.stack[self.stack.index(path) :]
        label = (
            "a file imports itself"
            if len(around) == 1
            else ", which imports ".join(
                [f"`{around[0]}` imports `{around[1]}`", *(f"`{each}`" for each in [*around[2:], path])]
            )
        )
        return _report(
            "E207", item, "files import each other in a cycle", label, "move the shared declarations to a third file"
        )


def _relative(importer: str, path: str) -> str:
    """How a file says the path of another."""
    mine, other = importer.split("/")[:-1], path.split("/")
    n_common = next((n for n, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), min(len(mine), len(other) - 1))
    return "/".join([".." for _ in mine[n_common:]] or ["."]) + "/" + "/".join(other[n_common:])


def _no_path(item: s.ImportDecl) -> Diagnostic:
    return _report(
        "E212", item, "this is not a path to another file", "the path must stay inside the directory of the flow files",
        'write for example `"./x.flow"` or `"../shared/x.flow"`, with letters, digits, `_`, `-`, `.` and blanks',
    )  # fmt: skip


def _broken(item: s.ImportDecl, path: str) -> Diagnostic:
    return _report("E213", item, f"`{path}` has errors", "its declarations cannot be used", "fix that file first")


def _report(code: str, item: s.ImportDecl, title: str, label: str, help_: str, fix: Fix | None = None) -> Diagnostic:
    return Diagnostic(code=code, title=title, span=item.path.span, label=label, help=help_, fix=fix)


# ---- reports about imports that were found


def check_imports(imports: Sequence[Import], actions: Mapping[str, ActionSpec], source: Source) -> Iterator[Diagnostic]:
    """E210 for ambiguous names of imports, W901 for unused ones."""
    seen: dict[str, Span] = {}
    events: dict[str, tuple[EventSpec, str]] = {}
    rest = source.text
    for each in imports:
        span = each.item.span
        rest = rest[: span.start] + " " * (span.end - span.start) + rest[span.end :]
    namespaces = {name.partition(".")[0] for name in actions if "." in name}
    for each in imports:
        name = each.name
        if name.text in seen:
            line = source.place(seen[name.text].start).line
            yield _taken(name, f"the import on line {line} has it")
        elif name.text in namespaces:
            yield _taken(name, f"actions of the host begin with `{name.text}.`")
        elif not each.module.is_broken and not _is_used(each, rest):
            label = "nothing from this file is used"
            yield Diagnostic(
                code="W901", title=f"`{name.text}` is never used", span=name.span, label=label, help="remove the import"
            )
        seen.setdefault(name.text, name.span)
        for event, spec in each.module.events.items():
            known, other = events.setdefault(event, (spec, name.text))
            difference = difference_of_fields(known.payload.fields, spec.payload.fields)
            if difference:
                yield Diagnostic(
                    code="E210", title=f"event `{event}` is declared twice", span=name.span, label=f"in `{other}` {difference}",
                    help="an event must have the same payload everywhere; correct one of the two",
                )  # fmt: skip


def _taken(name: s.Ident, label: str) -> Diagnostic:
    title = f"the name `{name.text}` is taken"
    return Diagnostic(code="E210", title=title, span=name.span, label=label, help="import the file under another name")


def _is_used(each: Import, text: str) -> bool:
    """Whether the text says a name of the import; a comment that does counts too, which only keeps a warning back."""
    if re.search(rf"(?<![\w.]){re.escape(each.name.text)}\s*\.\s*[A-Za-z_]", text):
        return True
    return any(f'"{event}"' in text or f"'{event}'" in text for event in each.module.events)


def severe(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics of another file that an importing file reports: errors, without their fixes, which apply to that file."""
    return [attrs.evolve(each, fix=None) for each in diagnostics if each.severity is Severity.ERROR]
