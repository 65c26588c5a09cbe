"""LANGUAGE 4.2 and 4.5 read aloud: after every fact look at every node again, by name, until nothing changes.

Slow and plain on purpose; it shares no code with the engine, not even the plan.
"""

from __future__ import annotations

from dagflow.engine import events as e
from dagflow.model.flow import EdgeKind, Flow, JoinKind, Node, NodeKind

SETTLED = {"succeeded", "failed", "pruned", "cancelled"}


class Reference:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.nodes = {node.id: node for node in flow.nodes}
        self.names = [node.id for node in flow.nodes]
        self.status = dict.fromkeys(self.nodes, "pending")
        self.reason: dict[str, str] = {}
        self.outcome: dict[str, int] = {}
        self.n_failed = dict.fromkeys(self.nodes, 0)
        self.attempts = dict.fromkeys(self.nodes, 0)
        self.first_at: dict[str, int] = {}
        self.failing_back: set[str] = set()
        self.stopping: set[str] = set()
        self.failed_scopes: set[str] = set()
        self.parents = {scope.id: scope.parent for scope in flow.scopes} | {"": None, "on_error": None}
        self.catches = {scope.id: scope.catch for scope in flow.scopes}
        self.is_over = False

    def take(self, event: e.Event) -> None:
        name = self.names[event.node] if hasattr(event, "node") else ""
        match event:
            case e.RunStarted() | e.RunEnded():
                pass
            case e.GateDecided(outcome=outcome):
                self.outcome[name] = outcome
                self.status[name] = "succeeded"
            case e.ValueComputed():
                self.status[name] = "succeeded"
                if self.nodes[name].kind in (NodeKind.RETURN, NodeKind.STOP):
                    self.end_everything()
            case e.EventEmitted() | e.AttemptSucceeded() | e.DefaultUsed():
                self.status[name] = "succeeded"
            case e.TimerSet():
                self.status[name] = "waiting"
            case e.EventArrived():
                pass
            case e.EventTaken():
                self.outcome[name] = 1
                self.status[name] = "succeeded"
            case e.TimerFired() if self.nodes[name].kind is NodeKind.WAIT_EVENT:
                self.outcome[name] = 0
                self.status[name] = "cancelled"
            case e.TimerFired():
                self.status[name] = "ready" if self.nodes[name].kind is NodeKind.ACTION else "succeeded"
            case e.AttemptStarted(at=at):
                self.status[name] = "running"
                self.attempts[name] += 1
                self.first_at.setdefault(name, at)
            case e.AttemptFailed():
                self.attempt_failed(name, event)
            case e.AttemptInterrupted():
                self.status[name] = "cancelled" if name in self.stopping else "ready"
            case e.AttemptCancelled():
                self.status[name] = "cancelled"
            case e.EvaluationFailed():
                self.fail(name)
            case e.RunCancelRequested():
                self.end_everything()
            case e.RunTimedOut():
                if not self.is_over:
                    self.take_down("on_error" if "" in self.failed_scopes else "")
        while self.look_again():
            pass

    def attempt_failed(self, name: str, event: e.AttemptFailed) -> None:
        node = self.nodes[name]
        self.n_failed[name] += 1
        interval = node.retry.initial_interval_ns
        for _ in range(self.n_failed[name] - 1):
            interval = min(interval * node.retry.backoff, node.retry.max_interval_ns)
        delay = interval if node.retry.backoff == 1 else int(interval / 2 + event.jitter * interval / 2)
        if event.retry_after_ns is not None:
            delay = event.retry_after_ns
        too_late = node.within_ns is not None and event.at + delay >= self.first_at[name] + node.within_ns
        unwanted = bool(node.retry.only) and event.code not in node.retry.only
        is_last = event.is_fatal or self.n_failed[name] == node.retry.max_attempts or too_late or unwanted
        if name in self.stopping:
            self.status[name] = "cancelled"
        elif is_last:
            self.fail(name)
        else:
            self.status[name] = "waiting"

    def fail(self, name: str) -> None:
        if self.nodes[name].default is not None and name not in self.failing_back:
            self.failing_back.add(name)
            self.status[name] = "ready"
            return
        self.status[name] = "failed"
        scope: str | None = self.nodes[name].scope
        while scope is not None and self.parents[scope] is not None and self.catches[scope] is None:
            scope = self.parents[scope]
        self.take_down(scope or "")

    def take_down(self, scope: str) -> None:
        self.failed_scopes.add(scope)
        self.stop(self.members(scope), "run ended" if self.parents[scope] is None else "block failed")

    def end_everything(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.stop(self.names, "run ended")

    def stop(self, names: list[str], reason: str) -> None:
        for name in names:
            if self.status[name] == "running":
                self.stopping.add(name)
            elif self.status[name] not in SETTLED:
                was_started = self.attempts[name] or name in self.failing_back or self.status[name] == "waiting"
                self.status[name] = "cancelled" if was_started else "pruned"
                if not was_started:
                    self.reason[name] = reason

    def stop_losers(self, decider: Node) -> None:
        race = next(race for race in self.flow.races if race.decider == decider.id)
        assert decider.join is not None
        for source, branch in zip(decider.join.sources, race.branches, strict=True):
            if self.status[source] != "succeeded":
                self.stop([name for name in self.names if name in branch], "race lost")

    def members(self, scope: str) -> list[str]:
        return [name for name in self.names if scope in self.around(self.nodes[name])]

    def around(self, node: Node) -> list[str]:
        scope: str | None = "on_error" if node.kind is NodeKind.CATCH and node.catches == "" else node.scope
        found = []
        while scope is not None:
            found.append(scope)
            scope = self.parents[scope]
        return found

    def look_again(self) -> bool:
        races_last = sorted(self.names, key=lambda name: self.nodes[name].kind is NodeKind.RACE)
        for name in races_last:
            if self.status[name] == "pending" and self.is_decided(self.nodes[name]):
                self.decide(self.nodes[name])
                return True
        return False

    def is_settled(self, name: str) -> bool:
        return self.status[name] in SETTLED

    def is_decided(self, node: Node) -> bool:
        sources = {edge.source for edge in self.flow.edges if edge.target == node.id}
        if node.join is not None and node.join.kind in (JoinKind.ANY, JoinKind.N_OF):
            gates = {node.gate.gate} if node.gate is not None else set()
            sources -= set(node.join.sources) - gates
            need = 1 if node.join.kind is JoinKind.ANY else node.join.count
            done = [s for s in node.join.sources if self.status[s] == "succeeded"]
            possible = [s for s in node.join.sources if not self.is_settled(s)]
            if len(done) < need and len(done) + len(possible) >= need:
                return False
        if node.kind is NodeKind.CATCH and not all(self.is_settled(name) for name in self.members(node.catches)):
            return False
        return all(self.is_settled(source) for source in sources)

    def decide(self, node: Node) -> None:
        if node.gate is not None and self.outcome.get(node.gate.gate) != node.gate.outcome:
            self.prune(node, "gate")
        elif not self.join_holds(node):
            self.prune(node, "join unsatisfiable")
        elif node.kind is NodeKind.GROUP:
            self.status[node.id] = "succeeded"
        elif node.kind is NodeKind.RACE:
            self.status[node.id] = "succeeded"
            self.stop_losers(node)
        elif node.kind is NodeKind.CATCH:
            self.outcome[node.id] = int(node.catches in self.failed_scopes)
            self.status[node.id] = "succeeded"
        else:
            self.status[node.id] = "ready"

    def is_left_out(self, node: Node) -> bool:
        """Whether it says of a branch that it is done, and nothing of what it stands behind has run."""
        for race in self.flow.races:
            sources = self.nodes[race.decider].join.sources  # type: ignore[union-attr]
            for source, branch in zip(sources, race.branches, strict=True):
                if source == node.id and node.kind is NodeKind.GROUP and node.join is None:
                    return not self.has_run(node, branch)
        return False

    def has_run(self, node: Node, branch: tuple[str, ...]) -> bool:
        for edge in self.flow.edges:
            if edge.target != node.id or edge.source not in branch or EdgeKind.SEQ not in edge.kinds:
                continue
            source = self.nodes[edge.source]
            if source.kind is NodeKind.GROUP and source.join is None:
                if self.has_run(source, branch):
                    return True
            elif source.kind in (NodeKind.GATE, NodeKind.CATCH) and (node.gate is None or node.gate.gate != source.id):
                continue
            elif self.status[source.id] == "succeeded":
                return True
        return False

    def join_holds(self, node: Node) -> bool:
        if self.is_left_out(node):
            return False
        if node.join is None or node.join.kind is JoinKind.SETTLED:
            return True
        done = [source for source in node.join.sources if self.status[source] == "succeeded"]
        need = {JoinKind.ALL: len(node.join.sources), JoinKind.ANY: 1}.get(node.join.kind, node.join.count)
        return len(done) >= need

    def prune(self, node: Node, reason: str) -> None:
        self.status[node.id] = "pruned"
        self.reason[node.id] = reason
