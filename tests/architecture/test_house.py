"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import networkx as nx
import pytest

import dagflow
from docs.building.prose import PATTERNS, Text, questions, rates, texts
from docs.building.rooms import cycles, import_graph, rooms

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dagflow"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

#: Its actions take real time, so that a real kill can hit them in their middle.
TAKE_TIME = {ROOT / "tests" / "app" / "kill_harness.py", ROOT / "tests" / "service" / "kill_child.py"}

MOST_LINES_OF_A_FILE = 400
#: Files that hold one idea in more lines, reviewed one by one.
LONGEST = {
    "dagflow/app/interpreter.py": 505,  # the public methods of one class, most of it what they promise
    "dagflow/drivers/local/driver.py": 455,  # the one place where the parts of the driver meet
    "dagflow/execution/program.py": 410,
    "dagflow/execution/instance.py": 425,  # one run as both drivers see it
    "dagflow/drivers/local/suspension.py": 420,
}
MEDIAN_LINES, P95_LINES = 150, 380
MOST_LINES_OF_A_FUNCTION = 60
LINES_THAT_NEED_A_THEORY = 150


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements inside of the node, without the expressions, which are nine tenths of a tree."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, part, ()):
            if isinstance(child, ast.stmt):
                yield child
            yield from statements(child)


@attrs.frozen
class Outline:
    """What the tests below ask of a file: its lines, its functions with theirs, what it says it is, and what it imports by name."""

    n_lines: int
    functions: list[tuple[str, int]]
    docstring: str | None
    imports: list[tuple[str, str]]


