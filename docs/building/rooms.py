"""Draw the packages of dagflow, and what each of them imports.

    python -m docs.building.rooms            the packages below `dagflow`
    python -m docs.building.rooms lang       the packages below `dagflow.lang`
    python -m docs.building.rooms --cycles   every import cycle between files; there is none

Imports that only type checkers see count too.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import networkx as nx

ROOT: Final = Path(__file__).parents[2]


def import_graph(root: Path = ROOT) -> nx.DiGraph[str]:
    """The modules of `dagflow`, with an edge from each one to every module that it imports. The facade `dagflow` itself is left out."""
    files = {name_of(path, root): path for path in sorted((root / "dagflow").rglob("*.py"))}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(files)
    for name, path in files.items():
        graph.add_edges_from((name, target) for target in _imported(path, files) if target != name)
    graph.remove_nodes_from(["dagflow", "dagflow.__main__"])
    return graph


def name_of(path: Path, root: Path = ROOT) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def cycles(graph: nx.DiGraph[str]) -> list[list[str]]:
    """The modules that import each other, each group sorted."""
    return sorted(sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1)


def rooms(graph: nx.DiGraph[str], package: str) -> dict[str, set[str]]:
    """For each part of a package, the parts of it that its modules import, in an order in which nothing imports what comes before."""
    found: dict[str, set[str]] = {}
    for source, target in graph.edges:
        a, b = _part(source, package), _part(target, package)
        if a and b:
            found.setdefault(a, set())
            found.setdefault(b, set())
            if a != b:
                found[a].add(b)
    between = nx.DiGraph([(a, b) for a, targets in found.items() for b in targets])
    between.add_nodes_from(found)
    groups = nx.condensation(between)
    order = [
        name
        for group in nx.lexicographical_topological_sort(groups, key=lambda n: min(groups.nodes[n]["members"]))
        for name in sorted(groups.nodes[group]["members"])
    ]
    return {name: found[name] for name in order}


def drawn(parts: Mapping[str, set[str]]) -> Iterator[str]:
    """One line for each part, from the top layer down."""
    order = list(parts)
    width = max(map(len, parts), default=0)
    for name, targets in parts.items():
        yield f"{name:<{width}}  {'→ ' + ', '.join(sorted(targets, key=order.index)) if targets else ''}".rstrip()


def _part(module: str, package: str) -> str:
    if not module.startswith(package + "."):
        return ""
    return module[len(package) + 1 :].partition(".")[0]


def _imported(path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "dagflow":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in files else node.module


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 if `--cycles` finds any."""
    parser = argparse.ArgumentParser(prog="python -m docs.building.rooms", description="Draw packages and their imports.")
    parser.add_argument("package", nargs="?", default="", help="a package below dagflow, such as `lang`")
    parser.add_argument("--cycles", action="store_true", help="list import cycles between files")
    arguments = parser.parse_args(argv)
    graph = import_graph()
    if arguments.cycles:
        found = cycles(graph)
        for group in found:
            print(" ↔ ".join(group))
        print(f"{len(graph)} files, {len(found)} import cycles")
        return 1 if found else 0
    for line in drawn(rooms(graph, f"dagflow.{arguments.package}" if arguments.package else "dagflow")):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
