"""Bodies of answers as values: JSON, or text with the reason why it does not match its declared type. No answer fails for it.

Theory. The request took effect when the answer came, so an error in the body is no failure; `body_error` names it. Servers
choose the bytes: only encodings with linear decoding are read, no error is searched for twice, and the result is bounded, since
the history stores it.
"""

from __future__ import annotations

import re
from typing import Final

import anyio
import attrs
import orjson

from dagflow.actions.http_client.connection import Answer
from dagflow.actions.limits import MAX_RESULT
from dagflow.model.types import JSON, ListType
from dagflow.model.wire import codec as wire
from dagflow.model.wire.json_reader import load_strictly

#: Bytes of JSON that a result has beside its headers and its body.
_FRAME: Final = 4_096
#: Longer bodies are read in a thread.
_SMALL: Final = 32 * 1024
#: Names without signs, of encodings that are read in one pass by table.
_CHARSETS: Final = {
    name: name
    for name in (
        *("utf8", "ascii", "latin1", "utf16", "utf16le", "utf16be", "koi8r", "koi8u", "gbk", "gb18030", "big5", "shiftjis"),
        *("eucjp", "euckr", *(f"cp{number}" for number in (437, 850, 852, 866, 874, 932, 949, 1250, 1251, 1252, 1253, 1254))),
        *("cp1255", "cp1256", "cp1257", "cp1258", *(f"iso8859{number}" for number in range(1, 17) if number != 12)),
    )
}
_ALIASES: Final = {
    "usascii": "ascii",
    "iso88591": "latin1",
    "gb2312": "gbk",
    "sjis": "shiftjis",
    "windows31j": "cp932",
    **{f"windows{number}": f"cp{number}" for number in range(1250, 1259)},
    "windows874": "cp874",
}
#: Python's names, where they are not the ones above.
_PYTHON: Final = {"utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf8": "utf-8", "utf16": "utf-16"}
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:+-]{1,40})""", re.IGNORECASE | re.ASCII)
#: Both are checked in the place they have in a record.
_INSIDE: Final = wire.codec(ListType(JSON))


@attrs.frozen
class Body:
    """The readable part of a body: the value if it is JSON, else the text; `error`: why it is incomplete or not JSON."""

    value: object = None
    text: str = ""
    error: str | None = None


async def read_body(answer: Answer, *, is_expected: bool) -> Body:
    """The body of an answer; a large one is read in a thread.

    Args:
        answer: the server's.
        is_expected: whether such an answer has a body, so that an empty body is an error.
    """
    if len(answer.content) <= _SMALL:
        return body_of(answer, is_expected=is_expected)
    return await anyio.to_thread.run_sync(lambda: body_of(answer, is_expected=is_expected))


def body_of(answer: Answer, *, is_expected: bool) -> Body:
    """As `read_body`, in place."""
    headers, content = answer.headers, answer.content
    room = MAX_RESULT - _FRAME - _n_kept(headers)
    packing = headers.get("content-encoding", "").strip().lower()
    if packing not in {"", "identity"}:
        return Body(error=f"the body is packed ({packing[:40]}) although that was not asked for")
    kind = headers.get("content-type", "")
    text, problem = _decoded(content, kind)
    if answer.is_cut:
        problem = f"the body is longer than {len(content)} bytes; the rest was not read"
    is_json = kind.partition(";")[0].strip().lower().endswith("json")
    if is_json and not answer.is_cut and (content or is_expected):
        found = _parsed(text, problem)
        if found.error is None:
            return found if _n_kept(found.value) <= room else _shortened(text, room, None)
        problem = found.error
    return Body(text=text, error=problem) if _n_kept(text) <= room else _shortened(text, room, problem)


def _parsed(text: str, problem: str | None) -> Body:
    if problem is not None:
        return Body(error=f"the body is no JSON that can be kept: {problem}")
    if not text.strip():
        return Body(error="the body is empty and says that it is JSON")
    try:
        value = load_strictly(text)
        _INSIDE.encode([value])
    except wire.WireError as error:
        # The value is in a list here, so its own path begins after that.
        first = error.problems[0]
        place = f" at {first.pointer[2:][:200]}" if first.pointer[2:] else ""
        return Body(error=f"the body is no JSON that can be kept: {first.message}{place}")
    except ValueError as error:
        return Body(error=f"the body is no JSON that can be kept: {str(error)[:300]}")
    return Body(value)


def _decoded(content: bytes, kind: str) -> tuple[str, str | None]:
    """The text without its byte order mark, and the problem with its encoding."""
    found = _CHARSET.search(kind)
    said = found[1] if found else "utf-8"
    plain = re.sub(r"[^a-z0-9]", "", said.lower())
    name = _CHARSETS.get(_ALIASES.get(plain, plain))
    problem = None if name else f"it says that its encoding is `{said}`, which is not read; it was taken for UTF-8"
    codec = _PYTHON.get(name or "utf8", name or "utf8")
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        text = content.decode(codec, "replace")
        problem = problem or f"it is not in the encoding {said}, from byte {error.start} on"
    return text.removeprefix("\ufeff"), problem


def _n_kept(value: object) -> int:
    return len(orjson.dumps(value))


def _shortened(text: str, room: int, problem: str | None) -> Body:
    """As much of a text as can be stored."""
    most = len(text)
    while most and _n_kept(text[:most]) > room:
        most = most * 3 // 4
    told = f"{problem}; it" if problem else "the body"
    return Body(text=text[:most], error=f"{told} is too long to be kept whole: `text` has its first {most} characters")
