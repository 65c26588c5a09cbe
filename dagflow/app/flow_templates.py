"""Templates for `dagflow new`: each compiles, and its tests pass."""

from __future__ import annotations

import re
from typing import Final

import attrs

from dagflow.errors import UsageError

#: Stands for the name of the flow.
_NAME: Final = "my_flow"
_IDENTIFIER: Final = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)


@attrs.frozen
class Starter:
    """Template of a flow. `summary`: one line for `dagflow new --list`."""

    name: str
    summary: str
    text: str


_STARTERS: Final = (
    Starter(
        "follow-up",
        "a mail, a wait, and a second mail",
        """\
/// Sends a greeting and follows up two days later.
flow my_flow(name: string, to: Email, wanted: bool = true) {
  on manual
  retry 3 from 1s to 10m

  filter wanted
  greeting = email(template: "greeting", to: to, subject: "Hello ${name}")
  wait 2d
  follow_up = email(template: "follow_up", to: to, subject: "Still there, ${name}?")
}

test "two mails, two days apart" for my_flow {
  given (name: "Ada", to: "ada@example.org")
  expect greeting.ran && follow_up.at == 2d
  expect calls("email").map(mail, mail.template) == ["greeting", "follow_up"]
}

test "no mail if it is not wanted" for my_flow {
  given (name: "Ada", to: "ada@example.org", wanted: false)
  expect calls("email") == []
}
""",
    ),
    Starter(
        "approval",
        "ask for approval, wait for the answer, and continue without one",
        """\
/// A decision was made.
event "my_flow/decided" { id: string, yes: bool }

/// Asks a channel, waits a day for the answer, and reports the result.
flow my_flow(id: string, question: string, channel: string = "C-APPROVALS") -> {approved: bool} {
  on manual

  asked = slack(channel: channel, text: "${question} (${id})")
  answer = wait event "my_flow/decided" as a when a.id == id within 1d else {
    reminder = slack(channel: channel, text: "No answer yet: ${question} (${id})")
  }
  let approved = answer.?yes ?? false
  log(message: "${id}: ${approved}")
  return {"approved": approved}
}

test "approved" for my_flow {
  given (id: "7", question: "Ship it?")
  at 3h send "my_flow/decided" (id: "6", yes: false)
  at 5h send "my_flow/decided" (id: "7", yes: true)
  expect run.output.approved && run.elapsed == 5h && reminder.pruned
}

test "no answer" for my_flow {
  given (id: "7", question: "Ship it?")
  expect !run.output.approved && reminder.at == 1d
}
""",
    ),
    Starter(
        "each",
        "process each item of a list and count failures",
        """\
/// Sends a mail to each person on a list, ten at a time, and reports.
flow my_flow(people: list<{name: string, email: Email}>) -> {sent: int, failed: int} {
  on manual

  mails = for person in people max 1000 parallel 10 key person.email collect errors {
    mail = email(template: "news", to: person.email, subject: "News for ${person.name}")
      retry 3 from 1s to 1m
    yield mail.message_id
  }
  report = slack(channel: "C-OPS", text: "${size(mails.ok)} mails sent, ${size(mails.failed)} not")
  return {"sent": size(mails.ok), "failed": size(mails.failed)}
}

test "one of two cannot be reached" for my_flow {
  given (
    people: [
      {"name": "Ada", "email": "ada@example.org"},
      {"name": "Bob", "email": "bob@example.org"}
    ]
  )
  mock email(to: "bob@example.org") fails "no_such_address"
  expect run.output.sent == 1 && run.output.failed == 1
  expect mail.map(each, each.ran) == [true, false] && mail[1].attempts == 4
}

test "an empty list" for my_flow {
  given (people: [])
  expect calls("email") == [] && report.input.text == "0 mails sent, 0 not"
}
""",
    ),
    Starter(
        "webhook",
        "a webhook request, checked and routed",
        """\
/// Routes a web form to the channel for its topic.
flow my_flow(topic: string, text: string) {
  on webhook "my_flow" as form: {topic: "sales" | "help", text: string}
    when form.text != ""
    with (topic: form.topic, text: form.text)
  on manual

  switch topic {
    case "sales" {
      to_sales = slack(channel: "C-SALES", text: text)
    }
    case "help" {
      to_help = slack(channel: "C-HELP", text: text)
    }
    else {
      log(message: "unknown topic: ${topic}")
    }
  }
}

test "sales" for my_flow {
  given (topic: "sales", text: "How much is it?")
  expect to_sales.ran && to_help.pruned
}

test "help" for my_flow {
  given (topic: "help", text: "It does not work")
  expect calls("slack")[0].channel == "C-HELP"
}

test "anything else" for my_flow {
  given (topic: "weather", text: "Nice today")
  expect log.input.message == "unknown topic: weather" && calls("slack") == []
}
""",
    ),
)


def starters() -> tuple[Starter, ...]:
    """Return all templates."""
    return _STARTERS


def can_name(name: str) -> bool:
    """Return whether a flow may have this name."""
    return _IDENTIFIER.fullmatch(name) is not None


def started(name: str, starter: str) -> str:
    """Return the text of a new flow.

    Args:
        name: the name of the flow.
        starter: the name of the template.

    Raises:
        UsageError: the template does not exist, or the name is not valid.
    """
    if not can_name(name):
        raise UsageError(
            f"a flow name must consist of lower-case letters, digits and `_`, such as `lead_approval`; got `{name}`"
        )
    found = next((each for each in _STARTERS if each.name == starter), None)
    if found is None:
        known = ", ".join(each.name for each in _STARTERS)
        raise UsageError(f"--template must be one of {known}; got `{starter}`")
    return re.sub(rf"\b{_NAME}\b", name, found.text)
