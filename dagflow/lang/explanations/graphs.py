"""Pages about the order of steps and what they wait for: codes 4xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E401 steps wait for each other in a cycle
Each of them waits for the next, by `after`, by reading its value or by its place, and the last one
waits for the first. None could ever begin. The label names the circle: drop one of the `after`, or
move a step.
--- wrong
flow tell {
  a = slack(channel: "C1", text: "one") after b
  b = slack(channel: "C1", text: "two") after a
}
--- right
flow tell {
  a = slack(channel: "C1", text: "one")
  b = slack(channel: "C1", text: "two") after a
}

# E402 a step waits across the border of a loop
A step in the body of a `for` runs once for each item, so nothing outside can wait for "it": wait
for the loop, by its name. And a step inside cannot wait for one outside: all items begin when the
loop does, which is behind the statements above it.
--- wrong
flow greet(people: list<Email>) {
  greetings = for person in people max 100 {
    greeting = email(template: "greeting", to: person)
  }
  log(message: "all greeted") after greeting
}
--- right
flow greet(people: list<Email>) {
  greetings = for person in people max 100 {
    greeting = email(template: "greeting", to: person)
  }
  log(message: "all greeted") after greetings
}

# E404 a join can never be satisfied
`after` wants more than can come true: more steps than are named, or steps of two branches of which
only one is taken; or `parallel first` wants more branches than it has. `after a, b` needs all to succeed; `after any(a, b)` needs one, and
`after settled(a, b)` only waits until all are over.
--- wrong
flow tell(is_big: bool) {
  if is_big {
    a = slack(channel: "C1", text: "big")
  } else {
    b = slack(channel: "C1", text: "small")
  }
  log(message: "told") after a, b
}
--- right
flow tell(is_big: bool) {
  if is_big {
    a = slack(channel: "C1", text: "big")
  } else {
    b = slack(channel: "C1", text: "small")
  }
  log(message: "told") after any(a, b)
}

# E405 an undo reads a step that may not exist
What an `undo` is called with is settled when its step is done, so that it can be called whatever
happens later. It may read the input, its own step, and steps that are certain to be done before
that. Read what comes later in an `undo` of the later step, or give a value where one may be absent.
--- wrong
action pay.charge(amount: double) -> {id: string} idempotent
action pay.refund(charge: string, label: string) idempotent

flow sell(amount: double) {
  charge = pay.charge(amount: amount) undo pay.refund(charge: charge.id, label: label.ts)
  label = slack(channel: "C1", text: "charged ${charge.id}")
}
--- right
action pay.charge(amount: double) -> {id: string} idempotent
action pay.refund(charge: string) idempotent

flow sell(amount: double) {
  charge = pay.charge(amount: amount) undo pay.refund(charge: charge.id)
  label = slack(channel: "C1", text: "charged ${charge.id}")
}

# E406 a step can never run
The conditions around it and those of the steps that it waits for exclude each other, so it would
be pruned in every run. `after` changes when a step runs, never whether the conditions around it
let it run. Remove the step, or move it to where its conditions fit.
--- wrong
flow tell(is_big: bool) {
  if is_big {
    a = slack(channel: "C1", text: "big")
  } else {
    log(message: "told") after a
  }
}
--- right
flow tell(is_big: bool) {
  if is_big {
    a = slack(channel: "C1", text: "big")
    log(message: "told") after a
  }
}

# E407 an item may yield twice
An item has one value, so at most one `yield` may be reached on any way through the body of a loop.
Two of them have to exclude each other: in two arms of an `if` or a `switch`. A handler does not
exclude what it handles, because something may fail behind a `yield`: yield once, at the end.
--- wrong
flow sort(names: list<string>) {
  kinds = for name in names max 100 {
    if name == "" { yield "empty" }
    yield "full"
  }
  log(message: "${size(kinds)}")
}
--- right
flow sort(names: list<string>) {
  kinds = for name in names max 100 {
    if name == "" { yield "empty" } else { yield "full" }
  }
  log(message: "${size(kinds)}")
}

# W401 a filter guards nothing
A `filter` lets the rest of its block run, and here the block has no rest. It does not act on the
steps above it. Move it above the steps it should guard, or remove it.
--- wrong
flow greet(to: Email, is_new: bool) {
  email(template: "greeting", to: to)
  filter is_new
}
--- right
flow greet(to: Email, is_new: bool) {
  filter is_new
  email(template: "greeting", to: to)
}

# W402 steps could run in parallel
Two steps follow each other, the second does not use the first, and both call actions that are
`pure` or `idempotent`, so their order can hardly matter. The second waits for nothing. Put both into
`parallel { }`; if the order does matter, say so with `after`.
--- wrong
action pay.charge(order: string) -> {id: string} idempotent
action risk.score(order: string) -> {score: double} idempotent

flow check(order: string) {
  charge = pay.charge(order: order)
  risk = risk.score(order: order)
  log(message: "${charge.id} ${risk.score}")
}
--- right
action pay.charge(order: string) -> {id: string} idempotent
action risk.score(order: string) -> {score: double} idempotent

flow check(order: string) {
  parallel {
    charge = pay.charge(order: order)
    risk = risk.score(order: order)
  }
  log(message: "${charge.id} ${risk.score}")
}

# W403 an end inside of `parallel` cancels the other branches
`stop` and `return` end the whole run. Inside of `parallel` that cancels what the other branches are
doing, perhaps halfway. To end only one branch, put it into `do { }` and use `filter`.
--- wrong
flow tell(to: Email, is_vip: bool) {
  parallel {
    email(template: "greeting", to: to)
    if is_vip {
      stop "we call them"
    }
  }
}
--- right
flow tell(to: Email, is_vip: bool) {
  parallel {
    email(template: "greeting", to: to)
    do {
      filter is_vip
      slack(channel: "C1", text: "call them")
    }
  }
}

# W404 a step is named twice
A join counts each step once, however often it is named. In `after 2 of (a, a, b)` that would make
the number mean something else than it seems to. Remove one, or name the step that is meant.
--- wrong
flow tell {
  a = slack(channel: "C1", text: "one")
  log(message: "told") after a, a
}
--- right
flow tell {
  a = slack(channel: "C1", text: "one")
  log(message: "told") after a
}

# W405 a statement can never run
The statements above it end the run in every case, with `return`, `stop` or `fail`, so this one and
what follows it never run. Remove it, or put the end into the condition it was meant for.
--- wrong
flow greet(to: Email, is_new: bool) {
  stop "not yet"
  email(template: "greeting", to: to)
}
--- right
flow greet(to: Email, is_new: bool) {
  if !is_new {
    stop "not yet"
  }
  email(template: "greeting", to: to)
}

# W406 a modifier looks like a setting
`timeout` and `retry` belong to the step above them, or, before the first step, to the flow. Here one
stands on a line of its own, no deeper than the step, so that a reader may take it for a setting of
the flow. If it is meant for that step, indent it, as `dagflow fmt` does. If it is meant for the flow,
move it above the first step.
--- wrong
flow greet(to: Email) {
  email(template: "greeting", to: to)
  timeout 1m
}
--- right
flow greet(to: Email) {
  timeout 1d
  email(template: "greeting", to: to)
    timeout 1m
}
"""
