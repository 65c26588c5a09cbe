"""Pages about types of values: codes 301 to 307 and 309 to 312."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E301 a value has no such field
Records have the fields of their type and no others; texts and numbers have none. Every field that a
flow reads is checked before the flow runs, so a misspelt one is found here and not by a customer.
The message lists the fields there are.
--- wrong
type Lead { name: string, status: string }

flow greet(lead: Lead) {
  filter lead.statsu == "new"
  log(message: "hello ${lead.name}")
}
--- right
type Lead { name: string, status: string }

flow greet(lead: Lead) {
  filter lead.status == "new"
  log(message: "hello ${lead.name}")
}

# E302 a comparison can never be true
The value is one of a closed set of texts, and it is compared with a text that is not in the set.
The comparison would be false in every run, so the steps behind it would never run. Write one of the
values of the set, or add the value to the type.
--- wrong
type Lead { name: string, status: "new" | "won" | "lost" }

flow greet(lead: Lead) {
  filter lead.status == "nwe"
  log(message: "hello ${lead.name}")
}
--- right
type Lead { name: string, status: "new" | "won" | "lost" }

flow greet(lead: Lead) {
  filter lead.status == "new"
  log(message: "hello ${lead.name}")
}

# E303 two values cannot be compared
They are of types that have nothing in common, so the answer would say nothing: an instant is not a
length of time, a number is not a text. Numbers compare with each other whatever their types. To ask
how long ago something was, subtract first.
--- wrong
flow check(created: timestamp) {
  filter created > 2d
  log(message: "old")
}
--- right
flow check(created: timestamp) {
  filter now - created > 2d
  log(message: "old")
}

# E305 an argument is missing
An action needs a value for each parameter that has no default and is not of a type `T?`; so do
`emit` for the fields of its event, and `with (…)` of a trigger for the parameters of the flow. The
message names what is missing and its type, and values of that type that are at hand.
--- wrong
flow greet(to: Email) {
  email(template: "greeting")
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E306 there is no such argument
An action takes the arguments that it declares, each once. An unknown one is never ignored, because
it would mean something to whoever wrote it. `dagflow actions` shows what each action takes.
--- wrong
flow greet(to: Email) {
  email(template: "greeting", recipient: to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E307 a value is of the wrong type
An argument, a field, a condition, a length of time or a result wants another type than it gets. A
whole number that is written out may stand where a `double` is wanted; nothing else is converted
unasked, since a conversion can fail or lose something. Convert it: `double(n)`, `string(n)`,
`Email(text)`.
--- wrong
action pay.charge(amount: double) idempotent

flow charge(cents: int) {
  pay.charge(amount: cents)
}
--- right
action pay.charge(amount: double) idempotent

flow charge(cents: int) {
  pay.charge(amount: double(cents) / 100.0)
}

# E309 an operator does not take these types
Each operator takes certain types: `+` adds numbers, or joins texts or lists, or moves an instant by
a length of time. A text and a number have no sum. Put the value into the text with `${…}`, or
convert one of the two.
--- wrong
flow count(n: int) {
  log(message: "orders: " + n)
}
--- right
flow count(n: int) {
  log(message: "orders: ${n}")
}

# E310 numbers of different types meet in one operation
`int`, `uint` and `double` are not mixed in arithmetic, because a silent conversion can lose digits.
Say which one is meant: `double(n) * price`. Comparing them is fine: `n < 1.5` compares the values.
--- wrong
flow total(count: int, price: double) {
  let sum = count * price
  log(message: "${sum}")
}
--- right
flow total(count: int, price: double) {
  let sum = double(count) * price
  log(message: "${sum}")
}

# E311 a `switch` does not cover every value
Over a closed set of texts, or a `bool`, every value needs a case, or there is an `else`. So a value
that is added to the type later is not forgotten: each `switch` that has no answer for it is shown.
Add the case, empty if there is nothing to do.
--- wrong
type Tier = "standard" | "silver" | "gold"

flow gift(tier: Tier, to: Email) {
  switch tier {
    case "gold" { email(template: "gift", to: to) }
    case "standard" { }
  }
}
--- right
type Tier = "standard" | "silver" | "gold"

flow gift(tier: Tier, to: Email) {
  switch tier {
    case "gold" { email(template: "gift", to: to) }
    case "silver", "standard" { }
  }
}

# E312 a value may be missing
The value is of a type `T?`: it is a `T`, or nothing; a plain `T` is needed here. Give a default with
`??`, or ask first: behind `filter a.hasValue()`, and inside of `if a.hasValue() { }`, it is
certain.
--- wrong
type Lead { owner: Email? }

flow tell(lead: Lead) {
  email(template: "news", to: lead.owner)
}
--- right
type Lead { owner: Email? }

flow tell(lead: Lead) {
  email(template: "news", to: lead.owner ?? "sales@example.com")
}
"""
