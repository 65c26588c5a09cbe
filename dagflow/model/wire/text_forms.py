"""The text forms of values JSON has no form for, and the validators of host scalars.

Output has one form; input may have any of the usual spellings. Every reader raises `ValueError` with a message for a
person, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from dagflow.model.values import MAX_TIMESTAMP_NS, MIN_TIMESTAMP_NS, NANOS_PER_SECOND, Duration, Timestamp

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
UINT64_MAX: Final = (1 << 64) - 1

_UNITS_NS: Final[Mapping[str, int]] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": NANOS_PER_SECOND,
    "m": 60 * NANOS_PER_SECOND,
    "h": 3_600 * NANOS_PER_SECOND,
    "d": 86_400 * NANOS_PER_SECOND,
    "w": 7 * 86_400 * NANOS_PER_SECOND,
}
#: Longest text that is read; a longer one is no duration, and the work stays bounded.
_MAX_TIME_TEXT: Final = 64
_DURATION: Final = re.compile(r"([+-]?)((?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h|d|w))+|0)", re.ASCII)
_DURATION_PART: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ns|us|µs|ms|s|m|h|d|w)", re.ASCII)
# RFC 5321 `Dot-string "@" Domain` with its length limits: one plain address, no display name, comment, quoting or list.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*",
    re.ASCII,
)
_MAX_EMAIL: Final = 254
_MAX_LOCAL_PART: Final = 64
_MAX_URL: Final = 8_192
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?", re.ASCII)


def parse_duration(text: str) -> Duration:
    """Read `5400s`, `1h30m`, `2d`, `-1.5s`, `500ms`.

    Raises:
        ValueError: no such text, or longer than 64 bits of nanoseconds.
    """
    match = _DURATION.fullmatch(text) if len(text) <= _MAX_TIME_TEXT else None
    if match is None:
        raise ValueError('expected a duration such as "1h30m" or "5400s"')
    nanos = 0
    for whole, fraction, unit in _DURATION_PART.findall(match[2]):
        length = _UNITS_NS[unit]
        nanos += int(whole) * length
        if fraction:
            nanos += int(fraction) * length // 10 ** len(fraction)
    if match[1] == "-":
        nanos = -nanos
    if not INT64_MIN <= nanos <= INT64_MAX:
        raise ValueError("a duration is at most about 292 years long")
    return Duration(nanos)


def format_timestamp(timestamp: Timestamp) -> str:
    """The instant as RFC 3339.

    Raises:
        ValueError: outside of the years 0001 to 9999.
    """
    if not MIN_TIMESTAMP_NS <= timestamp.nanos <= MAX_TIMESTAMP_NS:
        raise ValueError("a timestamp lies in the years 0001 to 9999")
    return str(timestamp)


def format_duration(duration: Duration) -> str:
    """The length in seconds.

    Raises:
        ValueError: more than 64 bits of nanoseconds.
    """
    if not INT64_MIN <= duration.nanos <= INT64_MAX:
        raise ValueError("a duration is at most about 292 years long")
    return str(duration)


def format_bytes(data: bytes) -> str:
    """Base64, the standard alphabet, padded."""
    return base64.b64encode(data).decode("ascii")


def parse_bytes(text: str) -> bytes:
    """Read base64 of the standard alphabet.

    Raises:
        ValueError: anything else, wrong padding included.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected base64 text") from None


def check_email(text: str) -> None:
    """Check that `text` is one bare address, `local@domain`; the domain may have letters of any language.

    Raises:
        ValueError: anything else: names, comments, lists, quoting, control characters.
    """
    if len(text) > _MAX_LOCAL_PART or _EMAIL.fullmatch(text) is None:
        # Longer than most, or not ASCII, or wrong.
        ascii_email(text)


def ascii_email(text: str) -> str:
    """An address in the notation of mail servers: a domain with other letters than ASCII in its IDNA form.

    Raises:
        ValueError: it is none; see `check_email`.
    """
    local, at, domain = text.partition("@")
    written = text if text.isascii() else f"{local}{at}{_ascii_domain(domain)}"
    if len(written) <= _MAX_EMAIL and len(local) <= _MAX_LOCAL_PART and _EMAIL.fullmatch(written) is not None:
        return written
    if not local.isascii() and _EMAIL.fullmatch(f"x@{_ascii_domain(domain)}") is not None and local.isprintable():
        raise ValueError("what stands before the @ of an e-mail address must be ASCII: most mail servers take nothing else")
    raise ValueError('expected one e-mail address such as "ann@example.com"')


def _ascii_domain(domain: str) -> str:
    """In IDNA form; "" where there is none."""
    import idna  # noqa: PLC0415 - its tables are large, and most addresses need none of them

    try:
        return domain if domain.isascii() else idna.encode(domain[:_MAX_EMAIL], uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def check_url(text: str) -> None:
    """Check that `text` is an absolute `http` or `https` address with a host.

    Raises:
        ValueError: anything else, spaces and control characters included.
    """
    wanted = 'expected an address such as "https://example.com/path"'
    if len(text) > _MAX_URL or any(char <= " " or char in '\x7f"<>\\^`{|}' or char.isspace() for char in text):
        raise ValueError(wanted)
    try:
        parts = urlsplit(text)
        _ = parts.port  # reading it checks it
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(wanted)


def check_uuid(text: str) -> None:
    """Check that `text` is a UUID in its usual form, with hyphens. Raises ValueError."""
    if _UUID.fullmatch(text) is None:
        raise ValueError('expected a UUID such as "6f1c2b9e-0c5b-4a53-8f4f-0a4b2f1d9c11"')


def check_date(text: str) -> None:
    """Check that `text` is a date of the calendar, such as `2026-12-31`. Raises ValueError."""
    if _DATE.fullmatch(text) is not None:
        with contextlib.suppress(ValueError):
            dt.date.fromisoformat(text)
            return
    raise ValueError('expected a date such as "2026-12-31"')


def check_time(text: str) -> None:
    """Check that `text` is a time of day, such as `09:30`, without a zone. Raises ValueError."""
    if _TIME.fullmatch(text) is None:
        raise ValueError('expected a time of day such as "09:30"')


#: Scalars with a rule of their own, by type name. The other ones are any text.
SCALAR_CHECKS: Final[Mapping[str, Callable[[str], None]]] = {
    "Email": check_email,
    "Url": check_url,
    # As hosts declare them, by a parameter of that Python type.
    "Uuid": check_uuid,
    "Date": check_date,
    "Time": check_time,
}
