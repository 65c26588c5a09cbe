"""Values and timestamps as documents have them."""

from __future__ import annotations

from datetime import UTC, datetime

from dagflow.model.typeguards import is_dict, is_list
from dagflow.model.types import JSON
from dagflow.model.values import Secret
from dagflow.model.wire import codec as wire


def rfc3339(nanos: int | None) -> str | None:
    """Return a timestamp as RFC 3339 in UTC to the millisecond; years beyond 9999 become the end of 9999."""
    if nanos is None:
        return None
    try:
        whole = datetime.fromtimestamp(nanos // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "9999-12-31T23:59:59.999Z"
    return f"{whole}.{nanos % 1_000_000_000 // 1_000_000:03d}Z"


def plain(value: object) -> object:
    """Return a value of a run as JSON values; a secret becomes its name."""
    return wire.encode(_without_secrets(value), JSON)


def _without_secrets(value: object) -> object:
    match value:
        case Secret():
            return f"[secret {value.name}]"
        case _ if is_dict(value):
            return {key: _without_secrets(each) for key, each in value.items()}
        case _ if is_list(value):
            return [_without_secrets(each) for each in value]
        case _:
            return value
