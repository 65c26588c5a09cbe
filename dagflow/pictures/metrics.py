"""The sizes of words: by a table for pictures, by cells for terminals. No font is read, so a picture is the same everywhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

#: Thousandths of the size of DejaVu Sans and its bold, from the space on: one of the widest faces a reader may have.
_REGULAR: Final = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636, 636,
    636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787,
    695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278,
    579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)  # fmt: skip
_BOLD: Final = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696, 696, 696,
    696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850,
    770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343,
    665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)  # fmt: skip
_OTHER: Final = 850
_WIDE: Final = 1_050
#: Where a long word may be broken: behind one of these.
_SEAMS: Final = "._-/,:;()[]{}&|=+?!@#"

Measure = Callable[[str], int]


def pixels(text: str, size: int, *, is_bold: bool = False) -> int:
    """How wide a text is at most, in pixels, rounded up."""
    table = _BOLD if is_bold else _REGULAR
    total = 0
    for letter in text:
        place = ord(letter) - 32
        if 0 <= place < len(table):
            total += table[place]
        elif not unicodedata.combining(letter):
            total += _WIDE if unicodedata.east_asian_width(letter) in "WF" else _OTHER
    return -(-total * size // 1000)


def columns(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text
    )


def plain(text: str) -> str:
    """The text as one line, with unprintable characters replaced."""
    return "".join(letter if letter.isprintable() else " " if letter in "\n\t\r" else "�" for letter in text)


def wrapped(text: str, width: int, measure: Measure, most: int) -> list[str]:
    """The text in at most `most` lines of at most `width`; the rest is replaced by an `…`."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, width, measure):
        if not line or measure((line + piece).rstrip()) <= width:
            line += piece
        else:
            lines.append(line.strip())
            line = piece.lstrip()
    lines.append(line.strip())
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), width, measure)]


def shortened(text: str, width: int, measure: Measure) -> str:
    """The text, cut with an `…` if it is too wide."""
    if measure(text) <= width:
        return text
    while text and measure(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _pieces(text: str, width: int, measure: Measure) -> Iterator[str]:
    """Words with the space in front of them; a word that is too wide is split."""
    for number, word in enumerate(text.split(" ")):
        lead = " " * (number > 0)
        if measure(word) <= width:
            yield lead + word
            continue
        part = lead
        for letter in word:
            if part.strip() and measure(part.strip() + letter) > width:
                cut = max(part.rfind(seam) for seam in _SEAMS) + 1
                if cut <= len(part) // 3:
                    cut = len(part)
                yield part[:cut]
                part = part[cut:]
            part += letter
        yield part
