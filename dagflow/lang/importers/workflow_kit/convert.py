"""Workflows of workflow-kit: actions, edges and `!ref(…)`, converted to the text of a flow.

Notes mark the differences to the old engine: it ran the actions behind one that it had not run (N601), and ran an action as
soon as the first of several edges led to it (N602). Values never become part of text that is parsed again, so no event can
contain a ref.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, TypeAlias

import attrs

from dagflow.diagnostic import Diagnostic, Span, nearest
from dagflow.lang.format.formatter import format as format_text
from dagflow.lang.importers.workflow_kit.blocks import Parts, statements
from dagflow.lang.importers.workflow_kit.graph import SOURCE, KitEdge, KitGraph
from dagflow.lang.importers.workflow_kit.refs import Scope, check_input_name
from dagflow.lang.literals import identifier, kind_of, shown
from dagflow.lang.syntax.keywords import NO_STEP_NAMES
from dagflow.model.typeguards import is_list, is_object
from dagflow.model.wire.json_reader import LocatedJson, pointer_step

_Object: TypeAlias = dict[str, object]
_IF: Final = "builtin:if"
_TAKEN: Final = frozenset({"event", "now", "run", "secrets", "trigger"})
#: Keys of each kind of object: needed ones, and others.
_WORKFLOW: Final = (("actions", "edges"), ("name", "description", "metadata"))
_ACTION: Final = (("id", "kind"), ("name", "description", "inputs"))
_EDGE: Final = (("from", "to"), ("name", "conditional"))


def import_workflow_kit(located: LocatedJson, filename: str = "") -> tuple[str | None, list[Diagnostic]]:
    """Make the text of a flow from a workflow of workflow-kit.

    Returns:
        The text, or None if there is an error; and errors or notes in the order of the JSON, each with a JSON pointer.
    """
    importer = _Importer(located, filename)
    text = importer.flow()
    found = sorted(importer.found, key=lambda diagnostic: diagnostic.span.start)
    if any(diagnostic.code[0] == "E" for diagnostic in found):
        return None, [diagnostic for diagnostic in found if diagnostic.code[0] == "E"]
    return format_text(text), found


@attrs.frozen
class _Action:
    id: str
    kind: str
    pointer: str
    data: _Object


@attrs.define(eq=False)
class _Importer:
    located: LocatedJson
    filename: str
    found: list[Diagnostic] = attrs.field(factory=list)
    actions: dict[str, _Action] = attrs.field(factory=dict)
    names: dict[str, str] = attrs.field(factory=dict)

    def flow(self) -> str:
        root = self._object(self.located.value, "", *_WORKFLOW)
        for i, each in enumerate(self._list(root, "", "actions")):
            self._read_action(each, f"/actions/{i}")
        edges = [edge for i, each in enumerate(self._list(root, "", "edges")) if (edge := self._read_edge(each, f"/edges/{i}"))]
        if self.found:
            return ""
        self._name_steps()
        graph = KitGraph(list(self.actions), edges)
        order = graph.order()
        self._check_graph(graph, order)
        if self.found:
            return ""
        ancestors = graph.ancestors(order)
        conditional = KitGraph(graph.nodes, [self._conditional(edge, ancestors) for edge in edges])
        parts = self._parts(ancestors)
        if self.found:
            return ""
        self._note_differences(conditional, order)
        title = self._text(root, "", "name")
        doc = _doc(title, self._text(root, "", "description"))
        return f"{doc}flow {identifier(title, 'imported')}(event: json) {{\non manual\n\n{statements(conditional, parts)}\n}}\n"

    # ---- reading

    def _read_action(self, value: object, pointer: str) -> None:
        data = self._object(value, pointer, *_ACTION)
        id_, kind = self._text(data, pointer, "id"), self._text(data, pointer, "kind")
        if id_ in self.actions or id_ == SOURCE:
            what = "it stands for the trigger" if id_ == SOURCE else "another action has it"
            self._add(
                "E204",
                f"action id `{shown(id_)}` is used twice",
                f"{pointer}/id",
                what,
                "edges name actions by their ids; give it another",
            )
        elif id_:
            self.actions[id_] = _Action(id_, kind, pointer, data)
        if kind and kind != _IF and not all(check_input_name(part) for part in kind.split(".")):
            self._add(
                "E201",
                f"`{shown(kind)}` cannot be called",
                f"{pointer}/kind",
                "no action of a flow has such a name",
                "register it as `a.b`",
            )

    def _read_edge(self, value: object, pointer: str) -> KitEdge | None:
        data = self._object(value, pointer, *_EDGE)
        ends = [self._text(data, pointer, key) for key in ("from", "to")]
        for key, end in zip(("from", "to"), ends, strict=True):
            if end and end not in self.actions and not (end == SOURCE and key == "from"):
                meant = nearest(end, list(self.actions))
                hint = f'did you mean "{meant}"?' if meant else "edges lead from `$source` or an action to an action"
                self._add("E202", f"unknown action `{shown(end)}`", f"{pointer}/{key}", "no action has this id", hint)
        return KitEdge(ends[0], ends[1], pointer) if all(ends) else None

    def _check_graph(self, graph: KitGraph, order: list[str]) -> None:
        """The rules of a graph that the old engine checks too."""
        pairs = Counter[tuple[str, str]]()
        for edge in graph.edges:
            pairs[edge.source, edge.target] += 1
            if pairs[edge.source, edge.target] == 2:
                self._add(
                    "E111",
                    "duplicate edge",
                    edge.pointer,
                    f"duplicate of the edge from `{shown(edge.source)}` to `{shown(edge.target)}`",
                    "remove one",
                )
        if not graph.out[SOURCE]:
            pointer = "/edges"
            self._add(
                "E111", "nothing begins", pointer, f"no edge leads from `{SOURCE}`", f'add {{"from": "{SOURCE}", "to": …}}'
            )
            return
        for action in self.actions.values():
            if not graph.into[action.id]:
                self._add(
                    "E406",
                    "this action can never run",
                    action.pointer,
                    "no edge leads here",
                    "add an edge, or remove the action",
                )
        left = set(graph.nodes) - set(order)
        circle = next((edge for edge in graph.edges if edge.source in left and edge.target in left), None)
        if circle is not None:
            self._add(
                "E401",
                "actions wait for each other in a cycle",
                circle.pointer,
                "this edge is part of the cycle, or depends on it",
                "remove an edge",
            )

    def _name_steps(self) -> None:
        taken: set[str] = set()
        for action in self.actions.values():
            own = action.id if action.id[:1].isalpha() else f"{action.kind.rpartition(':')[2].rpartition('.')[2]}_{action.id}"
            base = identifier(own, "step")
            base = f"{base}_step" if base in NO_STEP_NAMES | _TAKEN else base
            name, number = base, 2
            while name in taken:
                name, number = f"{base}_{number}", number + 1
            taken.add(name)
            self.names[action.id] = name

    # ---- values

    def _scope(self, before: frozenset[str], output: str = "") -> Scope:
        names = {id_: name for id_, name in self.names.items() if id_ in before or id_ == output}
        conditions = frozenset(action.id for action in self.actions.values() if action.kind == _IF)
        return Scope(names, frozenset(self.actions), conditions, self._wrong, output)

    def _conditional(self, edge: KitEdge, ancestors: dict[str, frozenset[str]]) -> KitEdge:
        pointer = f"{edge.pointer}/conditional"
        data = self.located.value
        for step in pointer.split("/")[1:]:
            data = data[int(step)] if is_list(data) else data.get(step) if is_object(data) else None
        if data is None:
            return edge
        found = self._object(data, pointer, ("type", "ref"), ("value",))
        side, ref = self._text(found, pointer, "type"), self._text(found, pointer, "ref")
        if side and side not in {"if", "else", "match"}:
            self._wrong(
                f"{pointer}/type",
                f"unknown type of condition `{shown(side)}`",
                "there is no such type",
                "the types are if, else, match",
            )
        scope = self._scope(ancestors[edge.source] - {SOURCE}, "" if edge.source == SOURCE else edge.source)
        value = scope.value(ref, f"{pointer}/ref")
        subject = edge.source if value.text == self.names.get(edge.source) and value.is_bool else f"{edge.source} {value.text}"
        if side == "match":
            wanted = scope.value(found.get("value"), f"{pointer}/value" if "value" in found else pointer).text
            return attrs.evolve(edge, condition=f"({value.text} == {wanted})", subject=f"{subject} {wanted}", side="match")
        return attrs.evolve(edge, condition=value.truth if side == "if" else f"!{value.truth}", subject=subject, side=side)

    def _parts(self, ancestors: dict[str, frozenset[str]]) -> Parts:
        calls: dict[str, str] = {}
        conditions: dict[str, str] = {}
        docs: dict[str, str] = {}
        for action in self.actions.values():
            scope, data, pointer = self._scope(ancestors[action.id]), action.data, action.pointer
            inputs = self._object(data["inputs"], f"{pointer}/inputs", (), None) if "inputs" in data else {}
            docs[action.id] = _doc(self._text(data, pointer, "name"), self._text(data, pointer, "description"))
            if action.kind == _IF:
                place = f"{pointer}/inputs/condition" if "condition" in inputs else pointer
                if not is_object(inputs.get("condition")):
                    self._wrong(
                        place, "`builtin:if` takes a condition", "it is an object of json-logic", 'write {"==": [a, b]}'
                    )
                conditions[action.id] = scope.logic(inputs.get("condition"), place).truth
                continue
            arguments: list[str] = []
            for name, value in inputs.items():
                inner = pointer_step(f"{pointer}/inputs", name)
                if not check_input_name(name):
                    self._wrong(
                        inner,
                        f"`{shown(name)}` is no name of an argument",
                        "names consist of a-z, A-Z, 0-9 and _",
                        "rename it",
                    )
                arguments.append(f"{name}: {scope.value(value, inner).text}")
            calls[action.id] = f"{self.names[action.id]} = {action.kind}({', '.join(arguments)})"
        return Parts(calls, conditions, self.names, docs)

    def _note_differences(self, graph: KitGraph, order: list[str]) -> None:
        gates = graph.gates(order)
        for edge in graph.edges:
            if not edge.condition and gates[edge.source] & gates[edge.target] and self.actions[edge.source].kind != _IF:
                names = f"`{shown(edge.source)}` → `{shown(edge.target)}`"
                self._add(
                    "N601", f"workflow-kit would still run `{shown(edge.target)}`", edge.pointer, f"{names}: workflow-kit does not propagate pruning",
                    "dagflow prunes it if the condition is false; no action is needed if that is intended",
                )  # fmt: skip
        for action in self.actions.values():
            sources = [edge.source for edge in graph.into[action.id]]
            if len(sources) > 1:
                named = ", ".join(f"`{shown(source)}`" for source in sources)
                self._add(
                    "N602", f"workflow-kit does not wait for all of {named}", action.pointer, "it runs after the first of them",
                    "dagflow runs it after all of them have settled; no action is needed if that is intended",
                )  # fmt: skip

    # ---- JSON

    def _object(self, value: object, pointer: str, needed: tuple[str, ...], others: tuple[str, ...] | None) -> _Object:
        """The object, with its keys checked (any, if `others` is None); empty if it is none."""
        if not is_object(value):
            self._wrong(pointer, "an object is expected here", f"this is {kind_of(value)}", "write { … }")
            return {}
        for key in needed:
            if key not in value:
                self._wrong(pointer, f'"{key}" is missing', f'this object needs "{key}"', f'add "{key}": …')
        for key in value:
            if others is not None and key not in needed and key not in others:
                inner = pointer_step(pointer, key)
                meant = nearest(key, [name for name in (*needed, *others) if name not in value])
                hint = f'did you mean "{meant}"?' if meant else f"the keys here are {', '.join((*needed, *others))}"
                self._at(
                    "E111", f"unknown key `{shown(key)}`", inner, self.located.key_spans[inner], "nothing has this name", hint
                )
        return value

    def _list(self, values: _Object, pointer: str, key: str) -> list[object]:
        value = values.get(key, [])
        if is_list(value):
            return value
        self._wrong(f"{pointer}/{key}", f"`{key}` is a list", f"this is {kind_of(value)}", "write [ … ]")
        return []

    def _text(self, values: _Object, pointer: str, key: str) -> str:
        value = values.get(key, "")
        if isinstance(value, str) and (value or key not in values or key in {"name", "description"}):
            return value
        what = "it is empty" if value == "" else f"this is {kind_of(value)}"
        self._wrong(f"{pointer}/{key}", f"`{key}` is a text", what, "write something in double quotes")
        return ""

    def _wrong(self, pointer: str, title: str, label: str, hint: str) -> None:
        self._add("E111", title, pointer, label, hint)

    def _add(self, code: str, title: str, pointer: str, label: str, hint: str) -> None:
        self._at(code, title, pointer, self.located.spans[pointer], label, hint)

    def _at(self, code: str, title: str, pointer: str, span: Span, label: str, hint: str) -> None:
        self.found.append(
            Diagnostic(code=code, title=title, span=span, label=label, help=hint, file=self.filename, pointer=pointer)
        )


def _doc(title: str, description: str) -> str:
    words = [" ".join(text.split()) for text in (title, description)]
    return "".join(f"/// {text}\n" for text in words if text)
