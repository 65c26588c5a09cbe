"""Pages about names and what they stand for: codes 2xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E201 an action is not known
A call names an action that neither the host nor this file declares. `dagflow actions` lists those
of the host; give `--actions MODULE` if it has its own. An action that is only there where the flow
will run can be declared in the file with `action`.
--- wrong
flow greet(to: Email) {
  greeting = emial(template: "greeting", to: to)
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
}

# E202 a name is not known
A name in an expression is a parameter of the flow, a step, a `let`, a variable of a macro, or one
of `now`, `run`, `trigger` and `secrets`. `after` names steps only. A statement that leaves no
value, such as `wait 1d`, can be waited for but not read.
--- wrong
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
  log(message: greting.message_id)
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
  log(message: greeting.message_id)
}

# E203 a step is read before it exists
Statements run from top to bottom, so a step can only read those above it. Move the reading step
below the one it reads. To change only when a step runs, use `after`.
--- wrong
flow greet(to: Email) {
  log(message: greeting.message_id)
  greeting = email(template: "greeting", to: to)
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
  log(message: greeting.message_id)
}

# E204 a name is used twice
A name stands for one thing in the whole flow, also over its branches. By its name a step is known
when a run is resumed or a flow is edited, so two steps of one name could be taken for each other.
Names such as `now`, `run` and those of parameters are taken too.
--- wrong
flow greet(to: Email) {
  mail = email(template: "greeting", to: to)
  mail = email(template: "reminder", to: to)
}
--- right
flow greet(to: Email) {
  mail = email(template: "greeting", to: to)
  reminder = email(template: "reminder", to: to)
}

# E205 two calls of one action have no names
A step without a name has the name of its action, so there can be only one such call in a flow.
Names keep steps apart when the flow is edited: moving a step changes nothing, renaming it makes it
another. The fix takes a name from the arguments.
--- wrong
flow greet(to: Email) {
  email(template: "greeting", to: to)
  email(template: "reminder", to: to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
  reminder = email(template: "reminder", to: to)
}

# E206 an event is not known
`on event`, `emit` and `wait event` name an event that neither the host nor this file declares. The
declaration says what the event carries, and everything read from it is checked against that.
Declare it with `event "…" { … }`, or correct its name.
--- wrong
event "crm/lead.changed" { name: string }

flow greet {
  on event "crm/lead.chnaged" as e
  log(message: "hello")
}
--- right
event "crm/lead.changed" { name: string }

flow greet {
  on event "crm/lead.changed" as e
  log(message: "hello")
}

# E207 files import each other in a cycle
A file is compiled before the ones that import it, so no file can import itself, directly or through
others. Put what both of them need into a third file, which imports neither.

# E208 a JSON workflow names a recipient that is not known
In a JSON workflow, `to` of an e-mail is an address, or the name of a field of the event that has
one, such as `leadEmail`. The fields are those of the event that starts the flow, and a host may
have given further names.
--- wrong
{
  "name": "Proposal",
  "actions": [{"type": "email", "data": {"template": "proposal", "to": "leadMail"}}]
}
--- right
{
  "name": "Proposal",
  "actions": [{"type": "email", "data": {"template": "proposal", "to": "leadEmail"}}]
}

# E209 a type is not known
The types of the language are `bool`, `int`, `uint`, `double`, `string`, `bytes`, `timestamp`,
`duration`, `list<T>`, `map<K, V>`, `Email`, `Url`, `Secret<string>` and `json`; others are declared
with `type`. Only `list`, `map` and `Secret` take types in `<>`, and keys of a map are texts, whole
numbers or bools. `type FileRef = Scalar<string>` makes a kind of text of its own; `Scalar` stands nowhere else.
--- wrong
flow greet(name: str) {
  log(message: name)
}
--- right
flow greet(name: string) {
  log(message: name)
}

# E210 something is declared twice
A type, an event, an action, a flow or a field is declared once. An event or an action may be
declared by the host and by the file, but then both have to say the same. Remove one of the two, or
rename it.
--- wrong
flow greet { log(message: "hello") }

flow greet { log(message: "hello again") }
--- right
flow greet { log(message: "hello") }

flow greet_again { log(message: "hello again") }

# E211 a type contains itself
Types are finite: a value of a type that contains itself would have no end, and checking it would
have none either. Use `json` for the inner part, or a list of ids instead of the things themselves.
--- wrong
type Person { name: string, friends: list<Person> }
--- right
type Person { name: string, friends: list<string> }

# E212 a file to import is not there
The path of an `import` is read from the place of the file it stands in, and never leads out of the
directory of the files that are given: `"./x.flow"` lies beside this file. The command line looks in
the directory of the file and below; a program gives the texts with `dagflow.compile(sources=…)`.

# E213 an imported file has errors
What a file with errors declares cannot be relied on, so nothing that imports it is compiled either.
Its errors are listed behind those of the importing file. Correct that file first.

# E214 a former name is in use
`was old` says that a step had the name `old` before, so that runs in progress and tools know it for
the same step. That is so only if nothing is called `old` any more, and if it was the name of one
step. Remove it where it does not hold.
--- wrong
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to) was hello
  hello = slack(channel: "C1", text: "greeted")
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to) was hello
  told = slack(channel: "C1", text: "greeted")
}
"""
