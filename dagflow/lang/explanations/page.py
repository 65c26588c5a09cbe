"""The page about one code, and how pages are written down.

A page begins with `# CODE title`; then comes the rule, and after lines `--- wrong` and `--- right` the two examples. A page
about the mere size of a file, or about several files, has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

_WRONG: Final = "\n--- wrong\n"
_RIGHT: Final = "\n--- right\n"


@attrs.frozen
class Explanation:
    """The meaning of a code.

    Attributes:
        code: such as `E301`.
        title: the mistake in general words, without a full stop.
        rule: the rule, its reason and the remedy; one paragraph.
        wrong: a whole `.flow` file that has the mistake, or a JSON workflow; empty where the code is about the size of a file, or about several.
        right: the same without the mistake; empty where `wrong` is.
    """

    code: str
    title: str
    rule: str
    wrong: str
    right: str


def read_pages(text: str) -> Iterator[Explanation]:
    """The pages of a text, in its order."""
    for page in ("\n" + text).split("\n# ")[1:]:
        head, _, body = page.partition("\n")
        code, _, title = head.partition(" ")
        rule, _, examples = body.partition(_WRONG)
        wrong, _, right = examples.partition(_RIGHT)
        yield Explanation(code, title, " ".join(rule.split()), _file(wrong), _file(right))


def _file(text: str) -> str:
    """The text of an example, which ends with its last line."""
    return text.strip("\n") + "\n" if text else ""
