"""Actions: typed functions of the host, and a few built-in ones."""

from __future__ import annotations

from dagflow.actions.builtin.settings import Settings
from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import ActionFailed, Fatal, Invocation, RetryAfter
from dagflow.actions.markers import EffectKey, Email, Inject, Scalar, Secret, Url
from dagflow.actions.secrets import EnvironmentSecrets, SecretSource

__all__ = [
    "ActionFailed",
    "Catalog",
    "EffectKey",
    "Email",
    "EnvironmentSecrets",
    "Fatal",
    "Inject",
    "Invocation",
    "RetryAfter",
    "Scalar",
    "Secret",
    "SecretSource",
    "Settings",
    "Url",
]
