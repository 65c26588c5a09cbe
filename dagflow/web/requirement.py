"""The library that the web application needs, which `pip install 'dagflow[web]'` installs."""

from __future__ import annotations

from importlib.util import find_spec

from dagflow.errors import UsageError

if find_spec("starlette") is None:  # pragma: no cover - the tests have it
    raise UsageError("`dagflow.web` needs Starlette: `pip install 'dagflow[web]'`")
