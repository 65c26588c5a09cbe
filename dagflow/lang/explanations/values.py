"""Pages about values that may be absent, results, constants and settings: codes 308 and 314 to 318; warnings 3xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E308 a step is read that may not have run
Behind a condition a step runs in some runs and not in others; where it did not run, there is no
value. The same holds for a step whose `when` was false, whose `on error` ran, or that lost a race.
Give a default with `.?` and `??`, move the reading step into the condition, or ask with
`hasValue()` first.
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
A flow that declares `-> T` promises a result, so every way through it ends in `return` or `fail`. A
`filter` ends the flow where its condition is false, and `stop` ends it too. Return on every way, or
promise less: `-> T?`. A flow that declares no result cannot return one.
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
Settings, retries, time limits and defaults of fields are needed before there is a run, so they
cannot read anything of it. Write a literal. A step can wait for a length that is computed:
`wait` takes any `duration`.
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
A modifier has to mean something where it stands: a `wait` cannot fail, so there is nothing to
retry. What would have no effect is refused instead of ignored. The same code is given for values
out of range: 1 to 19 retries, a first pause that is not longer than the last, a `timeout` of at
most 366 days.
--- wrong
flow pause {
  wait 2d retry 3
}
--- right
flow pause {
  wait 2d
}

# E317 a setting or modifier is given twice
Of two `timeout`s of one step, or of one flow, only one could hold, and which one would be a guess.
Remove one. Triggers are different: a flow may have several `on` lines.
--- wrong
flow greet {
  log(message: "hello") timeout 3s timeout 4s
}
--- right
flow greet {
  log(message: "hello") timeout 4s
}

# E318 triggers give different inputs
Without parameters, what the trigger brings is the input of the flow, so all triggers have to bring
the same under the same name. Otherwise the steps could not know what they read. Give the flow
parameters, and each trigger a `with (…)` that fills them.
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

# E319 a word stands on the wrong side of a loop
The body of a `for` runs once for each item, and its items know nothing of each other. So none of
them can end the run with `return` or `stop`: write `filter` to end the item, `fail` to end it with
an error, `yield` to give it a value. Outside of a loop there is no item, so there is no `yield`.
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
What a loop yields is read as one list, so every `yield` in it gives a value of the same type. Where
one of two ways has nothing to say, let it yield nothing: such items are left out of the list.
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

# W302 a condition is always the same
Given the types of what it reads and the conditions around it, the condition comes to the same in
every run, so it decides nothing: a number above 5 is not below 3, and a text that is "a" is not
"b". One of the two conditions is most likely not the one that was meant. The same goes for a case
that can never be chosen. Remove it, or write what is meant.
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
The first case that equals the value is taken, so a value that stands in two cases reaches only the
first. An `else` is never reached where the cases cover every value. Remove what is too much; one of
them may have been meant to be another value.
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
A value of the type `json` can be anything, so nothing that is read from it can be checked: a
misspelt field shows up only when the flow runs, as a failed step. Declare a type with the fields
that are read, those that may be missing as `T?`; others that come along are left out.
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
