"""A hundred and twenty good flows: twelve shapes, each told of ten trades."""

from __future__ import annotations

import re
from pathlib import Path

from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface

HERE = Path(__file__).parent

#: Of each trade: the thing, its states, the sum of money, the person, the follow-up.
TRADES = [
    ("Lead", "lead", ("new", "proposal", "won"), "budget", "owner", "proposal_follow_up"),
    ("Order", "order", ("placed", "packed", "sent"), "total", "customer", "shipping_news"),
    ("Ticket", "ticket", ("open", "waiting", "solved"), "priority", "requester", "satisfaction"),
    ("Invoice", "invoice", ("draft", "due", "paid"), "amount", "debtor", "payment_reminder"),
    ("Booking", "booking", ("asked", "confirmed", "stayed"), "price", "guest", "review_request"),
    ("Patient", "patient", ("referred", "seen", "closed"), "urgency", "doctor", "appointment_letter"),
    ("Claim", "claim", ("filed", "checked", "settled"), "damage", "insured", "claim_decision"),
    ("Applicant", "applicant", ("applied", "invited", "hired"), "score", "recruiter", "interview_invitation"),
    ("Donation", "donation", ("pledged", "received", "thanked"), "sum", "donor", "thank_you_letter"),
    ("Machine", "machine", ("running", "warning", "stopped"), "temperature", "operator", "maintenance_order"),
]

HEAD = """
type {Thing} {
  id: string,
  title: string,
  {person}: Email,
  deputy: Email?,
  state: "{first}" | "{second}" | "{third}",
  {money}: double,
  count: int,
  tags: list<string>,
  changed_at: timestamp
}

event "shop/{thing}.changed" { {thing}: {Thing} }
event "shop/{thing}.done" { id: string, at: timestamp }

action desk.rate({thing}: {Thing}) -> {score: double, remark: string?} idempotent
action desk.reserve(id: string, count: int = 1) -> {code: string} idempotent
action desk.lookup(id: string) -> {Thing} pure
action take_back(message: string) idempotent
"""

