"""Pages about values that may be absent, results, constants and settings: codes 308 and 314 to 318; warnings 3xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E308 a step is read that may not have run
A step under a condition does not run in every run, and a step that did not run has no value. The same
applies if its `when` was false, if its `on error` ran, or if it lost a race. Add a default with `.?`
and `??`, move the reading step under the same condition, or check `hasValue()` first. Where one of two
steps has always run, as behind `if` and `else`, no default is needed: `a.?text ?? b.?text` is certain.
--- wrong
action shop.gift(to: Email) -> {code: string} idempotent

flow thank(to: Email, is_gold: bool) {
  if is_gold {
    gift = shop.gift(to: to)
  }
  log(message: "thanks, with ${gift.code}")
}
--- right
action shop.gift(to: Email) -> {code: string} idempotent

flow thank(to: Email, is_gold: bool) {
  if is_gold {
    gift = shop.gift(to: to)
  }
  log(message: "thanks, with ${gift.?code ?? "no gift"}")
}

# E314 a flow may end without its result
A flow that declares `-> T` must end every path with `return` or `fail`. A `filter` ends the flow if
its condition is false, and `stop` also ends it. Return a value on every path, or make the result
optional: `-> T?`. A flow without a declared result cannot return one.
--- wrong
flow greet(name: string, is_new: bool) -> {text: string} {
  filter is_new
  return {"text": "hello ${name}"}
}
--- right
flow greet(name: string, is_new: bool) -> {text: string}? {
  filter is_new
  return {"text": "hello ${name}"}
}

# E315 this must be a constant
Settings, retries, time limits and field defaults are evaluated before a run exists, so they cannot
read its values. Write a literal. A `wait` accepts any `duration`, so a step can wait for a computed
duration.
--- wrong
flow greet(patience: duration) {
  timeout patience
  log(message: "hello")
}
--- right
flow greet {
  timeout 1d
  log(message: "hello")
}

# E316 a modifier does not fit
A modifier must have an effect on its step. For example, a `wait` cannot fail, so it cannot be retried.
dagflow rejects a modifier without effect instead of ignoring it. This code also reports values out of
range: retries must be 1 to 19, the first pause must not exceed the last one, and a `timeout` must not
exceed 366 days.
--- wrong
flow pause {
  wait 2d retry 3
}
--- right
flow pause {
  wait 2d
}

# E317 a setting or modifier is given twice
A step or a flow can have only one `timeout`, and only one of each other setting or modifier. Remove
the duplicate. Triggers are an exception, because a flow may have several `on` lines.
--- wrong
flow greet {
  log(message: "hello") timeout 3s timeout 4s
}
--- right
flow greet {
  log(message: "hello") timeout 4s
}

# E318 triggers give different inputs
Without parameters, the payload of the trigger is the input of the flow, so all triggers must have the
same payload under the same name. Declare parameters, and add a `with (…)` that sets them to each
trigger.
--- wrong
event "crm/lead.created" { name: string }
event "shop/order.placed" { customer: string }

flow greet {
  on event "crm/lead.created" as e
  on event "shop/order.placed" as o
  log(message: "hello")
}
--- right
event "crm/lead.created" { name: string }
event "shop/order.placed" { customer: string }

flow greet(name: string) {
  on event "crm/lead.created" as e with (name: e.name)
  on event "shop/order.placed" as o with (name: o.customer)
  log(message: "hello ${name}")
}

# E319 a statement is on the wrong side of a loop
The body of a `for` runs once per item, independently of the other items. So an item cannot end the
run with `return` or `stop`. Write `filter` to end the item, `fail` to end it with an error, or `yield`
to set its value. `yield` is not allowed outside of a loop.
--- wrong
flow tell(names: list<string>) {
  for name in names max 100 {
    if name == "" { stop "a name is missing" }
    log(message: name)
  }
}
--- right
flow tell(names: list<string>) {
  for name in names max 100 {
    filter name != ""
    log(message: name)
  }
}

# E320 the yields of a loop differ
The values of a loop form one list, so every `yield` in it must have the same type. An item without a
value does not need a `yield`; the list omits it.
--- wrong
flow measure(names: list<string>) {
  sizes = for name in names max 100 {
    if name != "" { yield size(name) } else { yield "none" }
  }
  log(message: "${size(sizes)}")
}
--- right
flow measure(names: list<string>) {
  sizes = for name in names max 100 {
    if name != "" { yield size(name) } else { yield 0 }
  }
  log(message: "${size(sizes)}")
}

# E322 a setting has no effect beside another one
Each setting must be able to hold back or drop a request. `singleton` lets one run of its key at a time
be under way, so a `concurrency` of the same key never has anything to hold back. It also governs the
runs of schedules, so these have no `overlap` of their own. `once` without
`within` lets one run of its key begin, ever, so another limit of the same key never matters. Remove
one of the two, or give them different keys.
--- wrong
flow sync(account: string, document: string) {
  singleton by account queue
  concurrency 3 by account
  log(message: "${account}: ${document}")
}
--- right
flow sync(account: string, document: string) {
  singleton by document queue
  concurrency 3 by account
  log(message: "${account}: ${document}")
}

# W302 a condition is always the same
Given the types of its values and the enclosing conditions, the condition has the same result in every
run. For example, a number above 5 is not below 3. One of the two conditions is probably wrong. The
same applies to a case that can never be chosen. Remove the condition, or correct it.
--- wrong
flow greet(score: int) {
  filter score > 5
  if score < 3 {
    log(message: "few points")
  }
}
--- right
flow greet(score: int) {
  if score < 3 {
    log(message: "few points")
  }
}

# W303 a case can never be taken
A `switch` takes the first matching case, so a duplicate value reaches only its first case. An `else`
is unreachable if the cases cover every value. Remove the duplicate, or correct its value.
--- wrong
flow gift(tier: "standard" | "gold", to: Email) {
  switch tier {
    case "gold", "gold" { email(template: "gift", to: to) }
    case "standard" { }
  }
}
--- right
flow gift(tier: "standard" | "gold", to: Email) {
  switch tier {
    case "gold" { email(template: "gift", to: to) }
    case "standard" { }
  }
}

# W304 a payload without a type is read
A value of type `json` can be anything, so the compiler cannot check its fields. A misspelt field
appears only at run time, as a failed step. Declare a type with the fields that you read, and use `T?`
for optional ones; dagflow drops undeclared fields.
--- wrong
flow greet(payload: json) {
  log(message: "hello ${string(payload.user)}")
}
--- right
type Payload { user: string }

flow greet(payload: Payload) {
  log(message: "hello ${payload.user}")
}
"""
