"""The bridge to the expression checker: types of names in, checked expressions and diagnostics out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, cast

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span, nearest
from dagflow.errors import EvaluationError
from dagflow.expr import tree
from dagflow.expr.checker.checker import Absence, Checked, Environment, check
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.check.assignability import is_assignable, is_number_widening
from dagflow.lang.check.declarations import Declarations, readable
from dagflow.lang.check.symbols import Absences, Names, Symbol, View
from dagflow.lang.diagnostics import Source
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Expression
from dagflow.model.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    JSON,
    UNKNOWN,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.wire.codec import WireError, decode, encode

#: A duration as it is written.
_DURATION: Final = re.compile(r"(?:[0-9]+(?:ms|s|m|h|d|w))+")
_NOTHING = View(Names(), frozenset(), frozenset())


@attrs.frozen
class Wanted:
    """The demand on an expression: its type, and the words of a message for its place (`` `to` takes ``)."""

    type: Type
    words: str


@attrs.define(eq=False)
class Checker:
    """Checks the expressions of one file."""

    source: Source
    declarations: Declarations
    diagnostics: list[Diagnostic]
    #: Every name that was read, in sound expressions and in others.
    read: set[str] = attrs.field(factory=set)
    #: Finds the type of an expression (`hooks`).
    check_expression: Callable[[tree.Expr, Environment], Checked] = check

    def check(self, expr: tree.Expr, view: View, expected: Type | None = None) -> Checked:
        """Check an expression and take over its diagnostics."""
        environment = Environment(
            variables=view,
            absences=cast("Mapping[str, Absence]", Absences(view, lambda symbol: self._absence(symbol, view))),
            covers=view.covers,
            narrowed=view.narrowed,
            expected=expected,
            types=self.declarations.types,
            source=self.source.text,
        )
        checked = self.check_expression(expr, environment)
        self.read.update(checked.reads)
        for diagnostic in checked.diagnostics:
            self.diagnostics.append(self._later(diagnostic, view.names))
        return checked

    def expression(self, expr: tree.Expr, view: View, wanted: Wanted | None = None) -> Expression | None:
        """A checked expression of the type wanted, or None with a diagnostic."""
        n_before = len(self.diagnostics)
        if wanted is not None:
            expr = _widened(expr, wanted.type)
        checked = self.check(expr, view, wanted.type if wanted else None)
        is_broken = any(d.code.startswith("E") for d in self.diagnostics[n_before:]) or _has_broken(expr)
        if wanted is not None and not is_broken and not self._fits(expr, checked.type, wanted):
            is_broken = True
        if is_broken:
            return None
        span = expr.span
        return Expression(
            self.source.text[span.start : span.end], span, checked.type, tuple(checked.reads), checked.core, checked.cost
        )

    def constant(self, expr: tree.Expr, wanted: Wanted) -> object | None:
        """The value of an expression that reads nothing, in stored form; None with a diagnostic (E315) where it has none."""
        expression = self.expression(expr, _NOTHING, wanted)
        if expression is None:
            self._explain_constant(expr)
            return None
        literal = _widened(expr, wanted.type)
        if isinstance(literal, tree.Literal) and expression.type is not DECIMAL:
            return literal.value  # most constants are literals, and code is dear to make
        try:
            return compile_cores([expression.core])[0]({})
        except EvaluationError as error:
            self._report("E315", "this has no value", expr.span, error.message, "write a constant")
            return None

    def default(self, expr: tree.Expr, type_: Type) -> object | None:
        """The JSON form of a field's default; None with a diagnostic."""
        value = self.constant(expr, Wanted(type_, "this default takes"))
        if value is None:
            return None
        try:
            return encode(value, type_)
        except WireError as error:
            # The word for a type is an expression too, and `json` takes any.
            self._report(
                "E315",
                "this is not a storable value",
                expr.span,
                str(error),
                "write a constant: a number, a text, a list, a map",
            )
            return None

    def _explain_constant(self, expr: tree.Expr) -> None:
        """Names are unknown in a constant: say why instead of only that."""
        last = self.diagnostics[-1] if self.diagnostics else None
        if last is not None and last.code == "E202":
            self.diagnostics[-1] = Diagnostic(
                code="E315", title="this must be a constant", span=expr.span, label="reads a name",
                help="write a literal; the value is needed before a run starts",
            )  # fmt: skip

    def _fits(self, expr: tree.Expr, given: Type, wanted: Wanted) -> bool:
        target = wanted.type
        if is_assignable(given, target):
            return True
        inner = target.value if isinstance(target, OptionalType) else target
        if isinstance(expr, tree.Literal) and isinstance(expr.value, str):
            if isinstance(inner, ScalarType):
                return self._scalar_literal(expr, expr.value, inner, wanted)
            if isinstance(inner, EnumType):
                if expr.value in inner.values:
                    return True
                self.diagnostics.append(not_in_enum(expr.span, expr.value, inner, "this value is not allowed here"))
                return False
        if isinstance(given, SecretType):
            self._report(
                "E601", "a secret would leave the system", expr.span, f"{wanted.words} {readable(target)}",
                "secrets may only be given to arguments of type Secret",
            )  # fmt: skip
        elif isinstance(given, OptionalType) and is_assignable(given.value, target):
            self._report_missing(expr, given, wanted)
        else:
            self._report_mismatch(expr, given, wanted)
        return False

    def _scalar_literal(self, expr: tree.Expr, value: str, type_: ScalarType, wanted: Wanted) -> bool:
        try:
            decode(value, type_)
        except WireError as error:
            problem = error.problems[0].message
            self._report("E307", f"{wanted.words} {type_}, got an invalid text", expr.span, problem, "correct the text")
            return False
        return True

    def _report_missing(self, expr: tree.Expr, given: OptionalType, wanted: Wanted) -> None:
        fallback = {"string": '""', "int": "0", "double": "0.0", "bool": "false"}.get(readable(given.value), "")
        text = self.source.text[expr.span.start : expr.span.end]
        fix = None
        if fallback:
            fix = Fix(
                f"`{text} ?? {fallback}`", is_safe=False, edits=(Edit(Span(expr.span.end, expr.span.end), f" ?? {fallback}"),)
            )
        needs = wanted.words.replace(" takes", " needs")
        self._report(
            "E312", "this value may be absent", expr.span, f"{readable(given)}, but {needs} {readable(wanted.type)}",
            "add a default with `??`, or check first", fix,
        )  # fmt: skip

    def _report_mismatch(self, expr: tree.Expr, given: Type, wanted: Wanted) -> None:
        text = self.source.text[expr.span.start : expr.span.end]
        written = _written_as(expr, given, wanted.type, text)
        if written is not None:
            meant, is_safe = written
            self._report(
                "E307", f"{wanted.words} {readable(wanted.type)}, got {readable(given)}", expr.span, readable(given),
                f"write `{meant}`", Fix(f"`{meant}`", is_safe=is_safe, edits=(Edit(expr.span, meant),)),
            )  # fmt: skip
            return
        # A literal is written in the expected type, not converted.
        conversion = "" if isinstance(expr, tree.Literal) else _conversion(given, wanted.type)
        fix = None
        if conversion:
            edits = (
                Edit(Span(expr.span.start, expr.span.start), f"{conversion}("),
                Edit(Span(expr.span.end, expr.span.end), ")"),
            )
            fix = Fix(f"`{conversion}({text})`", is_safe=False, edits=edits)
        self._report(
            "E307", f"{wanted.words} {readable(wanted.type)}, got {readable(given)}", expr.span, _difference(given, wanted.type),
            "convert it" if conversion else f"give a value of type {readable(wanted.type)}", fix,
        )  # fmt: skip

    def _absence(self, symbol: Symbol, view: View) -> Absence:
        if symbol.node in view.unawaited:
            return Absence(f"this step starts as soon as enough of its `after` has run, perhaps before `{symbol.name}`")
        label = f"may be absent here: `{symbol.name}` {symbol.why}" if symbol.why else "may be absent here"
        help_ = f"add a default, move this step under the condition, or `filter {symbol.name}.hasValue()`"
        return Absence(label, help_)

    def _later(self, diagnostic: Diagnostic, names: Names) -> Diagnostic:
        """An unknown name that is defined further down is not a typing error."""
        if diagnostic.code != "E202":
            return diagnostic
        word = self.source.text[diagnostic.span.start : diagnostic.span.end]
        loop = names.hidden(word)
        if loop is not None:
            return self._of_loop(diagnostic.span, word, loop)
        line = names.later(word)
        if any(around.name is not None and around.name.text == word for around in names.around):
            return Diagnostic(
                code="E203", title=f"`{word}` is used before it exists", span=diagnostic.span, label="the loop of this name has not ended here",
                help=f"read `{word}` after the loop",
            )  # fmt: skip
        if line is not None:
            here = self.source.place(diagnostic.span.start).line
            label = "it is being defined here" if line == here else f"`{word}` is defined on line {line}"
            help_ = "a step cannot read itself" if line == here else f"move this step below line {line}"
            return Diagnostic(
                code="E203", title=f"`{word}` is used before it exists", span=diagnostic.span, label=label, help=help_
            )
        if word in names.symbols:
            return attrs.evolve(
                diagnostic, title=f"`{word}` has no value", label="this kind of step has no output",
                help="read another step, or wait for this one with `after`", fix=None,
            )  # fmt: skip
        return diagnostic

    def _of_loop(self, span: Span, word: str, loop: s.For) -> Diagnostic:
        """A step in the body of a loop has one value for each item, and none outside of the loop."""
        line = self.source.place(loop.word.start).line
        whole = f"read `{loop.name.text}`" if loop.name is not None else "read the loop by its name: `rows = for …`"
        return Diagnostic(
            code="E202", title=f"`{word}` cannot be read outside of its loop", span=span, label=f"it exists once per item of the `for` on line {line}",
            help=f"`yield` it in the loop, and {whole}",
        )  # fmt: skip

    def _report(self, code: str, title: str, span: Span, label: str, help_: str, fix: Fix | None = None) -> None:
        self.diagnostics.append(Diagnostic(code=code, title=title, span=span, label=label, help=help_, fix=fix))


