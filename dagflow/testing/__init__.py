"""Tests for hosts: whether an action behaves as its effect class declares, and whether a store conforms to its interface."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dagflow.testing.actions import check_action, problems_of_action

if TYPE_CHECKING:
    from dagflow.testing.stores import StoreConformance

__all__ = ["StoreConformance", "check_action", "problems_of_action"]


def __getattr__(name: str) -> object:
    # The store's tests need pytest, which a program that only checks an action may not have.
    if name != "StoreConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("dagflow.testing.stores").StoreConformance
