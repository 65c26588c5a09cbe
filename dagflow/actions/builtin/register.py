"""Registration of the built-in actions in a catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from dagflow.actions.builtin.email import add_email
from dagflow.actions.builtin.http_request import add_http
from dagflow.actions.builtin.log import add_log
from dagflow.actions.builtin.registrar import ActionRegistrar
from dagflow.actions.builtin.settings import Settings
from dagflow.actions.builtin.slack import add_slack
from dagflow.actions.builtin.templates import Evaluate


def add_builtins(catalog: ActionRegistrar, settings: Settings, evaluate_expression: Evaluate | None = None) -> None:
    """Add `email`, `slack`, `http.request` and `log`; `evaluate_expression` fills the holes of templates, by default as the language does."""
    add_email(catalog, settings, evaluate_expression or _evaluate)
    add_slack(catalog, settings)
    add_http(catalog, settings)
    add_log(catalog)


def _evaluate(text: str, data: Mapping[str, object]) -> object:
    from dagflow.lang.expressions import evaluate_expression  # noqa: PLC0415 - the compiler is not needed before the first mail

    return evaluate_expression(text, data)
