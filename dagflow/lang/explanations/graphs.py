"""Pages about the order of steps and their dependencies: codes 4xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E401 steps wait for each other in a cycle
Each of these steps waits for the next, through `after`, a value or its position, and the last one waits
for the first. None of them could start. The label shows the cycle. Remove one of the `after`, or move
a step.
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
A step in the body of a `for` runs once per item, so a step outside the loop cannot wait for it; wait
for the loop by its name. A step inside the loop cannot wait for one outside, because all items start
with the loop, after the statements above it.
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
The join requires more than can happen. Either it requires more steps or branches than it has, or steps
of two branches of which only one runs. `after a, b` requires all steps to succeed, `after any(a, b)`
requires one, and `after settled(a, b)` only waits until all have settled.
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
dagflow computes the arguments of an `undo` when its step succeeds. They may read the input, the step
itself, and steps that have certainly succeeded before it. To use a later value, put the `undo` on the
later step; for a value that may be absent, add a default.
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
The conditions of this step exclude those of the steps that it waits for, so every run would prune it.
`after` changes the order of steps, but not their conditions. Remove the step, or move it under
matching conditions.
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
An item has one value, so every path through the body of a loop may reach at most one `yield`. Put two
of them in different arms of an `if` or a `switch`. An error handler does not exclude the block that it
handles, because a step after the `yield` may fail. In that case, yield once at the end.
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

# W401 a filter has no effect
A `filter` guards the rest of its block, but nothing follows this one. It does not affect the steps
above it. Move it above the steps that it should guard, or remove it.
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
The second step does not use the first, and both call `pure` or `idempotent` actions, so their order
rarely matters and the second one waits unnecessarily. Put both in `parallel { }`. If the order does
matter, declare it with `after`.
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
`stop` and `return` end the whole run. Inside `parallel`, this cancels the running steps of the other
branches. To end only one branch, put it in `do { }` and use `filter`.
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
A join counts each step once, even if it is named twice. In `after 2 of (a, a, b)` this makes the
number misleading. Remove the duplicate, or name the intended step.
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
The statements above it always end the run, with `return`, `stop` or `fail`, so this statement and the
following ones never run. Remove it, or put the end under a condition.
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
`timeout` and `retry` apply to the step above them, or to the flow if they come before its first step.
This one is on its own line without indentation, so it looks like a setting of the flow. If it belongs
to the step, indent it, as `dagflow fmt` does. If it belongs to the flow, move it above the first step.
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