SHAPES = [
    """
flow follow_up({thing}: {Thing}) {
  on event "shop/{thing}.changed" as changed with ({thing}: changed.{thing})
  filter {thing}.state == "{second}"
  email(template: "{mail}", to: {thing}.{person})
  wait 2d
  reminder = email(template: "reminder", to: {thing}.{person}, data: {"title": {thing}.title})
}
""",
    """
flow fan_out({thing}: {Thing}) {
  on manual
  parallel {
    mail = email(template: "{mail}", to: {thing}.{person})
    note = slack(channel: "C-{thing}", text: "{Thing} ${{thing}.title} is ${{thing}.state}")
    do {
      filter {thing}.count > 3
      reserved = desk.reserve(id: {thing}.id, count: {thing}.count)
    }
  }
  log(message: "sent ${mail.message_id}, posted ${note.ts}, reserved ${reserved.?code ?? "nothing"}")
}
""",
    """
flow decide({thing}: {Thing}) -> {decision: string} {
  rating = desk.rate({thing}: {thing}) retry 3 every 10s default {"score": 0.0}
  if good: rating.score > 0.8 {
    slack(channel: "C-GOOD", text: rating.remark ?? "no remark")
    return {"decision": "yes"}
  } else if rating.score > 0.5 {
    wait 1h30m
    return {"decision": "later"}
  } else {
    return {"decision": "no"}
  }
}
""",
    """
flow by_state({thing}: {Thing}) {
  on event "shop/{thing}.changed" as e when e.{thing}.count > 0 with ({thing}: e.{thing})
  timeout 20d
  switch {thing}.state {
    case "{first}" { greeting = email(template: "welcome", to: {thing}.{person}) }
    case "{second}", "{third}" {
      wait until {thing}.changed_at + 1d
      news = email(template: "{mail}", to: {thing}.{person})
    }
  }
  log(message: greeting.?message_id ?? news.?message_id ?? "nothing")
}
""",
    """
flow careful({thing}: {Thing}) {
  retry 2 from 1s to 1m
  do {
    reserved = desk.reserve(id: {thing}.id)
      retry 5 from 10s to 1h only "timeout", "http.503"
      timeout 30s
      within 1d
    confirmation = email(template: "{mail}", to: {thing}.{person}, data: {"code": reserved.code}) on unknown fail
  } on error as problem {
    slack(channel: "C-OPS", text: "{thing} ${{thing}.id}: ${problem.step} failed with ${problem.code}") retry 0
    stop "could not reserve"
  }
  emit "shop/{thing}.done" (id: {thing}.id, at: now)
}
""",
    """
flow joins({thing}: {Thing}) {
  parallel {
    first_try = desk.reserve(id: {thing}.id, count: 1)
    second_try = desk.reserve(id: {thing}.id, count: 2)
    third_try = desk.lookup(id: {thing}.id)
  }
  early = log(message: "one is there") after any(first_try, second_try)
  most = log(message: "two are there") after 2 of (first_try, second_try, third_try)
  last = slack(channel: "C1", text: "all: ${third_try.title}") after settled(early, most)
}
""",
    """
flow computed({thing}: {Thing}) {
  let discount: double = {thing}.{money} > 100.0 ? 0.1 : 0.0
  let labels = {thing}.tags.filter(t, t.startsWith("x-")).map(t, t.upperAscii())
  let age = now - {thing}.changed_at
  filter age < 30d && size(labels) > 0
  email(template: "{mail}", to: {thing}.deputy ?? {thing}.{person}, data: {"discount": discount, "labels": labels.join(", ")})
}
""",
    """
flow optional_steps({thing}: {Thing}) {
  gift = desk.reserve(id: {thing}.id) when {thing}.{money} >= 500.0
  extra = desk.reserve(id: {thing}.id, count: 2) when "vip" in {thing}.tags
  message = email(template: "{mail}", to: {thing}.{person}, data: {"gift": gift.?code ?? "", "extra": extra.?code ?? ""})
  filter gift.hasValue() else {
    log(message: "no gift for ${{thing}.id}")
  }
  slack(channel: "C-GIFT", text: "gift ${gift.code} with mail ${message.message_id}")
}
""",
    '''
/// Looks the {thing} up, and tells those who asked.
flow lookup_and_tell(id: string, watchers: list<string>, urgent: bool = false) {
  found = desk.lookup(id: id)
  filter found.state != "{third}" && watchers.exists(w, w == "team")
  if urgent {
    slack(channel: "C-NOW", text: """{Thing} ${found.title}
    needs somebody""")
  }
  wait 15m
  checked = desk.lookup(id: id) after found
  fail "still ${checked.state} after ${string(run.started_at)}"
} on error as e {
  // told once, whatever failed
  log(message: e.message)
}
''',
    """
flow guarded {
  on event "shop/{thing}.changed" as change
  filter change.{thing}.{person} != change.{thing}.deputy.orValue(Email("nobody@example.org"))
  do notify {
    filter size(change.{thing}.title) <= 80
    letter = email(template: "{mail}", to: change.{thing}.{person}) on error { log(message: "no letter") }
  }
  done = slack(channel: "C1", text: "done with ${change.{thing}.id}") after notify
  stop "told ${letter.?message_id ?? "nobody"}"
}
""",
    """
flow each_of_them(ids: list<string>, watcher: Email) -> {sent: int} {
  results = for id, place in ids max 500 parallel 10 key id collect errors {
    found = desk.lookup(id: id) retry 2 every 5s
    filter found.state == "{second}"
    reserved = desk.reserve(id: found.id, count: place) undo take_back(message: "give ${reserved.code} back")
    yield reserved.code
  }
  let failures = results.failed.map(f, f.error.message)
  email(template: "{mail}", to: watcher, data: {"failures": failures.join(", ")})
  return {"sent": size(results.ok)}
} on error as e { log(message: e.message) }
""",
    """
flow larger({thing}: {Thing}) {
  on event "shop/{thing}.changed" as changed with ({thing}: changed.{thing})
  part = smaller(id: {thing}.id, count: 2)
    retry 3 from 1s to 1m
    within 1d
    undo take_back(message: "undo ${part.code}")
  begun = start smaller(id: part.code) when {thing}.count > 10
  slack(channel: "C1", text: "{thing} ${part.code}, later ${begun.?run_id ?? "nothing"}")
}

flow smaller(id: string, count: int = 1) -> {code: string} {
  for tag in ["a", "b"] max 2 {
    log(message: "${id} ${tag}")
  }
  reserved = desk.reserve(id: id, count: count)
  return {"code": reserved.code}
}
""",
]


def _told(text: str, trade: tuple[str, str, tuple[str, ...], str, str, str]) -> str:
    thing_type, thing, states, money, person, mail = trade
    words = {
        "Thing": thing_type, "thing": thing, "first": states[0], "second": states[1], "third": states[2], "money": money,
        "person": person, "mail": mail,
    }  # fmt: skip
    return re.sub(r"\{(Thing|thing|first|second|third|money|person|mail)\}", lambda m: words[m[1]], text)


#: The texts, each a whole file.
GOOD = [_told(HEAD + shape, trade) for shape in SHAPES for trade in TRADES]

BUILT_IN = """
action email(template: string, to: Email, data: map<string, json> = {}) -> {message_id: string}
action slack(channel: string, text: string) -> {ok: bool, ts: string}
action log(message: string) idempotent
"""


def interface() -> Interface:
    """The actions every flow of the corpus may use."""
    return compile_text(BUILT_IN, Interface()).interface
