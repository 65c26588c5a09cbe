"""Checked expressions to Python functions: one generated module, one function for each expression.

Theory. The checked form (`core`) is a tree of `[op, …]` with a closed set of ops. Each becomes a Python expression; where a
statement is needed (a loop that ends early, an error kept for later, brackets nested too deeply) a helper function is made
and called. Nothing from a user's text becomes code: names of bindings and fields, strings and bytes go in through `repr`,
macro variables are numbered. `b` is the mapping of bindings, `gas` the budget, `v0`, `v1` … are macro variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, cast

from dagflow.expr.codegen.dynamic_dispatch import dispatcher
from dagflow.expr.codegen.fragment import (
    MAX_DEPTH,
    Core,
    Fragment,
    Scope,
    combine,
    damaged,
    flags,
    flattened,
    is_core,
    strings,
    text,
    variable,
)
from dagflow.expr.codegen.literals import decimal_of_core, literal
from dagflow.expr.codegen.loops import LOOPS, Loop, absorbing, fold
from dagflow.expr.codegen.templates import LAZY_SECOND, NAMED, PLAIN_LITERALS, SHORTEST, UNARY
from dagflow.expr.library.namespace import NAMESPACE, TABLE, guarded, guarded_with_gas
from dagflow.expr.runtime.arithmetic import MAX_INT, MIN_INT
from dagflow.model.values import MAX_TIMESTAMP_NS, MIN_TIMESTAMP_NS, NANOS_PER_SECOND, Duration, Timestamp

Evaluator = Callable[[Mapping[str, object]], object]


def compile_cores(cores: Sequence[object]) -> list[Evaluator]:
    """Make a function for each checked expression: bindings (name → value in stored form) to value.

    The functions raise `EvaluationError` and nothing else.

    Raises:
        StoreError: a form is not one the checker makes.
    """
    emitter = _Emitter()
    try:
        for index, core in enumerate(cores):
            emitter.add_function(index, core)
    except RecursionError:
        raise damaged("nested too deeply") from None
    namespace = dict(NAMESPACE) | emitter.constants
    if emitter.lines:
        code = compile("\n".join(emitter.lines), "<dagflow expressions>", "exec", dont_inherit=True)
        exec(code, namespace)  # noqa: S102 - made of templates, numbers and `repr`s only
    made = {
        index: (guarded_with_gas if uses_gas else guarded)(cast("Callable[..., object]", namespace[f"f{index}"]))
        for index, uses_gas in emitter.functions.items()
    }
    return [made[each] if isinstance(each, int) else each for each in emitter.evaluators]


def _always(value: object) -> Evaluator:
    """A literal's function: most arguments of a flow are literals, and code is dear to make."""
    return lambda _: value


