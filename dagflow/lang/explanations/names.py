"""Pages about names and their meanings: codes 2xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r"""
# E201 an unknown action
Neither the host application nor this file declares the action. `dagflow actions` lists the available
actions; pass `--actions MODULE` for those of the host application. If the action exists only where
the flow will run, declare it in the file with `action`.
--- wrong
flow greet(to: Email) {
  greeting = emial(template: "greeting", to: to)
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
}

# E202 an unknown name
A name in an expression must be a parameter of the flow, a step, a `let`, a macro variable, or one of
`now`, `run`, `trigger` and `secrets`. `after` accepts only steps. A step without output, such as
`wait 1d`, can be used in `after` but not in an expression.
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
Statements run from top to bottom, so a step can read only the steps above it. Move the reading step
below the step that it reads. Use `after` to change only the order.
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
A name must be unique in the whole flow, including its branches. dagflow identifies a step by its name
when it resumes a run, and after an edit, so two steps with one name would be ambiguous. Parameters and
built-in names such as `now` and `run` are taken too.
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
An unnamed step takes the name of its action, so a flow can contain only one unnamed call per action.
Names identify steps across edits: a moved step stays the same, and a renamed step becomes another.
The fix derives a name from the arguments.
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

# E206 an unknown event
Neither the host application nor this file declares the event of this `on event`, `emit` or `wait
event`. The declaration defines the payload, and the compiler checks every use against it. Declare
the event with `event "…" { … }`, or correct its name.
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
The compiler compiles a file before the files that import it, so no file can import itself, directly
or indirectly. Move the shared declarations to a third file that imports neither.

# E208 an unknown recipient in a JSON workflow
In a JSON workflow, the `to` of an e-mail must be an address, or a field with an address, such as
`leadEmail`. Where the host knows the event that starts the flow, the event must have the field. The host
may add further names.
--- wrong
{
  "name": "Proposal",
  "actions": [{"type": "email", "data": {"template": "proposal", "to": "lead mail"}}]
}
--- right
{
  "name": "Proposal",
  "actions": [{"type": "email", "data": {"template": "proposal", "to": "leadEmail"}}]
}

# E209 an unknown type
The built-in types are `bool`, `int`, `uint`, `double`, `string`, `bytes`, `timestamp`,
`duration`, `list<T>`, `map<K, V>`, `Email`, `Url`, `Secret<string>` and `json`; declare others
with `type`. Only `list`, `map` and `Secret` take types in `<>`, and map keys must be strings, integers
or bools. `type FileRef = Scalar<string>` declares a scalar type; `Scalar` is allowed nowhere else.
--- wrong
flow greet(name: str) {
  log(message: name)
}
--- right
flow greet(name: string) {
  log(message: name)
}

# E210 something is declared twice
Declare each type, event, action, flow and field only once. The host application and the file may both
declare an event or an action, but then the declarations must be equal. Remove or rename one of them.
--- wrong
flow greet { log(message: "hello") }

flow greet { log(message: "hello again") }
--- right
flow greet { log(message: "hello") }

flow greet_again { log(message: "hello again") }

# E211 a type contains itself
A value of a type that contains itself would be infinite, and so would its check. Use `json` for the
inner part, or a list of ids instead of the values.
--- wrong
type Person { name: string, friends: list<Person> }
--- right
type Person { name: string, friends: list<string> }

# E212 an imported file does not exist
The path of an `import` is relative to the importing file, and must stay inside the directory of the
flow files: `"./x.flow"` is beside this file. The CLI searches the directory of the file and its
subdirectories. A program passes the texts with `dagflow.compile(sources=…)`.

# E213 an imported file has errors
The declarations of a file with errors are not reliable, so the compiler does not compile its importers
either. It lists the errors of the imported file after those of the importing one. Fix that file first.

# E214 a former name is in use
`was old` states that a step was formerly named `old`, so that unfinished runs and tools match it. The
name `old` must therefore no longer be in use, and only one step may claim it. Remove the wrong `was`.
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