@functools.cache
def outline(path: Path) -> Outline:
    tree = tree_of(path)
    found = list(statements(tree))
    return Outline(
        n_lines=len(path.read_text(encoding="utf-8").splitlines()),
        functions=[
            (each.name, (each.end_lineno or 0) - each.lineno)
            for each in found
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        ],
        docstring=ast.get_docstring(tree),
        imports=[(each.module or "", alias.name) for each in found if isinstance(each, ast.ImportFrom) for alias in each.names],
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    assert outline(path).n_lines <= LONGEST.get(name_of(path), MOST_LINES_OF_A_FILE)
    for name, n_lines in outline(path).functions:
        assert n_lines < MOST_LINES_OF_A_FUNCTION, name


def test_most_files_are_much_shorter() -> None:
    lengths = sorted(outline(path).n_lines for path in FILES)
    assert lengths[len(lengths) // 2] <= MEDIAN_LINES
    assert lengths[len(lengths) * 95 // 100] <= P95_LINES
    assert set(LONGEST) <= {name_of(path) for path in FILES}


#: Those of `dagflow` and `dagflow.testing` import what is asked for only then.
INITS = [path for path in FILES if path.name == "__init__.py" and path.parent.name not in {"dagflow", "testing"}]


@pytest.mark.parametrize("path", INITS, ids=name_of)
def test_packages_only_export(path: Path) -> None:
    for node in tree_of(path).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        is_export = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        assert is_docstring or is_export or isinstance(node, ast.Import | ast.ImportFrom), ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_long_modules_say_what_they_are(path: Path) -> None:
    assert outline(path).n_lines < LINES_THAT_NEED_A_THEORY or outline(path).docstring


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_left_to_do(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text(encoding="utf-8"))


def test_every_public_name_once() -> None:
    assert len(dagflow.__all__) == len(set(dagflow.__all__))
    assert list(dagflow._HOMES) == dagflow.__all__
    assert set(dagflow.__all__) <= set(dir(dagflow))


def test_type_checkers_see_the_same_names() -> None:
    """The imports they read are written beside the table the program reads."""
    found: dict[str, str] = {}
    for node in ast.walk(tree_of(Path(dagflow.__file__))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dagflow."):
            found.update({alias.name: node.module for alias in node.names})
    assert found == dagflow._HOMES


def test_importing_costs_little() -> None:
    """Only what is asked for is imported: neither the compiler nor trio for a version number."""
    code = "import sys, dagflow; sys.exit(any(name in sys.modules for name in ('trio', 'ada_url', 'dagflow.lang.compiler')))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_two_public_names_for_one_thing() -> None:
    things = [getattr(dagflow, name) for name in dagflow.__all__]
    assert len({id(thing) for thing in things}) == len(things)


@pytest.mark.parametrize("name", [name for name in dagflow.__all__ if not name.startswith("_")])
def test_public_names_are_documented(name: str) -> None:
    thing = getattr(dagflow, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing):
        for part, value in vars(thing).items():
            if not part.startswith("_") and (
                inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)
            ):
                assert inspect.getdoc(getattr(thing, part)), f"{name}.{part}"


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imported_by_other_rooms() -> set[tuple[str, str]]:
    """Module and name of everything that crosses a wall."""
    found: set[tuple[str, str]] = set()
    for path in FILES:
        mine = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        found.update(
            (module, name)
            for module, name in outline(path).imports
            if module.startswith("dagflow.") and room_of(module) != mine
        )
    return found


def test_what_other_rooms_use_is_documented_and_public() -> None:
    for module, name in sorted(imported_by_other_rooms()):
        home = importlib.import_module(module)
        thing = getattr(home, name) if hasattr(home, name) else importlib.import_module(f"{module}.{name}")
        assert not name.startswith("_"), f"{module}.{name}"
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{module}.{name}"


def codes() -> set[str]:
    found: set[str] = set()
    for room in ("lang", "expr"):
        for path in (PACKAGE / room).rglob("*.py"):
            found.update(re.findall(r'"([EWN][1-9]\d\d)"', path.read_text(encoding="utf-8")))
    return found


def test_the_specification_explains_every_code() -> None:
    text = (ROOT / "grammar" / "SPEC.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^(?:#+ .*?|\| *)`?([EWN]\d{3})\b", text, re.MULTILINE))
    assert codes() - explained == set(), "have no row in grammar/SPEC.md"
    assert explained - codes() == set(), "are explained there and never said"


@pytest.mark.parametrize("path", [path for path in TESTS if path not in TAKE_TIME], ids=name_of)
def test_no_test_sleeps(path: Path) -> None:
    """Waiting in real time makes tests slow or wrong. Virtual time, events and polling of another process are the ways."""
    text = path.read_text(encoding="utf-8")
    if "sleep" not in text:
        return
    tree = tree_of(path)
    is_virtual = "MockClock" in text or "autojump" in text
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func) if isinstance(node.func, ast.Attribute) and node.func.attr == "sleep" else ""
        assert called not in {"time.sleep", "asyncio.sleep"} or is_polling(tree, node), f"line {node.lineno}: {called}"
        if called == "trio.sleep" and not is_virtual:
            assert ast.unparse(node.args[0]) == "0" or is_polling(tree, node), f"line {node.lineno}: {called}"


def is_polling(tree: ast.Module, call: ast.Call) -> bool:
    """Whether a call stands in a `while`, which asks for something again and again."""
    return any(isinstance(node, ast.While) and any(part is call for part in ast.walk(node)) for node in ast.walk(tree))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_module_imports_on_its_own(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    if not module.endswith("__main__"):
        importlib.import_module(module)


@pytest.mark.timeout(120)
def test_the_house_stands_on_its_floors() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_imports_another_in_a_circle() -> None:
    """Imports for type checkers count too: who reads two such files has to read both at once."""
    assert cycles(import_graph()) == []
    circle = nx.DiGraph([("a", "b"), ("b", "a"), ("b", "c")])
    assert cycles(circle) == [["a", "b"]]


def test_the_packages_of_the_compiler_have_an_order() -> None:
    found = rooms(import_graph(), "dagflow.lang")
    order = list(found)
    for name, targets in found.items():
        assert all(order.index(target) > order.index(name) for target in targets), name


def test_docstrings_and_comments_are_plain_english() -> None:
    """The phrases that `docs.building.prose` counts stay as rare as in the code of the projects it names."""
    found = list(texts([PACKAGE]))
    limits = dict(zip(PATTERNS, (1.0, 0.3, 1.5, 0.4), strict=True))
    assert {name: rate for name, rate in rates(found).items() if rate > limits[name]} == {}
    assert [str(each.path) for each in questions(found)] == []
    dialect = [Text(PACKAGE, 1, "What is given to somebody is kept, and gives it.", is_head=True)]
    assert all(rate > 0 for rate in rates(dialect).values())
    assert questions(dialect) == dialect
