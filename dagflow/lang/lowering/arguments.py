"""Arguments of calls and events against their parameters."""

from __future__ import annotations

from collections.abc import Sequence

from dagflow.diagnostic import Edit, Fix, Span, nearest
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Argument
from dagflow.model.types import Field, OptionalType, Type


def lower_arguments(
    builder: FlowBuilder, name: str, args: Sequence[s.Arg], params: Sequence[Field], place: Place, close: Span
) -> tuple[Argument, ...]:
    """Check named arguments against parameters; the result has only the valid ones.

    Args:
        name: of the callee, for messages.
        close: the place of the closing parenthesis, where a missing argument would go.
    """
    if any(arg.name is None for arg in args):
        _report_unnamed(builder, name, args, params)
        return ()
    known = {param.name: param for param in params}
    given: dict[str, Argument] = {}
    spans: dict[str, Span] = {}
    unknown: list[s.Arg] = []
    for arg in args:
        assert arg.name is not None  # noqa: S101 - checked above
        param = known.get(arg.name.text)
        if arg.name.text in spans:
            builder.report("E306", f"`{arg.name.text}` is given twice", arg.name.span, "given before", "remove one of them")
        elif param is None:
            unknown.append(arg)
            builder.checker.check(arg.value, builder.view(place))
        else:
            value = builder.checker.expression(arg.value, builder.view(place), Wanted(param.type, f"`{param.name}` takes"))
            if value is not None:
                given[param.name] = Argument(param.name, value)
        spans[arg.name.text] = arg.span
    missing = [param for param in params if param.is_required and param.name not in spans]
    for arg in unknown:
        missing = _report_unknown(builder, name, arg, params, missing)
    for param in missing:
        _report_needed(builder, name, param, place, close, has_args=bool(args))
    return tuple(given[param.name] for param in params if param.name in given)


def _report_unnamed(builder: FlowBuilder, name: str, args: Sequence[s.Arg], params: Sequence[Field]) -> None:
    unnamed = [arg for arg in args if arg.name is None]
    span = unnamed[0].span.to(unnamed[-1].span)
    takes = ", ".join(f"{param.name}: {readable(param.type)}" for param in params)
    fix = None
    free = [param for param in params if all(arg.name is None or arg.name.text != param.name for arg in args)]
    if len(unnamed) <= len(free):
        edits = tuple(
            Edit(Span(arg.span.start, arg.span.start), f"{param.name}: ") for arg, param in zip(unnamed, free, strict=False)
        )
        named = iter(free)
        shown = ", ".join(
            builder.text(arg.span) if arg.name is not None else f"{next(named).name}: {builder.text(arg.span)}" for arg in args
        )
        fix = Fix(f"`{name}({shown})`", is_safe=True, edits=edits)
    count = f"{len(unnamed)} unnamed argument" + "s" * (len(unnamed) > 1)
    builder.report(
        "E107",
        "action arguments need names",
        span,
        count,
        f"`{name}` takes {takes}" if takes else f"`{name}` takes no arguments",
        fix,
    )


def _report_unknown(builder: FlowBuilder, name: str, arg: s.Arg, params: Sequence[Field], missing: list[Field]) -> list[Field]:
    """E306; the parameter most likely meant counts as given, so that it is not reported as missing too."""
    assert arg.name is not None  # noqa: S101 - only named arguments come here
    word = arg.name.text
    meant = nearest(word, [param.name for param in params])
    help_ = f"did you mean `{meant}`?" if meant else f"`{name}` takes " + (", ".join(p.name for p in params) or "no arguments")
    if meant is None and len(missing) == 1:
        meant = missing[0].name
        help_ = f"did you mean `{meant}`? it is the only missing one"
    fix = Fix(f"`{meant}`", is_safe=True, edits=(Edit(arg.name.span, meant),)) if meant else None
    builder.report("E306", f"`{name}` has no argument `{word}`", arg.name.span, "unknown argument", help_, fix)
    return [param for param in missing if param.name != meant]


def _report_needed(builder: FlowBuilder, name: str, param: Field, place: Place, close: Span, *, has_args: bool) -> None:
    values = _values_of_type(builder, param.type, place)
    help_ = f"values of type {readable(param.type)} here: {', '.join(values[:4])}" if values else f"give it: `{param.name}: …`"
    fix = None
    if values:
        insertion = f"{', ' if has_args else ''}{param.name}: {values[0]}"
        fix = Fix(f"insert `{insertion}`", is_safe=False, edits=(Edit(Span(close.start, close.start), insertion),))
    builder.report("E305", f"`{name}` needs `{param.name}`", close, f"missing {param.name}: {readable(param.type)}", help_, fix)


def _values_of_type(builder: FlowBuilder, wanted: Type, place: Place) -> list[str]:
    """Paths in scope that would fit: names, and fields one level down."""
    inner = wanted.value if isinstance(wanted, OptionalType) else wanted
    view = builder.view(place)
    found: list[str] = []
    for name in view:
        if name in {"now", "run", "trigger", "secrets"}:
            continue
        type_ = view[name]
        if type_ == inner:
            found.append(name)
        found += [f"{name}.{field.name}" for field in getattr(type_, "fields", ()) if field.type == inner]
    exact = found
    if not exact:
        found = [f"{name}.{f.name}" for name in view for f in getattr(view[name], "fields", ()) if is_assignable(f.type, inner)]
    return found
