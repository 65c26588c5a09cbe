"""Every name in a text with its meaning: one walk, on which search, renaming and colouring rely.

Theory. Names of a flow are flat, so the flow and the word identify most of them. Local names (of loops, handlers, triggers,
macros) hide them for a part of the tree; their place of definition identifies them. Names of a file (types, events, actions,
flows, imports) are identified by their kind. A field is found by the type it is selected from (`hovering`), not here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.ide.analysis import Analysis
from dagflow.ide.tree_positions import macro_names
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax import tree_tests as t
from dagflow.lang.syntax.walk import children


class Kind(enum.StrEnum):
    """The meaning of a name."""

    TYPE = "type"
    EVENT = "event"
    ACTION = "action"
    FLOW = "flow"
    IMPORT = "import"
    #: A step, a `let`, a labelled condition.
    STEP = "step"
    #: A parameter of the flow.
    INPUT = "input"
    #: A name for a part of a flow: of a loop, a handler, a trigger, a macro.
    LOCAL = "local"
    #: A built-in name of every flow: `now`, `run`, `trigger`, `secrets`.
    BUILTIN = "builtin"
    #: An argument of an action.
    PARAMETER = "parameter"
    FUNCTION = "function"
    FIELD = "field"


@attrs.frozen
class Target:
    """The meaning of a name.

    Attributes:
        owner: the flow of a step or input, the action or event of a parameter.
        place: of a local name, its place of definition.
    """

    kind: Kind
    name: str
    owner: str = ""
    place: int = -1


@attrs.frozen
class Occurrence:
    """A name in the text."""

    span: Span
    target: Target
    is_definition: bool = False


_BUILTINS: Final = frozenset({"now", "run", "trigger", "secrets"})
#: Functions of tests that take a name.
_NAMING: Final = {"calls": Kind.ACTION, "emitted": Kind.EVENT}
_Scope = Mapping[str, Target]


def occurrences(analysis: Analysis) -> list[Occurrence]:
    """All names of a text, in its order, each once."""
    walker = _Walker(analysis.file)
    found = {each.span: each for item in analysis.file.items for each in walker.item(item)}
    return sorted(found.values(), key=lambda each: each.span.start)


def occurrence_at(found: list[Occurrence], offset: int) -> Occurrence | None:
    """The name at a place, or right before it."""
    touching = [each for each in found if each.span.start <= offset <= each.span.end]
    return max(touching, key=lambda each: each.span.start, default=None)


def inner(text: s.Text) -> Span:
    """A text without its quotes."""
    return Span(text.span.start + 1, max(text.span.start + 1, text.span.end - 1))


class _Walker:
    def __init__(self, file: s.File) -> None:
        self.flows = {item.name.text for item in file.items if isinstance(item, s.FlowDecl)}
        self.types = {item.name.text for item in file.items if isinstance(item, s.TypeDecl)}
        self.imports = {item.name.text for item in file.items if isinstance(item, s.ImportDecl)}
        self.flow = ""
        #: Names of the flow that the walk is in.
        self.names: dict[str, Target] = {}
        #: The mocked action that the walk is in: names there are arguments of the call.
        self.mocked = ""

    def item(self, item: s.Item) -> Iterator[Occurrence]:
        match item:
            case s.ImportDecl():
                yield Occurrence(item.name.span, Target(Kind.IMPORT, item.name.text), is_definition=True)
            case s.TypeDecl():
                yield Occurrence(item.name.span, Target(Kind.TYPE, item.name.text), is_definition=True)
                yield from self._part(item.type, {}, item.name.text)
            case s.EventDecl():
                yield Occurrence(inner(item.name), Target(Kind.EVENT, item.name.value), is_definition=True)
                yield from self._part(item.fields, {}, item.name.value)
            case s.ActionDecl():
                yield Occurrence(item.name.span, Target(Kind.ACTION, item.name.text), is_definition=True)
                yield from self._fields(item.params, Kind.PARAMETER, item.name.text)
                yield from self._part(item.result, {})
            case s.FlowDecl():
                yield from self._flow(item)
            case t.TestDecl():
                self.flow = item.flow.text
                self.names = {}
                yield Occurrence(item.flow.span, Target(Kind.FLOW, item.flow.text))
                yield from self._part(item.items, {})
            case s.BrokenItem():
                return

    def _flow(self, flow: s.FlowDecl) -> Iterator[Occurrence]:
        name = self.flow = flow.name.text
        self.names = {param.name.text: Target(Kind.INPUT, param.name.text, name) for param in flow.params or ()}
        if flow.params is None:
            binds = [each.bind for each in flow.settings if isinstance(each, s.OnSetting) and each.bind is not None]
            self.names.update({bind.name.text: Target(Kind.INPUT, bind.name.text, name) for bind in binds})
        yield Occurrence(flow.name.span, Target(Kind.FLOW, name), is_definition=True)
        yield from self._fields(flow.params or (), Kind.INPUT, name)
        yield from self._part(flow.result, {})
        for setting in flow.settings:
            yield from self._setting(setting, has_params=flow.params is not None)
        yield from self._part(flow.body, {})
        yield from self._part(flow.handler, {})

    def _fields(self, fields: tuple[s.FieldDecl, ...], kind: Kind, owner: str) -> Iterator[Occurrence]:
        for field in fields:
            yield Occurrence(field.name.span, Target(kind, field.name.text, owner), is_definition=True)
            yield from self._part((field.type, field.default), {}, owner)

    def _setting(self, setting: s.Setting, *, has_params: bool) -> Iterator[Occurrence]:
        scope: dict[str, Target] = {}
        match setting:
            case s.OnSetting():
                if setting.kind == "event" and setting.subject is not None:
                    yield Occurrence(inner(setting.subject), Target(Kind.EVENT, setting.subject.value))
                if setting.bind is not None:
                    yield from self._bind(setting.bind, scope if has_params else None)
                for arg in setting.mapping or ():
                    if arg.name is not None:
                        yield Occurrence(arg.name.span, Target(Kind.INPUT, arg.name.text, self.flow))
                    yield from self._part(arg.value, scope)
                yield from self._part(setting.when, scope)
            case _ if isinstance(event := getattr(setting, "event", None), s.Text):
                yield Occurrence(inner(event), Target(Kind.EVENT, event.value))
                bind = getattr(setting, "bind", None)
                if isinstance(bind, s.Bind):
                    yield from self._bind(bind, scope)
                yield from self._part(getattr(setting, "when", None), scope)
            case _:
                yield from self._part(tuple(children(setting)), scope)

    def _bind(self, bind: s.Bind, scope: dict[str, Target] | None) -> Iterator[Occurrence]:
        """The name of an event; with no scope it is the input of the flow."""
        if scope is None:
            target = Target(Kind.INPUT, bind.name.text, self.flow)
        else:
            target = scope[bind.name.text] = Target(Kind.LOCAL, bind.name.text, self.flow, bind.name.span.start)
        yield Occurrence(bind.name.span, target, is_definition=True)
        yield from self._part(bind.type, {})

    def _part(self, part: object, scope: _Scope, owner: str = "") -> Iterator[Occurrence]:
        """The names in a part of the tree; `owner`: the type or event that its fields are of."""
        if part is None or isinstance(part, str | int | float | bool | bytes | Span):
            return
        match part:
            case tree.Name() | tree.Call() | tree.Select():
                yield from self._expression(part, scope)
                return
            case s.NamedType():
                yield from self._type(part.name)
                yield from self._part(part.args, scope)
                return
            case s.FieldDecl():
                yield Occurrence(part.name.span, Target(Kind.FIELD, part.name.text, owner), is_definition=True)
                yield from self._part((part.type, part.default), scope, owner)
                return
            case s.Deps():
                yield from (Occurrence(name.span, self._read(name.text, {})) for name in part.names)
                return
            case s.CallExpr():
                yield from self._call(part, scope)
                return
            case t.Given() | t.Mock() | t.AtSend():
                yield from self._test_item(part)
                return
            case _:
                yield from self._statement(part, scope, owner)

    def _statement(self, part: object, scope: _Scope, owner: str) -> Iterator[Occurrence]:
        match part:
            case s.For():
                yield from self._name(part.name)
                yield from self._part(part.items, scope)
                names = [each for each in (part.variable, part.index) if each is not None]
                local = dict(scope)
                for name in names:
                    yield from self._local(name, local)
                yield from self._part((part.options, part.block), local)
                yield from self._part(part.handler, scope)
            case s.Handler():
                local = dict(scope)
                if part.name is not None:
                    yield from self._local(part.name, local)
                yield from self._part(part.block, local)
            case s.WaitEventStep():
                yield from self._name(part.name)
                yield Occurrence(inner(part.event), Target(Kind.EVENT, part.event.value))
                local = dict(scope)
                if part.bind is not None:
                    yield from self._bind(part.bind, local)
                yield from self._part(part.mods.when, local)
                yield from self._part(attrs.evolve(part.mods, when=None), scope)
                yield from self._part(part.otherwise, scope)
            case s.Modifiers():
                if part.was is not None:
                    yield Occurrence(part.was.span, Target(Kind.STEP, part.was.text, self.flow))
                for child in children(part):
                    if not isinstance(child, s.Ident):
                        yield from self._part(child, scope)
            case s.Emit():
                yield Occurrence(inner(part.event), Target(Kind.EVENT, part.event.value))
                yield from self._args(part.args, Target(Kind.FIELD, "", part.event.value), scope)
                yield from self._part(part.mods, scope)
            case _:
                own = getattr(part, "name", None)
                if isinstance(part, s.Statement) and isinstance(own, s.Ident):
                    yield from self._name(own)
                for child in children(part):
                    if not isinstance(child, s.Ident):
                        yield from self._part(child, scope, owner)

    def _name(self, name: s.Ident | None) -> Iterator[Occurrence]:
        if name is not None:
            yield Occurrence(name.span, Target(Kind.STEP, name.text, self.flow), is_definition=True)

    def _local(self, name: s.Ident, scope: dict[str, Target]) -> Iterator[Occurrence]:
        scope[name.text] = Target(Kind.LOCAL, name.text, self.flow, name.span.start)
        yield Occurrence(name.span, scope[name.text], is_definition=True)

    def _read(self, name: str, scope: _Scope) -> Target:
        if name in scope:
            return scope[name]
        if name in self.names:
            return self.names[name]
        if name in _BUILTINS:
            return Target(Kind.BUILTIN, name, self.flow)
        return Target(Kind.PARAMETER, name, self.mocked) if self.mocked else Target(Kind.STEP, name, self.flow)

    def _type(self, name: s.Ident) -> Iterator[Occurrence]:
        yield from self._qualified(name, Target(Kind.TYPE, name.text))

    def _qualified(self, name: s.Ident, target: Target) -> Iterator[Occurrence]:
        """A name that may begin with that of an import."""
        head, dot, _ = name.text.partition(".")
        if dot and head in self.imports:
            end = name.span.start + len(head)
            yield Occurrence(Span(name.span.start, end), Target(Kind.IMPORT, head))
            yield Occurrence(Span(end + 1, name.span.end), target)
        else:
            yield Occurrence(name.span, target)

    def _expression(self, expr: tree.Name | tree.Call | tree.Select, scope: _Scope) -> Iterator[Occurrence]:
        match expr:
            case tree.Name():
                yield Occurrence(expr.span, self._read(expr.name, scope))
            case tree.Select():
                yield from self._part(expr.operand, scope)
                yield Occurrence(expr.name_span, Target(Kind.FIELD, expr.field))
            case tree.Call():
                local = dict(scope)
                is_type = expr.target is None and expr.function in self.types
                kind = Kind.TYPE if is_type else Kind.FUNCTION
                yield from self._part(expr.target, scope)
                yield Occurrence(expr.name_span, Target(kind, expr.function))
                naming = _NAMING.get(expr.function) if expr.target is None and len(expr.args) == 1 else None
                if naming is not None and isinstance(expr.args[0], tree.Literal) and isinstance(expr.args[0].value, str):
                    span = expr.args[0].span
                    yield Occurrence(Span(span.start + 1, span.end - 1), Target(naming, expr.args[0].value))
                for name in macro_names(expr):
                    local[name.name] = Target(Kind.LOCAL, name.name, self.flow, name.span.start)
                    yield Occurrence(name.span, local[name.name], is_definition=True)
                yield from self._part(expr.args[len(macro_names(expr)) :], local)

    def _call(self, call: s.CallExpr, scope: _Scope) -> Iterator[Occurrence]:
        name = call.callee.text
        is_flow = name in self.flows
        yield from self._qualified(call.callee, Target(Kind.FLOW if is_flow else Kind.ACTION, name))
        yield from self._args(call.args, Target(Kind.INPUT if is_flow else Kind.PARAMETER, "", name), scope)

    def _args(self, args: tuple[s.Arg, ...], target: Target, scope: _Scope) -> Iterator[Occurrence]:
        for arg in args:
            if arg.name is not None:
                yield Occurrence(arg.name.span, attrs.evolve(target, name=arg.name.text))
            yield from self._part(arg.value, scope)

    def _test_item(self, item: t.Given | t.Mock | t.AtSend) -> Iterator[Occurrence]:
        match item:
            case t.Given():
                yield from self._args(item.args, Target(Kind.INPUT, "", self.flow), {})
            case t.Mock():
                yield from self._qualified(item.target, Target(Kind.ACTION, item.target.text))
                yield from self._args(item.args or (), Target(Kind.PARAMETER, "", item.target.text), {})
                self.mocked = item.target.text
                yield from self._part((item.behaviours, item.thens), {})
                self.mocked = ""
            case t.AtSend():
                yield from self._part(item.at, {})
                yield Occurrence(inner(item.event), Target(Kind.EVENT, item.event.value))
                yield from self._args(item.args, Target(Kind.FIELD, "", item.event.value), {})
