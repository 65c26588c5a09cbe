"""The actions every catalogue may have."""

from __future__ import annotations

from collections.abc import Mapping

from dagflow.actions.builtin.email import add_email
from dagflow.actions.builtin.http_request import add_http
from dagflow.actions.builtin.log import add_log
from dagflow.actions.builtin.registrar import Registrar
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.builtin.slack import add_slack
from dagflow.actions.builtin.templates import Evaluate


def add_builtins(catalog: Registrar, settings: Settings, evaluate: Evaluate | None = None) -> None:
    """Add `email`, `slack`, `http.request` and `log`; `evaluate` fills the holes of templates, by default as the language does."""
    add_email(catalog, settings, evaluate or _evaluate)
    add_slack(catalog, settings)
    add_http(catalog, settings)
    add_log(catalog)


def _evaluate(text: str, data: Mapping[str, object]) -> object:
    from dagflow.lang.expressions import evaluate  # noqa: PLC0415 - the compiler is not needed until a mail is made

    return evaluate(text, data)
