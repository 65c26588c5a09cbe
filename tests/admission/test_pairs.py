"""What each pair of settings means together; docs/service.md has the table."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import cast

import attrs

from dagflow.admission import events
from dagflow.admission.commands import Begin, Cancel, Drop, Supersede
from dagflow.admission.machine import PRIORITY_NS, Admission
from dagflow.admission.requests import Keys, Request
from dagflow.model.expression import Expression
from dagflow.model.policies import Concurrency, Debounce, Once, Policies, Rate, Singleton, Throttle, WhileBusy

SECOND = 10**9
ONCE = Once(key=cast("Expression", None), within_ns=1000 * SECOND)
DEBOUNCE = Debounce(quiet_ns=10 * SECOND, max_ns=60 * SECOND)
ONE_AT_A_TIME = Concurrency(limit=1)


#: In the order in which a request passes them.
WORDS = ("once", "rate", "debounce", "singleton", "throttle", "concurrency", "priority")
PAGE = Path(__file__).parents[2] / "docs" / "service.md"


def rate(limit: int = 1) -> Rate:
    return Rate(limit=limit, period_ns=100 * SECOND)


THROTTLE = Throttle(limit=1, period_ns=100 * SECOND)
SKIP, QUEUE, REPLACE = (Singleton(busy=busy) for busy in WhileBusy)


@attrs.define
class Flow:
    """A machine and what it has said: `a!` for a begin, `a-once` for a drop, `a>b` where b took its place, `a~` for a cancellation."""

    policies: Policies
    said: list[str] = attrs.field(factory=list)
    machine: Admission = attrs.field(init=False)
    now: int = SECOND

    def __attrs_post_init__(self) -> None:
        self.machine = Admission(self.policies)

    def ask(self, *ids: str, key: str = "", single: str = "", priority: float = 0) -> Flow:
        for id_ in ids:
            keys = Keys(once=key or id_, singleton=single)
            self.take(events.Arrived(self.now, Request(id=id_, at=self.now, keys=keys, priority=priority)))
        return self

    def end(self, id_: str) -> Flow:
        return self.take(events.RunEnded(self.now, id_))

    def pause(self) -> Flow:
        return self.take(events.Paused(self.now))

    def resume(self) -> Flow:
        return self.take(events.Resumed(self.now))

    def wait(self, seconds: int) -> Flow:
        until = self.now + seconds * SECOND
        while (due := self.machine.next_due) is not None and due <= until:
            self.now = due
            self.take(events.Ticked(due))
        self.now = until
        return self

    def take(self, event: events.Event) -> Flow:
        for command in self.machine.handle(event):
            match command:
                case Begin(id_):
                    self.said.append(f"{id_}!")
                case Drop(id_, reason):
                    self.said.append(f"{id_}-{reason}")
                case Supersede(id_, by):
                    self.said.append(f"{id_}>{by}")
                case Cancel(id_):
                    self.said.append(f"{id_}~")
                case _:
                    pass
        return self

    def __str__(self) -> str:
        said, self.said = self.said, []
        return " ".join(said)


def test_once_and_debounce() -> None:
    """Merged requests count as one, and what begins while the pause lasts is dropped at its end."""
    flow = Flow(Policies(once=ONCE, debounce=DEBOUNCE)).ask("a", "b", key="k")
    assert str(flow) == "a>b"
    assert str(flow.wait(10)) == "b!"
    assert str(flow.ask("c", key="k")) == "c-once"


def test_once_and_rate() -> None:
    """What the rate drops claims nothing, and what `once` drops does not count."""
    flow = Flow(Policies(once=ONCE, rate=rate(2))).ask("a", "b", key="k").ask("c", key="l").ask("d", key="m")
    assert str(flow) == "a! b-once c! d-rate"
    flow = Flow(Policies(once=ONCE, rate=rate())).ask("a", key="k").ask("b", key="l")
    assert str(flow) == "a! b-rate"
    assert str(flow.wait(100).ask("c", key="l").ask("d", key="l")) == "c! d-once"


def test_once_and_throttle() -> None:
    flow = Flow(Policies(once=ONCE, throttle=THROTTLE)).ask("a", key="k").ask("b", "c", key="l")
    assert str(flow) == "a! c-once"
    assert str(flow.wait(100)) == "b!"


def test_once_and_concurrency() -> None:
    flow = Flow(Policies(once=ONCE, concurrency=ONE_AT_A_TIME)).ask("a", key="k").ask("b", "c", key="l")
    assert str(flow) == "a! c-once"
    assert str(flow.end("a")) == "b!"


def test_rate_and_debounce() -> None:
    """Requests count that are merged later, and what the rate drops does not lengthen the pause."""
    flow = Flow(Policies(debounce=DEBOUNCE, rate=rate(2))).ask("a").wait(5).ask("b").wait(9).ask("c")
    assert str(flow) == "a>b c-rate"
    assert str(flow.wait(1)) == "b!"
    assert str(flow.wait(85).ask("d").wait(10)) == "d!"


def test_singleton_alone() -> None:
    """Of each key one run at a time."""
    flow = Flow(Policies(singleton=SKIP)).ask("a", "b", single="k").ask("c", single="l")
    assert str(flow) == "a! b-singleton c!"
    assert str(flow.end("a").ask("d", single="k")) == "d!"
    flow = Flow(Policies(singleton=QUEUE)).ask("a", "b", "c", single="k").ask("d", single="l")
    assert str(flow) == "a! b>c d!"
    assert str(flow.end("a")) == "c!"
    flow = Flow(Policies(singleton=REPLACE)).ask("a", "b", "c", single="k").ask("d", single="l")
    assert str(flow) == "a! a~ b>c d!"
    assert (str(flow.end("a")), str(flow.ask("e", single="k"))) == ("c!", "c~")


def test_singleton_and_a_paused_flow() -> None:
    """What a pause holds back is in the way as well; `replace` cancels at once, since the run is out of date."""
    flow = Flow(Policies(singleton=SKIP)).pause().ask("a", "b")
    assert str(flow.resume()) == "b-singleton a!"
    flow = Flow(Policies(singleton=QUEUE)).pause().ask("a", "b")
    assert str(flow.resume()) == "a>b b!"
    flow = Flow(Policies(singleton=REPLACE)).ask("a").pause().ask("b")
    assert str(flow) == "a! a~"
    assert str(flow.end("a").resume()) == "b!"


def test_withdrawn_requests_make_room() -> None:
    flow = Flow(Policies(singleton=QUEUE)).ask("a", "b")
    flow.take(events.Withdrawn(flow.now, "b"))
    assert str(flow) == "a! b-cancelled"
    assert str(flow.ask("c").end("a")) == "c!"
    flow = Flow(Policies(singleton=SKIP)).pause().ask("a")
    flow.take(events.Withdrawn(flow.now, "a"))
    assert str(flow.ask("b").resume()) == "a-cancelled b!"


def test_once_and_singleton() -> None:
    """A skipped request claims nothing; one that another takes the place of has claimed its key."""
    flow = Flow(Policies(once=ONCE, singleton=SKIP)).ask("a", key="k").ask("b", key="l")
    assert str(flow.end("a").ask("c", key="l")) == "a! b-singleton c!"
    flow = Flow(Policies(once=ONCE, singleton=QUEUE)).ask("a", key="k").ask("b", key="l").ask("c", key="m").ask("d", key="l")
    assert str(flow.end("a")) == "a! b>c d-once c!"


def test_rate_and_singleton() -> None:
    """Requests count that `singleton` drops."""
    flow = Flow(Policies(rate=rate(2), singleton=SKIP)).ask("a", "b").end("a").ask("c")
    assert str(flow) == "a! b-singleton c-rate"
    flow = Flow(Policies(rate=rate(2), singleton=REPLACE)).ask("a", "b", "c")
    assert str(flow) == "a! a~ c-rate"


def test_debounce_and_singleton() -> None:
    """What the pause holds is not yet in the way; it meets the run when it leaves the pause."""
    flow = Flow(Policies(debounce=DEBOUNCE, singleton=SKIP)).ask("a").wait(10).ask("b").wait(5).end("a").wait(5)
    assert str(flow) == "a! b!"
    assert str(flow.ask("c").wait(10)) == "c-singleton"
    flow = Flow(Policies(debounce=DEBOUNCE, singleton=REPLACE)).ask("a").wait(10).ask("b", "c").wait(9)
    assert str(flow) == "a! b>c"
    assert str(flow.wait(1)) == "a~"


def test_singleton_and_throttle() -> None:
    """A request that waits for `throttle` is in the way; `replace` cancels at once, whenever the next run may begin."""
    flow = Flow(Policies(singleton=SKIP, throttle=THROTTLE)).ask("a").end("a").ask("b", "c")
    assert str(flow.wait(100)) == "a! c-singleton b!"
    flow = Flow(Policies(singleton=QUEUE, throttle=THROTTLE)).ask("a").end("a").ask("b", "c")
    assert str(flow.wait(100)) == "a! b>c c!"
    flow = Flow(Policies(singleton=REPLACE, throttle=THROTTLE)).ask("a", "b").end("a")
    assert str(flow.wait(99)) == "a! a~"
    assert str(flow.wait(1)) == "b!"


def test_singleton_and_concurrency() -> None:
    """A request that waits for a run of its key takes no place in the queue, so those of other keys pass it."""
    flow = Flow(Policies(singleton=QUEUE, concurrency=Concurrency(limit=2))).ask("a", "b", single="k").ask("c", "d", single="l")
    assert str(flow) == "a! c!"
    assert (str(flow.ask("e", single="m").end("a")), str(flow.end("c")), str(flow.end("b"))) == ("b!", "d!", "e!")


def test_debounce_and_throttle() -> None:
    flow = Flow(Policies(debounce=DEBOUNCE, throttle=THROTTLE)).ask("a").wait(10).ask("b").wait(10).ask("c").wait(10)
    assert str(flow) == "a!"
    assert str(flow.wait(200)) == "b! c!"


def test_debounce_and_concurrency() -> None:
    flow = Flow(Policies(debounce=DEBOUNCE, concurrency=ONE_AT_A_TIME)).ask("a").wait(10).ask("b").wait(10).ask("c").wait(10)
    assert str(flow) == "a!"
    assert (str(flow.end("a")), str(flow.end("b"))) == ("b!", "c!")


def test_rate_and_throttle() -> None:
    """The rate counts requests that still wait; the throttle spreads those that it accepted."""
    flow = Flow(Policies(rate=rate(2), throttle=THROTTLE)).ask("a", "b", "c")
    assert str(flow) == "a! c-rate"
    assert str(flow.wait(100)) == "b!"
    assert str(flow.ask("d", "e", "f").wait(100)) == "f-rate d!"


def test_rate_and_concurrency() -> None:
    """Requests count when they are accepted, so a run that begins late takes no place of the present."""
    flow = Flow(Policies(rate=rate(2), concurrency=ONE_AT_A_TIME)).ask("a", "b", "c")
    assert str(flow) == "a! c-rate"
    assert str(flow.wait(100).end("a").ask("d", "e", "f")) == "b! f-rate"
    assert (str(flow.end("b")), str(flow.end("d"))) == ("d!", "e!")


def test_throttle_and_concurrency() -> None:
    """A run begins when both have room: the end of the first is not enough, nor is the time."""
    flow = Flow(Policies(throttle=THROTTLE, concurrency=ONE_AT_A_TIME)).ask("a", "b")
    assert str(flow.end("a")) == "a!"
    assert str(flow.wait(100).ask("c").wait(100)) == "b!"
    assert str(flow.end("b")) == "c!"


def test_concurrency_and_priority() -> None:
    """A point is worth a minute, so what has waited longer than that is first all the same."""
    flow = Flow(Policies(concurrency=ONE_AT_A_TIME)).ask("a", "low").ask("high", priority=1)
    assert (str(flow.end("a")), str(flow.end("high"))) == ("a! high!", "low!")
    flow = Flow(Policies(concurrency=ONE_AT_A_TIME)).ask("a", "low")
    flow.now += PRIORITY_NS + SECOND
    assert str(flow.ask("late", priority=1).end("a")) == "a! low!"


def test_throttle_and_priority() -> None:
    flow = Flow(Policies(throttle=THROTTLE)).ask("a", "low").ask("high", priority=1)
    assert str(flow.wait(100)) == "a! high!"
    assert str(flow.wait(100)) == "low!"


def test_singleton_and_priority() -> None:
    """The later request takes the place of the earlier one, whatever their priority."""
    flow = Flow(Policies(singleton=QUEUE)).ask("a").ask("high", priority=9).ask("low").end("a")
    assert str(flow) == "a! high>low low!"
    both = Policies(singleton=QUEUE, concurrency=ONE_AT_A_TIME)
    flow = Flow(both).ask("a", single="k").ask("low", single="l").ask("high", single="m", priority=1)
    assert str(flow.end("a")) == "a! high!"


def test_once_and_priority() -> None:
    """The first one claims."""
    assert str(Flow(Policies(once=ONCE)).ask("a", key="k").ask("b", key="k", priority=9)) == "a! b-once"


def test_rate_and_priority() -> None:
    """The first ones are accepted."""
    assert str(Flow(Policies(rate=rate())).ask("a").ask("b", priority=9)) == "a! b-rate"


def test_debounce_and_priority() -> None:
    """The last one of a pause begins, with its own priority."""
    assert str(Flow(Policies(debounce=DEBOUNCE)).ask("a", priority=9).ask("b").wait(10)) == "a>b b!"


def test_requests_of_one_instant_begin_in_the_order_of_their_numbers() -> None:
    flow = Flow(Policies(concurrency=ONE_AT_A_TIME))
    for number in (9, 10, 11):
        flow.take(events.Arrived(flow.now, Request(id=f"event:{number}", at=flow.now, number=number)))
    assert str(flow.end("event:9").end("event:10")) == "event:9! event:10! event:11!"


def test_each_pair_has_a_row_and_a_test() -> None:
    pairs = list(itertools.combinations(WORDS, 2))
    assert re.findall(r"^\| `(\w+)`, `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == pairs
    assert [pair for pair in pairs if f"test_{pair[0]}_and_{pair[1]}" not in globals()] == []
