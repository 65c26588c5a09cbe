"""The colours of pictures, light and dark. A sign, a word or a form repeats the meaning of each colour."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.pictures.marks import Tone


class Theme(enum.StrEnum):
    """The themes of pictures. AUTO follows the preference of the reader's browser."""

    LIGHT = "light"
    DARK = "dark"
    AUTO = "auto"


@attrs.frozen(kw_only=True)
class Palette:
    """The colours of a theme: of the ground, words, lines and shapes; of regions and of tones, each a border and a filling."""

    ground: str
    words: str
    faint: str
    line: str
    border: str
    shape: str
    gate: tuple[str, str]
    wait: tuple[str, str]
    value: tuple[str, str]
    finish: tuple[str, str]
    failure: tuple[str, str]
    regions: Mapping[BlockKind, tuple[str, str]]
    tones: Mapping[Tone, tuple[str, str]]


LIGHT: Final = Palette(
    ground="#ffffff", words="#1f2430", faint="#5b6472", line="#7b8494", border="#9aa3b2", shape="#ffffff",
    gate=("#b58a1d", "#fff8e1"), wait=("#5a7fb8", "#eef4fc"), value=("#b4bac6", "#fafbfc"), finish=("#4d5666", "#eceff3"),
    failure=("#c0504a", "#fdf0ef"),
    regions={
        BlockKind.ROOT: ("none", "none"), BlockKind.BODY: ("#d5dae2", "none"), BlockKind.PARALLEL: ("#c5d5ec", "#f3f7fd"),
        BlockKind.RACE: ("#c5d5ec", "#f3f7fd"), BlockKind.DO: ("#d5dae2", "#f7f8fa"), BlockKind.IF: ("#e6d9b4", "#fdfaf1"),
        BlockKind.SWITCH: ("#e6d9b4", "#fdfaf1"), BlockKind.FOR: ("#bfdcc8", "#f2f9f4"), BlockKind.HANDLER: ("#ecc9c6", "#fdf5f4"),
    },
    tones={
        Tone.GOOD: ("#2b8a3e", "#e9f7ec"), Tone.BAD: ("#c92a2a", "#fdecec"), Tone.OFF: ("#8b94a1", "#f6f7f8"),
        Tone.BUSY: ("#1c7ed6", "#e3f1fd"), Tone.WAITING: ("#6741d9", "#f1edfd"), Tone.STOPPED: ("#b8690b", "#fff3e0"),
        Tone.ADDED: ("#2b8a3e", "#e9f7ec"), Tone.REMOVED: ("#c92a2a", "#fdecec"), Tone.CHANGED: ("#b8690b", "#fff3e0"),
    },
)  # fmt: skip
DARK: Final = Palette(
    ground="#12161d", words="#e4e8ee", faint="#a2acbb", line="#7f8a9b", border="#596476", shape="#1c222c",
    gate=("#c9a243", "#2b2618"), wait=("#6f97d3", "#1a2533"), value=("#4c5667", "#181d26"), finish=("#9aa5b5", "#272e3a"),
    failure=("#e07a74", "#331e1e"),
    regions={
        BlockKind.ROOT: ("none", "none"), BlockKind.BODY: ("#333c49", "none"), BlockKind.PARALLEL: ("#33486a", "#161d29"),
        BlockKind.RACE: ("#33486a", "#161d29"), BlockKind.DO: ("#363f4d", "#171c24"), BlockKind.IF: ("#54492a", "#1d1b15"),
        BlockKind.SWITCH: ("#54492a", "#1d1b15"), BlockKind.FOR: ("#2f5440", "#15201a"), BlockKind.HANDLER: ("#5f3634", "#211819"),
    },
    tones={
        Tone.GOOD: ("#51b866", "#15291b"), Tone.BAD: ("#ff6b6b", "#351b1d"), Tone.OFF: ("#6d7889", "#161b22"),
        Tone.BUSY: ("#4dabf7", "#152a3d"), Tone.WAITING: ("#9c84f5", "#231d3b"), Tone.STOPPED: ("#f0a840", "#32260f"),
        Tone.ADDED: ("#51b866", "#15291b"), Tone.REMOVED: ("#ff6b6b", "#351b1d"), Tone.CHANGED: ("#f0a840", "#32260f"),
    },
)  # fmt: skip


def style_of(theme: Theme) -> str:
    """The style sheet of a picture."""
    match theme:
        case Theme.LIGHT:
            return _rules(LIGHT)
        case Theme.DARK:
            return _rules(DARK)
        case Theme.AUTO:
            return f"{_rules(LIGHT)}@media (prefers-color-scheme:dark){{\n{_rules(DARK)}}}\n"


def _rules(palette: Palette) -> str:
    rules = {
        ".ground": f"fill:{palette.ground}",
        "text": f"fill:{palette.words}",
        ".sub,.join,.note,.more": f"fill:{palette.faint}",
        ".line": f"stroke:{palette.line}",
        ".tip": f"fill:{palette.line}",
        ".data": f"stroke:{palette.border}",
        ".failed": f"stroke:{palette.failure[0]}",
        ".failed.tip": f"fill:{palette.failure[0]}",
        ".shape": f"fill:{palette.shape};stroke:{palette.border}",
        ".icon": f"stroke:{palette.wait[0]}",
        ".dot": f"fill:{palette.words};stroke:none",
    }
    for name in ("gate", "wait", "value", "finish", "failure"):
        border, filling = getattr(palette, name)
        rules[f".{name}"] = f"stroke:{border};fill:{filling}"
    for kind, (border, filling) in palette.regions.items():
        rules[f".{kind.value}"] = f"stroke:{border};fill:{filling}"
    for tone, (border, filling) in palette.tones.items():
        rules[f".is-{tone.value}"] = f"stroke:{border};fill:{filling}"
        rules[f".in-{tone.value}"] = f"stroke:{border}"
        rules[f"text.is-{tone.value}"] = f"fill:{border};stroke:none"
        rules[f".line.is-{tone.value}"] = f"stroke:{border};fill:none"
        rules[f".tip.is-{tone.value}"] = f"fill:{border};stroke:none"
    return "".join(f"{selector}{{{rule}}}\n" for selector, rule in rules.items())
