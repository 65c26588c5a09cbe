"""Input of commands: flow files, JSON, the module with the host's actions."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import attrs

from dagflow.actions.builtin.settings import Settings
from dagflow.actions.catalog import Catalog
from dagflow.app.compiling import compile as compile_flow
from dagflow.app.simulation.sample_values import example_of
from dagflow.cli.output.text import printable
from dagflow.cli.project import current_project
from dagflow.diagnostic import Diagnostic, Severity
from dagflow.errors import FlowInvalid, UsageError
from dagflow.lang.check.imports import Sources, path_of
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import JsonDiagnostic, render, to_json
from dagflow.lang.importers.detect import import_json
from dagflow.lang.limits import SOURCE_CHARS
from dagflow.lang.lowering.former_names import InProgress, check_in_progress
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.model.types import RecordType
from dagflow.model.wire.codec import WireError
from dagflow.model.wire.json_reader import JsonTextError, parse_json

#: Bytes read of any one file: more than a flow or an input may have in the widest encoding.
_MOST_BYTES: Final = 4 * SOURCE_CHARS + 4
#: Characters of an example of an input.
_MOST_SHOWN: Final = 1_000


def read_text(path: str) -> str:
    """Return the text of a file, or of standard input for `-`.

    Raises:
        UsageError: it cannot be read, or is no UTF-8 text.
    """
    return decoded(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """Return the bytes of a file, or of standard input for `-`.

    Raises:
        UsageError: it cannot be read, or is larger than any text dagflow takes.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path} is larger than {_MOST_BYTES} bytes")
    return data