def not_in_enum(span: Span, value: str, type_: EnumType, title: str) -> Diagnostic:
    """E302 for a text outside of a closed set."""
    meant = nearest(value, type_.values)
    fix = Fix(f'`"{meant}"`', is_safe=True, edits=(Edit(span, f'"{meant}"'),)) if meant else None
    return Diagnostic(
        code="E302", title=title, span=span, label="not one of " + " | ".join(f'"{each}"' for each in type_.values),
        help=f'did you mean "{meant}"?' if meant else "use one of these", fix=fix,
    )  # fmt: skip


def _widened(expr: tree.Expr, wanted: Type) -> tree.Expr:
    is_int = isinstance(expr, tree.Literal) and type(expr.value) is int
    if is_int and is_number_widening(INT, wanted):
        return tree.Literal(expr.span, float(cast("int", cast("tree.Literal", expr).value)))
    return expr


def _has_broken(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Broken)


def _written_as(expr: tree.Expr, given: Type, wanted: Type, text: str) -> tuple[str, bool] | None:
    """What is written for a duration or a condition in place of what other languages have, and whether that is certain."""
    if wanted is DURATION and isinstance(expr, tree.Literal):
        if isinstance(expr.value, str) and _DURATION.fullmatch(expr.value):
            return expr.value, True
        return (f"{text}s", False) if type(expr.value) is int and text.isdecimal() else None
    if wanted is BOOL and isinstance(given, OptionalType) and isinstance(expr, tree.Name | tree.Select):
        return f"{text}.hasValue()", False
    return None


