"""Every type that a public signature mentions is public."""

from __future__ import annotations

import builtins
import enum
import importlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dagflow.actions.failures
import dagflow.model.flow

ROOT = Path(__file__).parents[2]
#: Modules whose `__all__`, or else whose public classes, are for programs.
MODULES = (
    "dagflow",
    "dagflow.asyncio",
    "dagflow.blocking",
    "dagflow.store",
    "dagflow.telemetry",
    "dagflow.testing",
    "dagflow.typing",
    "dagflow.web",
    "dagflow.webhooks",
)
#: Methods that other parts of dagflow call and the documents do not mention.
INTERNAL = {
    "Interpreter.cancel_soon",
    "Interpreter.deliver",
    "Interpreter.parts",
    "ActionCatalog.performer",
    "Catalog.performer",
    "Catalog.redactor",
}


def exported(module: str) -> list[Any]:
    found = importlib.import_module(module)
    return [getattr(found, name) for name in getattr(found, "__all__", [name for name in vars(found) if name[0].isupper()])]


PUBLIC = {id(thing): thing for module in MODULES for thing in exported(module)}
CLASSES = [thing for thing in PUBLIC.values() if inspect.isclass(thing)]
FUNCTIONS = [thing for thing in PUBLIC.values() if inspect.isfunction(thing)]


def classes_in(hint: object) -> Iterator[type]:
    """The classes that an annotation mentions, at any depth."""
    if typing.get_origin(hint) is not None:
        for argument in typing.get_args(hint):
            yield from classes_in(argument)
    elif isinstance(hint, list | tuple):
        for part in hint:
            yield from classes_in(part)
    elif isinstance(hint, type):
        yield hint


def hints_of(thing: Callable[..., object] | type) -> dict[str, object]:
    graphs = types.SimpleNamespace(DiGraph=list)  # networkx names its type parameter for type checkers alone
    names = {"nx": graphs, **vars(dagflow.model.flow), **vars(dagflow.actions.failures), **vars(typing), "types": types}
    return typing.get_type_hints(thing, localns={**names, **vars(inspect.getmodule(thing))})


def private_types(thing: Callable[..., object] | type) -> set[str]:
    mentioned = [class_ for name, hint in hints_of(thing).items() if not name.startswith("_") for class_ in classes_in(hint)]
    return {f"{c.__module__}.{c.__qualname__}" for c in mentioned if c.__module__.startswith("dagflow") and id(c) not in PUBLIC}


def methods_of(class_: type) -> Iterator[tuple[str, Callable[..., object]]]:
    for name, value in vars(class_).items():
        plain = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        plain = inspect.unwrap(plain) if callable(plain) else plain
        if not name.startswith("_") and inspect.isfunction(plain):
            yield name, plain


@pytest.mark.parametrize("class_", CLASSES, ids=lambda class_: class_.__qualname__)
def test_fields_and_methods_mention_public_types_only(class_: type) -> None:
    found = set() if issubclass(class_, enum.Enum) else private_types(class_)
    for name, method in methods_of(class_):
        if f"{class_.__name__}.{name}" not in INTERNAL:
            found |= private_types(method)
    assert not found


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_functions_mention_public_types_only(function: Callable[..., object]) -> None:
    assert not private_types(function)


def test_the_check_sees_a_private_type() -> None:
    assert private_types(hints_of) == set()
    deliver = inspect.unwrap(vars(dagflow.Interpreter)["deliver"])
    assert private_types(deliver) == {"dagflow.drivers.local.batch.Sending"}


def test_every_exception_that_the_documents_name_can_be_imported() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"`([A-Z]\w+(?:Error|Found|Invalid|Refused|Retried|Served|InUse))`", page.read_text())
    }
    assert "WireError" in named
    homes = [importlib.import_module(module) for module in MODULES]
    assert sorted(name for name in named if not any(hasattr(home, name) for home in (*homes, builtins))) == []
