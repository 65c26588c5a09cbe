r"""E-mail templates: the operator's files with `${…}` holes, each an expression of the flow language over the data.

`NAME.txt` may begin with a line `Subject: …`; `NAME.html` is the same mail for programs that show HTML; one of the two has
to be there. Values in an `.html` file are escaped, and where a
link begins they have to be an address. `\${` is a literal `${`. There is no other template language: no loops, no
includes, nothing that runs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from dagflow.actions.failures import Fatal
from dagflow.errors import DagflowError
from dagflow.model.decimals import decimal_text
from dagflow.model.values import Duration, Timestamp

#: Returns the value of an expression over the data; raises a `DagflowError` if it has none.
Evaluate: TypeAlias = Callable[[str, Mapping[str, object]], object]

MAX_TEMPLATE: Final = 256 * 1024
MAX_RENDERED: Final = 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
# As in a string of the flow language: quotes and one level of braces inside are fine.
_HOLE: Final = re.compile(r"""\\\$\{|\$\{((?:[^{}"'\n]|"[^"\n]*"|'[^'\n]*'|\{[^{}\n]*\})*)(\}?)""")
#: The length of text before a hole that is enough to decide whether an address begins there.
_BEFORE: Final = 40
_ADDRESS: Final = re.compile(r"""\b(?:href|src|action|formaction|background)\s*=\s*["']?\s*\Z""", re.IGNORECASE)
_ADDRESSES: Final = ("https://", "http://", "mailto:")
#: Takes a value and the text before it.
_Escape: TypeAlias = Callable[[str, str], str]
_SUBJECT: Final = re.compile(r"[Ss]ubject:[ \t]*(.*)")


@attrs.frozen
class Mail:
    """A rendered template. Each part is empty where the template has none."""

    subject: str
    text: str
    html: str


@attrs.frozen
class Templates:
    """The templates in `folder`. Files are read anew each time, so an edit takes effect with the next mail."""

    folder: Path
    evaluate: Evaluate

    def names(self) -> list[str]:
        """The names of all templates."""
        try:
            files = list(self.folder.iterdir())
        except OSError:
            return []
        return sorted({file.stem for file in files if file.suffix in {".txt", ".html"} and _NAME.fullmatch(file.stem)})

    def render(self, name: str, data: Mapping[str, object]) -> Mail:
        """Fill in a template.

        Raises:
            Fatal: there is no such template, or a hole in it has no value.
        """
        known = self.names()
        if name not in known:  # so that no path ever contains text of a flow
            listed = "; there are: " + ", ".join(known) if known else ""
            it = f"; create {self.folder / name}.txt" if not known and _NAME.fullmatch(name) else ""
            raise Fatal(f"no template `{name[:100]}` in {self.folder}{listed}{it}", code="no_such_template")
        text, markup = self._read(f"{name}.txt"), self._read(f"{name}.html")
        subject, body = _split_subject(text)
        return Mail(
            subject=self._fill(f"{name}.txt", subject, data, _as_it_is).strip(),
            text=self._fill(f"{name}.txt", body, data, _as_it_is, text.count("\n") - body.count("\n")),
            html=self._fill(f"{name}.html", markup, data, _for_html),
        )

    def _read(self, name: str) -> str:
        path = self.folder / name
        try:
            with path.open("rb") as file:
                content = file.read(MAX_TEMPLATE + 1)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Fatal(f"cannot read the template {path}: {error.strerror}", code="bad_template") from error
        if len(content) > MAX_TEMPLATE:
            raise Fatal(f"the template {path} is larger than {MAX_TEMPLATE} bytes", code="bad_template")
        try:
            return content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise Fatal(f"the template {path} is not UTF-8; save it as UTF-8", code="bad_template") from None

    def _fill(self, name: str, template: str, data: Mapping[str, object], escape: _Escape, n_above: int = 0) -> str:
        """Fill in a part of a file; `n_above`: the lines of the file above it."""
        parts: list[str] = []
        size, at = 0, 0
        for hole in _HOLE.finditer(template):
            parts.append(template[at : hole.start()])
            at = hole.end()
            value = (
                "${" if hole[1] is None else self._value(name, n_above + template.count("\n", 0, hole.start()) + 1, hole, data)
            )
            parts.append(escape(value, template[max(0, hole.start() - _BEFORE) : hole.start()]))
            size += len(parts[-1]) + len(parts[-2])
            if size > MAX_RENDERED:
                raise Fatal(f"the template {name} renders to more than {MAX_RENDERED} characters", code="mail_too_large")
        parts.append(template[at:])
        return "".join(parts)

    def _value(self, name: str, line: int, hole: re.Match[str], data: Mapping[str, object]) -> str:
        place = f"{name}, line {line}"
        if not hole[2]:
            raise Fatal(f"{place}: unclosed `${{`; add `}}`, or write `\\${{` for a literal `${{`", code="bad_template")
        try:
            value = self.evaluate(hole[1], data)
        except DagflowError as error:
            given = ", ".join(sorted(data)) or "nothing"
            first = str(error).partition("\n")[0]
            raise Fatal(f"{place}: ${{{hole[1]}}} has no value ({first}); `data` has {given}", code="bad_template") from None
        text = _as_text(value)
        if text is None:
            hint = 'write `${x ?? "…"}` for a value that may be absent'
            raise Fatal(f"{place}: ${{{hole[1]}}} is {_kind(value)}, not a text; {hint}", code="bad_template")
        return text


def _split_subject(text: str) -> tuple[str, str]:
    first, _, rest = text.partition("\n")
    match = _SUBJECT.fullmatch(first)
    return (match[1], rest.removeprefix("\n")) if match else ("", text)


def _as_it_is(text: str, _before: str) -> str:
    return text


def _for_html(text: str, before: str) -> str:
    """Escape the text; where an address begins, allow only one that leads to a page or a mail."""
    if _ADDRESS.search(before) and not text.strip().lower().startswith(_ADDRESSES):
        message = f"a link must begin with {', '.join(_ADDRESSES)}; got `{text[:30]}`"
        raise Fatal(message, code="bad_template")
    return html.escape(text)


def _as_text(value: object) -> str | None:
    """The text of a value, as an interpolation of the language writes it; None for a value without text."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value).removesuffix(".0")
        case Decimal():
            return decimal_text(value)
        case int() | Timestamp() | Duration():
            return str(value)
        case _:
            return None


def _kind(value: object) -> str:
    return {"NoneType": "null", "list": "a list", "dict": "a map", "bytes": "bytes"}.get(type(value).__name__, "something")
