"""Pages about types of values: codes 301 to 307 and 309 to 312."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E301 a value has no such field
A record has only the fields of its type; strings and numbers have none. The compiler checks every
field that a flow reads, so it finds a misspelt name before the flow runs. The message lists the
existing fields.
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
The value has an enum type, and the flow compares it with a text that is not one of its values. The
comparison would be false in every run, so the steps after it would never run. Use a value of the
enum, or add the value to the type.
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
The types of the two values are unrelated, so the comparison would be meaningless. For example, a
timestamp is not a duration, and a number is not a string. Numbers of any type can be compared. To
compare an age, subtract first.
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
A call must pass each parameter that has no default and no optional type `T?`. The same applies to the
fields of an `emit`, and to the flow parameters in the `with (…)` of a trigger. The message names the
missing argument, its type, and available values of that type.
--- wrong
flow greet(to: Email) {
  email(template: "greeting")
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E306 an unknown argument
An action accepts only its declared arguments, each once. The compiler does not ignore unknown
arguments, because they are usually mistakes. `dagflow actions` lists the arguments of each action.
--- wrong
flow greet(to: Email) {
  email(template: "greeting", recipient: to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E307 a value is of the wrong type
An argument, field, condition, duration or result has a different type than expected. An integer
literal is accepted for a `double`. dagflow makes no other implicit conversions, because they can fail
or lose digits. Convert the value explicitly with `double(n)`, `string(n)` or `Email(text)`.
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
Each operator accepts certain types. For example, `+` adds numbers, concatenates strings or lists, and
adds a duration to a timestamp, but cannot add a string and a number. Insert the value into the string
with `${…}`, or convert one of the two.
--- wrong
flow count(n: int) {
  log(message: "orders: " + n)
}
--- right
flow count(n: int) {
  log(message: "orders: ${n}")
}

# E310 numbers of different types meet in one operation
Arithmetic cannot mix `int`, `uint` and `double`, because an implicit conversion can lose digits.
Convert explicitly: `double(n) * price`. Comparisons may mix them: `n < 1.5` compares the values.
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
A `switch` over an enum or a `bool` must have a case for every value, or an `else`. So if you add a
value to the type later, the compiler reports each `switch` that does not handle it. Add the missing
case; it may be empty.
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

# E312 a value may be absent
The value has an optional type `T?`, but this place requires a `T`. Add a default with `??`, or check
first: the value is present after `filter a.hasValue()` and inside `if a.hasValue() { }`.
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
