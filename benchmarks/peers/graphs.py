"""The shapes as plain graphs, for engines that have a language of their own."""

from __future__ import annotations

import random
from collections.abc import Mapping

import attrs


@attrs.frozen
class Graph:
    """Nodes in an order that respects `after`, which says what each comes after. `n_runs` of it run at once."""

    name: str
    after: Mapping[str, tuple[str, ...]]
    n_runs: int = 1

    @property
    def n_nodes(self) -> int:
        """Of all its runs together."""
        return len(self.after) * self.n_runs


def graphs(*, is_tiny: bool) -> tuple[Graph, ...]:
    """Chain, fan, layers and many small runs, as in `benchmarks.shapes`."""
    n, width, depth, runs = (5, 3, 3, 3) if is_tiny else (1_000, 50, 20, 500)
    chain: dict[str, tuple[str, ...]] = {f"n{i}": (f"n{i - 1}",) if i else () for i in range(n)}
    fan: dict[str, tuple[str, ...]] = {"first": (), **{f"n{i}": ("first",) for i in range(n)}}
    fan["last"] = tuple(f"n{i}" for i in range(n))
    small: dict[str, tuple[str, ...]] = {f"n{i}": (f"n{i - 1}",) if i else () for i in range(5)}
    return Graph("chain", chain), Graph("fan", fan), Graph("layered", _layers(width, depth)), Graph("leads", small, runs)


def _layers(width: int, depth: int) -> dict[str, tuple[str, ...]]:
    dice = random.Random(1)
    after: dict[str, tuple[str, ...]] = {}
    for layer in range(depth):
        for i in range(width):
            before = sorted(dice.sample(range(width), min(2, width))) if layer else []
            after[f"n{layer}_{i}"] = tuple(f"n{layer - 1}_{j}" for j in before)
    return after