class _Emitter:
    """Gathers the source of one module."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, object] = {}
        #: For each expression its function, or the index of the expression whose function it shares.
        self.evaluators: list[Evaluator | int] = []
        #: By the index of the expression: whether its function takes the budget.
        self.functions: dict[int, bool] = {}
        self._known: dict[str, int] = {}
        self._n_helpers = 0

    def add_function(self, index: int, core: object) -> None:
        """Add the function of one expression; expressions with the same code share it."""
        body = self._render(core, Scope())
        if is_core(core) and core[0] in PLAIN_LITERALS:
            self.evaluators.append(_always(core[1] if len(core) > 1 else None))
            return
        shared = self._known.setdefault(body.text, index)
        self.evaluators.append(shared)
        if shared == index:
            self.functions[index] = body.uses_gas
            self.lines.append(f"f{index} = lambda b{', gas' if body.uses_gas else ''}: {body.text}")

    def helper(
        self, lines: Sequence[str], parts: Sequence[Fragment], *, can_fail: bool, uses_gas: bool, bound: frozenset[int]
    ) -> Fragment:
        """A function of its own with those lines, and the call of it."""
        name = f"h{self._n_helpers}"
        self._n_helpers += 1
        free = frozenset[int]().union(*(part.locals for part in parts)) - bound
        gas = uses_gas or any(part.uses_gas for part in parts)
        params = ["b", *(["gas"] if gas else []), *(f"v{index}" for index in sorted(free))]
        if len(lines) == 1 and lines[0].startswith("return "):
            # Python compiles these twice as fast.
            self.lines.append(f"{name} = lambda {', '.join(params)}: {lines[0].removeprefix('return ')}")
        else:
            self.lines += [f"def {name}({', '.join(params)}):", *(f"    {line}" for line in lines)]
        failing = can_fail or any(part.can_fail for part in parts)
        return Fragment(f"{name}({', '.join(params)})", 1, failing, sum(part.cost for part in parts), free, gas)

    def _render(self, core: object, scope: Scope) -> Fragment:
        if not is_core(core):
            raise damaged(core)
        made = self._ops.get(cast("str", core[0]))
        if made is None:
            raise damaged(core[0])
        fragment = made(self, core, scope)
        if fragment.depth <= MAX_DEPTH:
            return fragment
        return self.helper([f"return {fragment.text}"], [fragment], can_fail=False, uses_gas=False, bound=frozenset())

    def _all(self, cores: Sequence[object], scope: Scope) -> list[Fragment]:
        return [self._render(core, scope) for core in cores]

    def _args(self, core: Core, count: int) -> Sequence[object]:
        if len(core) != count + 1:
            raise damaged(core[0])
        return core[1:]

    # Literals and names

    def _null(self, core: Core, _: Scope) -> Fragment:
        self._args(core, 0)
        return Fragment("None", is_constant=True)

    def _literal(self, core: Core, _: Scope) -> Fragment:
        (value,) = self._args(core, 1)
        return literal(core, value)

    def _time(self, core: Core, _: Scope) -> Fragment:
        """A duration or timestamp: made once, with its module."""
        is_length = core[0] == "duration"
        parts = self._args(core, 1 if is_length else 2)
        if any(type(part) is not int for part in parts):
            raise damaged(core)
        nanos = cast("int", parts[0])
        if not is_length:
            nanos = nanos * NANOS_PER_SECOND + cast("int", parts[1])
        low, high = (MIN_INT, MAX_INT) if is_length else (MIN_TIMESTAMP_NS, MAX_TIMESTAMP_NS)
        if not low <= nanos <= high:
            raise damaged(core)
        name = f"k_{len(self.constants)}"
        self.constants[name] = Duration(nanos) if is_length else Timestamp(nanos)
        return Fragment(name)

    def _decimal(self, core: Core, _: Scope) -> Fragment:
        """A decimal number: made once, with its module."""
        name = f"k_{len(self.constants)}"
        self.constants[name] = decimal_of_core(core, text(*self._args(core, 1)))
        return Fragment(name)

    def _type(self, core: Core, _: Scope) -> Fragment:
        return Fragment(f"TypeValue({text(*self._args(core, 1))!r})", 1)

    def _var(self, core: Core, _: Scope) -> Fragment:
        return Fragment(f"b[{text(*self._args(core, 1))!r}]", 1)

    def _local(self, core: Core, scope: Scope) -> Fragment:
        index = variable(*self._args(core, 1))
        if index not in scope.variables:
            raise damaged(core)
        is_lazy = index in scope.lazy
        return Fragment(f"v{index}()" if is_lazy else f"v{index}", int(is_lazy), is_lazy, 0, frozenset({index}))

    # Parts of values

    def _named(self, core: Core, scope: Scope) -> Fragment:
        operand, name = self._args(core, 2)
        template, can_fail = NAMED[cast("str", core[0])]
        quoted = repr(text(name)).replace("{", "{{").replace("}", "}}")
        return combine(template.replace("NAME", quoted), [self._render(operand, scope)], can_fail=can_fail, cost=1)

    def _unary(self, core: Core, scope: Scope) -> Fragment:
        template, can_fail = UNARY[cast("str", core[0])]
        return combine(template, self._all(self._args(core, 1), scope), can_fail=can_fail, cost=0)

    def _binary(self, core: Core, scope: Scope) -> Fragment:
        return combine(f"{core[0]}({{0}}, {{1}})", self._all(self._args(core, 2), scope), can_fail=True, cost=1)

    def _lazy_second(self, core: Core, scope: Scope) -> Fragment:
        first, second = self._all(self._args(core, 2), scope)
        lines = [f"x = {first.text}", f"return {LAZY_SECOND[cast('str', core[0])]} {second.text}"]
        return self.helper(lines, [first, second], can_fail=False, uses_gas=False, bound=frozenset())

    # Logic

    def _if(self, core: Core, scope: Scope) -> Fragment:
        parts = self._all(self._args(core, 3), scope)
        return combine("({1} if {0} else {2})", parts, can_fail=False, cost=1)

    def _junction(self, core: Core, scope: Scope) -> Fragment:
        """`&&` and `||`: an error is kept until no later operand can decide the result."""
        operands = self._all(flattened(core), scope)
        is_and = core[0] == "all_of"
        if len(operands) < 2:
            raise damaged(core)
        if not any(operand.can_fail for operand in operands[:-1]):
            word = " and " if is_and else " or "
            return combine(f"({word.join(f'{{{i}}}' for i in range(len(operands)))})", operands, can_fail=False, cost=1)
        lines = ["error = None"]
        for operand in operands:
            test = [f"if {'not ' if is_and else ''}{operand.text}:", f"    return {not is_and}"]
            lines += absorbing(test) if operand.can_fail else test
        lines += ["if error is not None:", "    raise error", f"return {is_and}"]
        return self.helper(lines, operands, can_fail=False, uses_gas=False, bound=frozenset())

    # Composites

    def _list(self, core: Core, scope: Scope) -> Fragment:
        is_optional = flags(core[1] if len(core) > 1 else None, len(core) - 2)
        items = self._all(core[2:], scope)
        cost = len(items) >> 2
        if any(is_optional):
            inner = ", ".join(f"({flag}, {{{index}}})" for index, flag in enumerate(is_optional))
            return combine(f"build_list([{inner}])", items, can_fail=True, cost=cost)
        return combine(f"[{', '.join(f'{{{index}}}' for index in range(len(items)))}]", items, can_fail=False, cost=cost)

    def _record(self, core: Core, scope: Scope) -> Fragment:
        names = strings(core[1] if len(core) > 1 else None)
        items = self._all(core[2:], scope)
        if len(names) != len(items):
            raise damaged(core[0])
        inner = ", ".join(f"{_braced(name)}: {{{index}}}" for index, name in enumerate(names))
        return combine(f"{{{{{inner}}}}}", items, can_fail=False, cost=len(items) >> 2)

    def _map(self, core: Core, scope: Scope) -> Fragment:
        n_entries = (len(core) - 2) // 2
        is_optional = flags(core[1] if len(core) > 1 else None, n_entries)
        if len(core) != 2 + 2 * n_entries:
            raise damaged(core[0])
        parts = self._all(core[2:], scope)
        pairs = [f"{{{2 * index}}}, {{{2 * index + 1}}}" for index in range(n_entries)]
        if any(is_optional):
            inner = ", ".join(f"({flag}, {pair})" for flag, pair in zip(is_optional, pairs, strict=True))
            template = f"build_optional_map(gas, [{inner}])"
        else:
            template = f"build_map(gas, [{', '.join(f'({pair})' for pair in pairs)}])"
        return combine(template, parts, can_fail=True, cost=n_entries, uses_gas=True)

    def _display(self, core: Core, scope: Scope) -> Fragment:
        what = core[2] if len(core) == 3 else ""
        if len(core) not in {2, 3} or not isinstance(what, str):
            raise damaged(core[0])
        return combine(f"display({{0}}, {_braced(what)})", self._all(core[1:2], scope), can_fail=True, cost=0)

    def _text(self, core: Core, scope: Scope) -> Fragment:
        parts = self._all(core[1:], scope)
        inner = "".join(f", {{{index}}}" for index in range(len(parts)))
        return combine(f"interpolate(gas{inner})", parts, can_fail=False, cost=len(parts), uses_gas=True)

    # Calls

    def _call(self, core: Core, scope: Scope) -> Fragment:
        row = TABLE.by_id.get(text(core[1] if len(core) > 1 else None))
        if row is None or len(row.params) != len(core) - 2:
            raise damaged(core)
        args = self._all(core[2:], scope)
        is_short = row.function in SHORTEST and any(arg.is_constant for arg in args)
        is_dear = scope.is_loop and not is_short
        template = row.in_loop if is_dear else row.template
        return combine(template, args, can_fail=row.can_fail, cost=row.cost, uses_gas="gas" in template)

    def _dyn(self, core: Core, scope: Scope) -> Fragment:
        match core:
            case [_, str(function), bool(is_method), *args]:
                rows = TABLE.find(function, is_method=is_method, arity=len(args))
            case _:
                raise damaged(core)
        if not rows:
            raise damaged(core)
        name = f"d_{len(self.constants)}"
        for known, value in self.constants.items():
            if value is dispatcher(function, is_method, len(args)):
                name = known
        self.constants[name] = dispatcher(function, is_method, len(args))
        inner = "".join(f", {{{index}}}" for index in range(len(args)))
        can_fail = function not in {"_==_", "_!=_"}
        cost = 1 + max(row.cost for row in rows)
        return combine(f"{name}(gas{inner})", self._all(args, scope), can_fail=can_fail, cost=cost, uses_gas=True)

    def _fail(self, core: Core, _: Scope) -> Fragment:
        code, message = self._args(core, 2)
        return Fragment(f"fail({text(code)!r}, {text(message)!r})", 1, can_fail=True)

    # Variables

    def _bind(self, core: Core, scope: Scope) -> Fragment:
        """`cel.bind`: a value that can fail is computed only when the name is read."""
        index_, init_, body_ = self._args(core, 3)
        index, init = variable(index_), self._render(init_, scope)
        body = self._render(body_, scope.binding(index, is_lazy=init.can_fail))
        call = self.helper([f"return {body.text}"], [body], can_fail=False, uses_gas=False, bound=frozenset())
        value = f"Lazy(lambda: {init.text})" if init.can_fail else init.text
        lines = [f"v{index} = {value}", f"return {call.text}"]
        return self.helper(lines, [init, body], can_fail=False, uses_gas=False, bound=frozenset({index}) - init.locals)

    def _map_optional(self, core: Core, scope: Scope) -> Fragment:
        index_, optional_, body_ = self._args(core, 3)
        index, optional = variable(index_), self._render(optional_, scope)
        body = self._render(body_, scope.binding(index))
        lines = [f"return {core[0]}({optional.text}, lambda v{index}: {body.text})"]
        bound = frozenset({index}) - optional.locals
        return self.helper(lines, [optional, body], can_fail=core[0] == "chain_optional", uses_gas=False, bound=bound)

    def _loop(self, core: Core, scope: Scope) -> Fragment:
        kind, source, first, second, items_, condition_, value_ = self._args(core, 7)
        variables = [variable(each) for each in (first, second) if each is not None]
        make = LOOPS.get(text(kind))
        if make is None or first is None:
            raise damaged(core[0])
        inside = scope.binding(*variables, is_loop=True)
        loop = Loop(
            items=self._render(items_, scope),
            source=text(source),
            variables=tuple(variables),
            condition=None if condition_ is None else self._render(condition_, inside),
            value=None if value_ is None else self._render(value_, inside),
            weight=3 if kind in {"map", "entries"} else 1,
        )
        return make(loop, self.helper)

    def _fold(self, core: Core, scope: Scope) -> Fragment:
        source, carried_, item_, first_, items_, body_ = self._args(core, 6)
        carried, item = variable(carried_), variable(item_)
        first, items = self._render(first_, scope), self._render(items_, scope)
        body = self._render(body_, scope.binding(carried, item, is_loop=True))
        return fold(Loop(items, text(source), (item,), None, body), carried, first, self.helper)

    #: op → how it is emitted.
    _ops: ClassVar[dict[str, Callable[[_Emitter, Core, Scope], Fragment]]] = {
        "null": _null,
        "bool": _literal,
        "int": _literal,
        "uint": _literal,
        "double": _literal,
        "string": _literal,
        "bytes": _literal,
        "decimal": _decimal,
        "duration": _time,
        "timestamp": _time,
        "type": _type,
        "var": _var,
        "local": _local,
        "field": _named,
        "maybe": _named,
        "test": _named,
        "select": _named,
        "find": _named,
        "has": _named,
        "scalar": _named,
        "wrap": _unary,
        "store": _unary,
        "present": _unary,
        "missing": _unary,
        "truth": _unary,
        "plain": _unary,
        "display": _display,
        "at": _binary,
        "find_at": _binary,
        "coalesce": _lazy_second,
        "or": _lazy_second,
        "or_value": _lazy_second,
        "if": _if,
        "all_of": _junction,
        "any_of": _junction,
        "list": _list,
        "record": _record,
        "map": _map,
        "text": _text,
        "call": _call,
        "dyn": _dyn,
        "bind": _bind,
        "map_optional": _map_optional,
        "chain_optional": _map_optional,
        "loop": _loop,
        "fold": _fold,
        "fail": _fail,
    }


def _braced(name: str) -> str:
    return repr(name).replace("{", "{{").replace("}", "}}")