def decoded(data: bytes, path: str) -> str:
    """Decode the bytes of a file, without a byte order mark.

    Raises:
        UsageError: it is no UTF-8 text.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} must be UTF-8 text; byte {error.start} is invalid") from error


def read_value(text: str | None, source: str = "--input") -> object:
    """Return the JSON value of an option: a text, `@file`, or `-` for standard input; None without the option.

    Raises:
        UsageError: it is no JSON; says where.
    """
    if text is None:
        return None
    if text == "-" or text.startswith("@"):
        source = text.removeprefix("@")
        text = read_text(source)
    try:
        return parse_json(text)
    except JsonTextError as error:
        raise UsageError(f"{source} is not valid JSON: {error}") from error


def one_standard_input(file: str, value: str | None) -> None:
    """Raise UsageError if a flow and its input are both to come from standard input."""
    if file == "-" and value in {"-", "@-"}:
        raise UsageError("the flow and its input cannot both come from standard input; pass one of them as a file")


def problem_lines(error: WireError) -> str:
    """Return the problems of a value, a line for each."""
    return "".join(f"\n  {problem}" for problem in error.problems)


def example_input(record: RecordType) -> str:
    """Return a line with an example of an `--input` of this type; "" if it would be long, or there is none."""
    try:
        text = json.dumps(example_of(record), ensure_ascii=False)
    except WireError:
        return ""  # a secret, for example, has no example
    return f"\n  for example: --input {shlex.quote(text)}" if len(text) <= _MOST_SHOWN else ""


@attrs.frozen
class Host:
    """The catalogue of a command, and its settings."""

    catalog: Catalog
    settings: Settings


def load_host(module: str | None, flow_file: str | None) -> Host:
    """Return the catalogue of `--actions`, or the built-in one.

    Templates lie in `templates` beside the flow unless `DAGFLOW_TEMPLATES` or the project file says otherwise.

    Raises:
        UsageError: the module cannot be imported, or has no catalogue, or the project file is bad.
        FlowInvalid: it is an interface file with errors.
    """
    settings = Settings.from_environment()
    project = current_project()
    if settings.templates == Path("templates"):  # the environment has not chosen
        if project is not None and project.templates is not None:
            settings = attrs.evolve(settings, templates=project.templates)
        elif flow_file not in {None, "-"}:
            settings = attrs.evolve(settings, templates=Path(str(flow_file)).parent / "templates")
    if project is not None and str(project.folder) not in sys.path:
        # A module that the project file names lies beside it, wherever the command is called.
        sys.path.append(str(project.folder))
    catalog = Catalog.builtin(settings) if module is None else _catalog_of(module)
    return Host(catalog, settings)


def _declared(path: str) -> Catalog:
    """Return the catalogue that an interface file declares."""
    compilation = compile_text(read_text(path), Interface(), filename=name_of(path), sources=files_beside(path))
    if compilation.has_errors:
        raise FlowInvalid(compilation.diagnostics, compilation.render())
    return Catalog.declared(compilation.interface)


def _catalog_of(name: str) -> Catalog:
    if name.endswith(".flow"):
        return _declared(name)
    module_name, _, attribute = name.partition(":")
    module = _import(module_name)
    if attribute:
        found = getattr(module, attribute, None)
        if not isinstance(found, Catalog):
            raise UsageError(f"the actions module {module_name} has no dagflow.Catalog named `{attribute}`")
        return found
    catalogs = {key: value for key, value in vars(module).items() if isinstance(value, Catalog)}
    if len({id(value) for value in catalogs.values()}) == 1:
        return next(iter(catalogs.values()))
    found_names = ", ".join(catalogs) or "none"
    raise UsageError(
        f"the actions module {name} must contain one dagflow.Catalog; found {found_names}; choose one with `{module_name}:NAME`"
    )


def _import(name: str) -> ModuleType:
    """Import a module by its dotted name, from the current directory too, or a `.py` file."""
    try:
        if name.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(name).stem, name)
            if spec is None or spec.loader is None or not Path(name).is_file():
                raise UsageError(f"the actions module {name} does not exist")  # noqa: TRY301 - passed on below
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
            return module
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(name)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"the actions module {name} cannot be imported: {type(error).__name__}: {error}") from error


def load_flows(path: str, catalog: Catalog) -> Compilation:
    """Compile a `.flow` file, or a JSON workflow by converting it to a flow.

    Raises:
        UsageError: it cannot be read.
        FlowInvalid: it is JSON that is no workflow.
    """
    text = read_text(path)
    name = name_of(path)
    if path.endswith(".json"):
        text, name = imported(text, name)[0], f"{name} (imported)"
    return compile_flow(text, catalog=catalog, filename=name, sources=files_beside(path))


def files_beside(path: str) -> Sources | None:
    """Return the files that a flow file may import: those in its directory and below; none for standard input.

    The returned function raises UsageError if such a file cannot be read, or is no text.
    """
    if path == "-":
        return None
    directory = Path(path).parent
    before = path_of(name_of(path)).rpartition("/")[0]

    def text_of(wanted: str) -> str | None:
        if before and not wanted.startswith(f"{before}/"):
            return None
        file = directory / wanted[len(before) + 1 if before else 0 :]
        # A link may lead anywhere; only its target counts.
        if not file.is_file() or not file.resolve().is_relative_to(directory.resolve()):
            return None
        return read_text(str(file))

    return text_of


def imported(text: str, name: str) -> tuple[str, str]:
    """Convert a JSON workflow. Returns the flow, and the rendered notes on its differences.

    Raises:
        FlowInvalid: it means none.
    """
    flow_text, diagnostics = import_json(text)
    if flow_text is None:
        raise FlowInvalid(diagnostics, render(diagnostics, text, name))
    return flow_text, render(diagnostics, text, name)


@attrs.frozen
class Checked:
    """The diagnostics of one file.

    Attributes:
        name: the file's name in messages.
        flows: the names of those in it.
        n_errors: the number of diagnostics that are errors.
        rendered: the diagnostics as text; empty if there are none.
        plain: the diagnostics as data.
        compiled: the flows, if there is no error.
    """

    name: str
    flows: tuple[str, ...]
    n_errors: int
    rendered: str
    plain: Sequence[JsonDiagnostic]
    compiled: Mapping[str, Flow] = attrs.field(factory=dict[str, Flow], repr=False)


def check_file(path: str, catalog: Catalog) -> Checked:
    """Check a `.flow` file or a JSON workflow. Raises UsageError: it cannot be read."""
    text = read_text(path)
    name = name_of(path)
    if path.endswith(".json"):
        flow_text, found = import_json(text, filename=name)
        if flow_text is None:
            return Checked(name, (), len(found), render(found, text, name), to_json(found, text, name))
        compilation = compile_flow(flow_text, catalog=catalog, filename=f"{name} (imported)", sources=files_beside(path))
        return _with(checked_of(compilation, name), found, text, name)
    compilation = compile_flow(text, catalog=catalog, filename=name, sources=files_beside(path))
    return checked_of(compilation, name)


def _with(checked: Checked, found: Sequence[Diagnostic], text: str, name: str) -> Checked:
    """Put the diagnostics of a JSON workflow before those of its flow."""
    rendered = "\n\n".join(filter(None, [render(found, text, name), checked.rendered]))
    return attrs.evolve(checked, rendered=rendered, plain=[*to_json(found, text, name), *checked.plain])


def checked_of(compilation: Compilation, name: str) -> Checked:
    """Return the diagnostics of a compiled text."""
    n_errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in compilation.diagnostics)
    return Checked(name, tuple(compilation.flows), n_errors, compilation.render(), compilation.to_json(), compilation.flows)


def beside_runs(checked: Checked, known: Sequence[InProgress]) -> Checked:
    """Add the diagnostics of a file that concern runs in progress."""
    found: list[Diagnostic] = []
    text = ""
    for name, flow in checked.compiled.items():
        text = flow.source
        found += check_in_progress(flow, [each for each in known if each.flow.name == name])
    if not found:
        return checked
    rendered = "\n\n".join(filter(None, [checked.rendered, render(found, text, checked.name)]))
    plain = [*checked.plain, *to_json(found, text, checked.name)]
    return attrs.evolve(
        checked,
        n_errors=checked.n_errors + sum(each.severity is Severity.ERROR for each in found),
        rendered=rendered,
        plain=plain,
    )


def name_of(path: str) -> str:
    """Return the name of a file in messages."""
    return "<stdin>" if path == "-" else printable(path)