def _conversion(given: Type, wanted: Type) -> str:
    """The function that turns one type into the other, if a call of one does."""
    inner = wanted.value if isinstance(wanted, OptionalType) else wanted
    words = {("int", "double"), ("uint", "double"), ("double", "int"), ("uint", "int"), ("int", "string"), ("double", "string"),
             ("bool", "string"), ("uint", "string"), ("timestamp", "string"), ("duration", "string"), ("string", "double"), ("string", "int"),
             ("int", "decimal"), ("uint", "decimal"), ("double", "decimal"), ("string", "decimal"), ("decimal", "double"), ("decimal", "string")}  # fmt: skip
    if isinstance(inner, ScalarType) and readable(given) == "string":
        return inner.name
    pair = (readable(given), readable(inner))
    return pair[1] if pair in words else ""


def _difference(given: Type, wanted: Type) -> str:
    """Where two types part, in a few words."""
    match given, wanted:
        case RecordType(), RecordType():
            extra = [f.name for f in given.fields if wanted.field(f.name) is None]
            missing = [f.name for f in wanted.fields if f.is_required and given.field(f.name) is None]
            if extra:
                return f"`{extra[0]}` is not a field of {readable(wanted)}"
            if missing:
                return f"`{missing[0]}` is missing"
            for field in wanted.fields:  # pragma: no branch - one of them differs, or the records would fit
                have = given.field(field.name)
                if have is not None and not is_assignable(have.type, field.type):
                    return f"`{field.name}` is {readable(have.type)}, expected {readable(field.type)}"
        case (ListType(), ListType()) | (MapType(), MapType()):
            return f"the elements have type {readable(given)}"
        case _ if given is JSON or given is UNKNOWN:
            return "json"
        case _:
            pass
    return readable(given)
