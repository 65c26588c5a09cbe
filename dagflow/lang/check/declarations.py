"""The declarations of a file together with those of the host: types, events and actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span, nearest
from dagflow.lang import limits
from dagflow.lang.check.declaration_conflicts import difference_of_actions, difference_of_fields
from dagflow.lang.check.foreign_types import meant_by
from dagflow.lang.syntax import tree as s
from dagflow.model.action import ActionSpec, Effect, EventSpec, Interface
from dagflow.model.destinations import SecretSpec
from dagflow.model.types import (
    JSON,
    LANGUAGE_SCALARS,
    NULL,
    STRING,
    UNKNOWN,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    Primitive,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)

_PRIMITIVES: Final[dict[str, Type]] = {p.value: p for p in Primitive if p not in {Primitive.UNKNOWN, Primitive.NULL}}
_SCALARS: Final[dict[str, Type]] = {name: ScalarType(name) for name in LANGUAGE_SCALARS}
_GENERIC: Final = {"list": 1, "map": 2, "Secret": 1, "Scalar": 1}
_EXAMPLES: Final = {
    "list": "list<int>", "map": "map<string, int>", "Secret": "Secret<string>", "Scalar": "type FileRef = Scalar<string>",
}  # fmt: skip
_KEYS: Final = frozenset({Primitive.BOOL, Primitive.INT, Primitive.UINT, Primitive.STRING, Primitive.UNKNOWN})

#: Evaluates a field's default to its JSON form; reports and returns None where it is no constant of the type.
ConstantDefault = Callable[[s.FieldDecl, Type], "Field"]


class Imported(Protocol):
    """What another file declares, under the names it has there; see `imports.Module`."""

    @property
    def types(self) -> Mapping[str, Type]: ...
    @property
    def events(self) -> Mapping[str, EventSpec]: ...
    @property
    def actions(self) -> Mapping[str, ActionSpec]: ...
    @property
    def is_broken(self) -> bool: ...


@attrs.define(eq=False)
class Declarations:
    """Names of types, events and actions a flow may use."""

    types: dict[str, Type]
    events: dict[str, EventSpec]
    actions: dict[str, ActionSpec]
    diagnostics: list[Diagnostic] = attrs.field(factory=list)
    #: Names in declarations that did not parse: they are not reported as unknown.
    broken: set[str] = attrs.field(factory=set)
    #: The names of imports with errors: names behind them are not reported, nor are events, which have no such prefix.
    broken_imports: set[str] = attrs.field(factory=set)
    _decls: dict[str, s.TypeDecl] = attrs.field(factory=dict)
    _resolving: list[str] = attrs.field(factory=list)
    _default: ConstantDefault | None = attrs.field(default=None, alias="default")
    _depths: dict[str, int] = attrs.field(factory=dict)
    #: The file's.
    text: str = ""
    #: Names of the flows of the file.
    flows: frozenset[str] = frozenset()
    #: The host's own declarations: its actions, the targets of secrets, and the events that flows may emit.
    host_actions: Mapping[str, ActionSpec] = attrs.field(factory=dict[str, ActionSpec])
    secrets: Mapping[str, SecretSpec] = attrs.field(factory=dict[str, SecretSpec])
    emits: tuple[str, ...] | None = None

    def is_broken(self, name: str) -> bool:
        """Whether a name may be one of a declaration that has been complained about; a type that did not parse has no name."""
        return not name or name in self.broken or name.partition(".")[0] in self.broken_imports

    def may_be_broken(self, event: str) -> bool:
        """The same for an event."""
        return event in self.broken or bool(self.broken_imports)

    def take_in(self, name: str, module: Imported) -> None:
        """Add the declarations of another file: events under their own names, all others behind the name of the import."""
        self.types.update({f"{name}.{each}": type_ for each, type_ in module.types.items()})
        self.actions.update({f"{name}.{each}": spec for each, spec in module.actions.items()})
        self.events.update({each: spec for each, spec in module.events.items() if each not in self.events})
        if module.is_broken:
            self.broken_imports.add(name)

    def resolve(self, expr: s.TypeExpr) -> Type:
        """The type written, `unknown` with a diagnostic where it is none."""
        match expr:
            case s.OptionalTypeExpr():
                value = self.resolve(expr.value)
                return value if isinstance(value, OptionalType) else OptionalType(value)
            case s.EnumTypeExpr():
                return EnumType("", tuple(dict.fromkeys(value.value for value in expr.values)))
            case s.RecordTypeExpr():
                return RecordType("", self.fields(expr.fields))
            case s.NamedType():  # pragma: no branch - there are no others
                return self._named(expr)

    def fields(self, decls: tuple[s.FieldDecl, ...]) -> tuple[Field, ...]:
        """The fields of a record, or parameters, each name once."""
        seen: dict[str, Field] = {}
        for decl in decls:
            if decl.name.text in seen:
                self._report(
                    "E210",
                    f"`{decl.name.text}` is declared twice",
                    decl.name.span,
                    "a name must be unique",
                    "rename one of them",
                )
                continue
            seen[decl.name.text] = self._field(decl)
        return tuple(seen.values())

    def _field(self, decl: s.FieldDecl) -> Field:
        type_ = self.resolve(decl.type)
        if decl.default is None or self._default is None:
            return Field(decl.name.text, type_, doc=decl.doc)
        return attrs.evolve(self._default(decl, type_), doc=decl.doc)

    def _is_known(self, name: str) -> bool:
        return name in self._decls or name in _PRIMITIVES or name in self.types or self.is_broken(name)

    def _named(self, expr: s.NamedType) -> Type:
        name = expr.name.text
        foreign = None if self._is_known(name) or name in _GENERIC else meant_by(expr, self.text)
        if foreign is not None:
            self._report(
                "E209",
                f"unknown type `{name}`",
                expr.name.span,
                "another language's name for a type",
                foreign.help,
                foreign.fix,
            )
            return UNKNOWN
        if name in _GENERIC:
            return self._generic(expr, _GENERIC[name])
        if expr.args:
            self._report(
                "E209",
                f"`{name}` takes no type in `<>`",
                expr.span,
                "only list, map, Secret and Scalar do",
                "remove the part in `<>`",
            )
        if name in self._decls:
            return self._declared(name, expr.name.span)
        found = _PRIMITIVES.get(name) or self.types.get(name)
        if found is not None:
            return found
        if self.is_broken(name):
            return UNKNOWN
        meant = nearest(name, [*_PRIMITIVES, *_GENERIC, *self.types, *self._decls])
        if meant is None:
            # `Lead` for `crm.Lead`.
            meant = next((each for each in self.types if each.rpartition(".")[2] == name), None)
        fix = Fix(f"`{meant}`", is_safe=True, edits=(Edit(expr.name.span, meant),)) if meant else None
        help_ = f"did you mean `{meant}`?" if meant else "declare it: `type " + name + " { … }`"
        self._report("E209", f"unknown type `{name}`", expr.name.span, "no type of this name is declared", help_, fix)
        return UNKNOWN

    def _generic(self, expr: s.NamedType, count: int) -> Type:
        name = expr.name.text
        args = [self.resolve(arg) for arg in expr.args]
        if len(args) != count:
            self._report(
                "E209",
                f"`{name}` takes {count} type{'s' * (count > 1)} in `<>`",
                expr.span,
                f"found {len(args)}",
                f"write for example `{_EXAMPLES[name]}`",
            )
            args = [*args, UNKNOWN, UNKNOWN][:count]
        if name == "Scalar":
            if len(expr.args) == count:
                self._report_scalar(expr)
            return UNKNOWN
        if name == "list":
            return ListType(args[0])
        if name == "Secret":
            return SecretType(args[0])
        if args[0] not in _KEYS:
            self._report(
                "E209",
                f"a map cannot have {args[0]} keys",
                expr.args[0].span,
                "keys are string, int, uint or bool",
                "use one of these",
            )
        return MapType(args[0], args[1])

    def _declared(self, name: str, span: Span) -> Type:
        """A type of this file, resolved on first use; a type inside itself has no end."""
        if name in self.types:
            return self.types[name]
        if name in self._resolving:
            path = " → ".join([*self._resolving[self._resolving.index(name) :], name])
            self._report(
                "E211",
                f"type `{name}` contains itself",
                span,
                path,
                "its values would be infinite; use json for the inner part",
            )
            return UNKNOWN
        if len(self._resolving) >= limits.TYPE_DEPTH:
            self._report_deep(span)
            self.types[name] = UNKNOWN
            return UNKNOWN
        self._resolving.append(name)
        resolved = self._scalar(name) or self.resolve(self._decls[name].type)
        self._resolving.pop()
        self._depths[name] = 1 + self._depth(resolved)
        if self._depths[name] > limits.TYPE_DEPTH:
            self._report_deep(span)
            resolved = UNKNOWN
        match resolved:
            case RecordType("", fields):
                resolved = RecordType(name, fields)
            case EnumType("", values):
                resolved = EnumType(name, values)
            case _:
                pass
        self.types[name] = resolved
        return resolved

    def _scalar(self, name: str) -> Type | None:
        """`type FileRef = Scalar<string>`: a kind of text of its own."""
        match self._decls[name].type:
            case s.NamedType(name=s.Ident(text="Scalar"), args=(s.NamedType(name=s.Ident(text="string"), args=()),)):
                return ScalarType(name)
            case _:
                return None

    def _report_scalar(self, expr: s.NamedType) -> None:
        label = "a scalar type must have a name and be made of `string`"
        self._report("E209", "`Scalar` is allowed only after `type NAME =`", expr.span, label, f"write `{_EXAMPLES['Scalar']}`")

    def _depth(self, type_: Type) -> int:
        """How many types are inside each other; those declared before are known."""
        match type_:
            case RecordType(name, fields):
                known = self._depths.get(name) if name else None
                return known if known is not None else 1 + max((self._depth(field.type) for field in fields), default=0)
            case ListType(inner) | OptionalType(inner) | SecretType(inner) | MapType(_, inner):
                return 1 + self._depth(inner)
            case _:
                return 0

    def _report_deep(self, span: Span) -> None:
        label = f"more than {limits.TYPE_DEPTH} nested types"
        self._report("E115", "this type is nested too deeply", span, label, "use json for the inner part")

    def collect(self, file: s.File) -> None:
        """Take in all declarations of a file; types may be used before they are declared."""
        self.flows = frozenset(item.name.text for item in file.items if isinstance(item, s.FlowDecl))
        for item in file.items:
            if isinstance(item, s.TypeDecl):
                self._collect_type(item)
            elif isinstance(item, s.BrokenItem):
                self.broken.update(item.names)
                self.types.update({name: UNKNOWN for name in item.names if name.isidentifier()})
        for name, decl in list(self._decls.items()):
            self._declared(name, decl.name.span)
        for item in file.items:
            if isinstance(item, s.EventDecl):
                self._collect_event(item)
            elif isinstance(item, s.ActionDecl):
                self._collect_action(item)

    def _collect_type(self, item: s.TypeDecl) -> None:
        name = item.name.text
        if name in _PRIMITIVES or name in _GENERIC or name in _SCALARS:
            self._report(
                "E210", f"type `{name}` exists already", item.name.span, "a type of the language", "choose another name"
            )
        elif name in self._decls:
            self._report("E210", f"type `{name}` is declared twice", item.name.span, "declared above", "remove one of them")
        else:
            # A file's own declaration stands before the host's of the same name; that they agree is checked where they meet.
            self._decls[name] = item
            self.types.pop(name, None)

    def _collect_event(self, item: s.EventDecl) -> None:
        spec = EventSpec(name=item.name.value, payload=RecordType("", self.fields(item.fields)), doc=item.doc)
        known = self.events.get(spec.name)
        difference = "" if known is None else difference_of_fields(known.payload.fields, spec.payload.fields)
        if difference:
            title = f"event `{spec.name}` is declared twice"
            self._report(
                "E210",
                title,
                item.name.span,
                f"this differs from the other declaration: {difference}",
                "correct or remove one of them",
            )
        self.events[spec.name] = spec

    def _collect_action(self, item: s.ActionDecl) -> None:
        result = NULL if item.result is None else self.resolve(item.result)
        spec = ActionSpec(
            name=item.name.text,
            params=self.fields(item.params),
            result=result,
            effect=Effect(item.effect),
            doc=item.doc,
            takes_key=item.takes_key,
            at_most_once=item.at_most_once,
        )
        known = self.actions.get(spec.name)
        difference = "" if known is None else difference_of_actions(known, spec)
        if difference:
            title = f"action `{spec.name}` is declared twice"
            self._report(
                "E210", title, item.name.span, f"this differs from the host: {difference}", "correct or remove this one"
            )
            return
        if known is not None:  # either may ask for it
            spec = attrs.evolve(known, at_most_once=known.at_most_once or spec.at_most_once)
        self.actions[spec.name] = spec

    def _report(self, code: str, title: str, span: Span, label: str, help_: str, fix: Fix | None = None) -> None:
        self.diagnostics.append(Diagnostic(code=code, title=title, span=span, label=label, help=help_, fix=fix))


def collect_declarations(
    file: s.File, interface: Interface, default: ConstantDefault, imports: Iterable[tuple[str, Imported]] = (), text: str = ""
) -> Declarations:
    """The declarations of a file, the host and the imports, the last under the names of the imports."""
    events: Mapping[str, EventSpec] = interface.events
    declarations = Declarations(
        {**_SCALARS, **interface.types}, dict(events), dict(interface.actions), default=default, text=text
    )
    declarations.host_actions, declarations.secrets, declarations.emits = interface.actions, interface.secrets, interface.emits
    for name, module in imports:
        declarations.take_in(name, module)
    declarations.collect(file)
    return declarations


def readable(type_: Type) -> str:
    """A type in a message: short, and never `unknown`."""
    if type_ is UNKNOWN or type_ is JSON:
        return "json"
    if isinstance(type_, Primitive) and type_ is not STRING:
        return type_.value
    text = str(type_)
    return text if len(text) <= 60 else text[:57] + "…"
