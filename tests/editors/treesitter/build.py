"""A parser made of `grammar/tree-sitter/grammar.js` by tree-sitter itself.

The tool of today comes as a program that is downloaded when it is installed. Where that cannot be, this builds the last one that came as
source (0.13, in the packages `tree-sitter-cli` and `tree-sitter` of the npm registry) with the machine's compiler: the same
algorithm, and all of it that the grammar uses. It is built once, in a directory of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
GRAMMAR = HERE.parents[2] / "grammar" / "tree-sitter" / "grammar.js"
_PACKAGES = {"compiler": "tree-sitter-cli@0.13.16", "runtime": "tree-sitter@0.13.23"}
_TOOLS = ("node", "npm", "gcc", "g++")


class CannotBuildError(Exception):
    """A tool is missing, or the registry cannot be reached."""


def parser() -> Path:
    """A program that prints the trees of files.

    Raises:
        CannotBuildError: it cannot be made here.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise CannotBuildError(f"not installed: {', '.join(missing)}")
    home = Path(tempfile.gettempdir()) / "dagflow-tree-sitter"
    home.mkdir(exist_ok=True)
    generator = home / "generate"
    if not generator.exists():
        _build_generator(home, generator)
    grammar = _run(["node", str(HERE / "grammar_json.js"), str(GRAMMAR)])
    (home / "parser.c").write_text(_run([str(generator)], grammar), encoding="utf-8")
    runtime = _source(home, "runtime")
    sources = [HERE / "parse.c", home / "parser.c", runtime / "src" / "runtime" / "runtime.c"]
    includes = [runtime / "include", runtime / "src", runtime / "externals" / "utf8proc"]
    program = home / "parse"
    _run(["gcc", "-std=gnu99", "-O0", "-w", *_includes(includes), *map(str, sources), "-o", str(program)])
    return program


def _build_generator(home: Path, program: Path) -> None:
    root = _source(home, "compiler")
    includes = [root / "include", root / "src", root / "externals" / "utf8proc", root / "externals" / "json-parser"]
    objects: list[str] = []
    for source in [root / "externals" / "utf8proc" / "utf8proc.c", root / "externals" / "json-parser" / "json.c"]:
        objects.append(str(home / f"{source.stem}.o"))
        _run(["gcc", "-O1", "-w", *_includes(includes), "-c", str(source), "-o", objects[-1]])
    # They leave to others what they need of the library.
    needed = [word for name in ("functional", "string", "memory", "limits") for word in ("-include", name)]
    sources = [str(path) for path in sorted((root / "src" / "compiler").rglob("*.cc"))]
    made = home / "generate.new"
    _run(
        [
            "g++",
            "-std=c++14",
            "-O1",
            "-w",
            *needed,
            *_includes(includes),
            *sources,
            str(HERE / "generate.cc"),
            *objects,
            "-o",
            str(made),
        ]
    )
    made.rename(program)


def _source(home: Path, name: str) -> Path:
    """What is in a package, below its `vendor/tree-sitter`."""
    root = home / name / "package" / "vendor" / "tree-sitter"
    if not root.exists():
        packed = _run(["npm", "pack", "--silent", "--pack-destination", str(home), _PACKAGES[name]]).split()[-1]
        with tarfile.open(home / packed) as archive:
            archive.extractall(home / name, filter="data")
    return root


def _includes(paths: list[Path]) -> list[str]:
    return [word for path in paths for word in ("-I", str(path))]


def _run(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=400, check=False)
    if done.returncode:
        raise CannotBuildError(f"{command[0]}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout
