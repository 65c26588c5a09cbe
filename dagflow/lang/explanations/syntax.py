"""Pages about how a text is written: codes 1xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r'''
# E101 a part is missing
The grammar needs something here that is not there: a value behind `name:`, a comma between two
arguments, a colon, a bracket, a name. The message says which, and where it belongs. Everything else
in the file is still checked, so one slip is one message.
--- wrong
flow greet(to: Email) {
  email(template: , to: to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E102 `=` does not compare
One equals sign gives something its name: `charge = pay.charge(…)`. Whether two values are equal is
asked with two. Nothing can be assigned inside of an expression, so nothing else can be meant, and
the fix is safe.
--- wrong
flow greet(to: Email, status: string) {
  filter status = "won"
  email(template: "greeting", to: to)
}
--- right
flow greet(to: Email, status: string) {
  filter status == "won"
  email(template: "greeting", to: to)
}

# E103 a word or sign does not fit here
The text before it is complete, or begins no statement, so what follows has no place. Often it is a
misspelt keyword, a length of time in two words, or an operator of another language: `and` is `&&`,
`or` is `||`, `not` is `!`. Two statements need two lines.
--- wrong
flow remind(to: Email) {
  wait 2 days
  email(template: "reminder", to: to)
}
--- right
flow remind(to: Email) {
  wait 2d
  email(template: "reminder", to: to)
}

# E104 a step has the name of a keyword
A word that begins a statement, such as `wait`, `let` or `filter`, cannot be the name of a step: the
line would read as that statement. Fields, arguments and variables may have such names. Choose any
other name for the step. A `parallel any { }` would be a block of that name, which waits for all of
its branches; `parallel first 1 { }` goes on when one is done.
--- wrong
flow greet(to: Email) {
  wait = email(template: "greeting", to: to)
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
}

# E105 `?.` has its signs the wrong way round
Reading a field of something that may be absent is written `a.?b`, as in CEL, the dot first. The
result may be absent too: give a default with `??`.
--- wrong
type Lead { name: string? }

flow greet(lead: Lead?) {
  log(message: lead?.name ?? "nobody")
}
--- right
type Lead { name: string? }

flow greet(lead: Lead?) {
  log(message: lead.?name ?? "nobody")
}

# E106 a bracket is never closed
Every `{`, `(` and `[` needs its partner. Where the partner belongs is guessed from the indentation
and from where the next statement begins; the guess is only a suggestion, so look at it before you
take it.
--- wrong
flow greet(to: Email) {
  parallel {
    email(template: "greeting", to: to)
    slack(channel: "C1", text: "greeted")
  wait 2d
}
--- right
flow greet(to: Email) {
  parallel {
    email(template: "greeting", to: to)
    slack(channel: "C1", text: "greeted")
  }
  wait 2d
}

# E107 an argument of an action has no name
Actions are called with named arguments: `name: value`. Names keep a call readable, and right when
the action gets another parameter. Only functions inside of expressions take arguments by position.
--- wrong
flow greet(to: Email) {
  email("greeting", to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E108 a setting stands behind a step
Settings of a flow (`on`, `timeout`, `retry` and their kin) hold for the whole run, so they stand
before its first step, where a reader finds them all. Move the line up. Behind a step, `timeout` and
`retry` are modifiers of that step.
--- wrong
flow greet(to: Email) {
  email(template: "greeting", to: to)
  on manual
}
--- right
flow greet(to: Email) {
  on manual
  email(template: "greeting", to: to)
}

# E109 a record is written with the name of its type
The language has no message literals `Name{field: value}`. A record is written as a map with texts
as keys, and is checked against the type that is wanted where it is used.
--- wrong
flow show {
  let place = Address{city: "Oslo"}
  log(message: place.city)
}
--- right
flow show {
  let place = {"city": "Oslo"}
  log(message: place.city)
}

# E110 a JSON workflow is not valid JSON
The file is read as JSON (RFC 8259) before anything else, and it is not JSON: a comma is missing or
too many, a quote is not closed, a key has no quotes, a key is given twice. The place is where
reading could not go on; the mistake may be just before it.
--- wrong
{
  "name": "Proposal"
  "actions": [{"type": "wait", "data": {"duration": "2 days"}}]
}
--- right
{
  "name": "Proposal",
  "actions": [{"type": "wait", "data": {"duration": "2 days"}}]
}

# E111 a JSON workflow has another shape than it should
A workflow is an object with a `name` and `actions`, a list of objects with `type` and `data`. Each
type has its own keys in `data`, and there are no others: an unknown key would be ignored silently,
and that is never what is meant. The message names the place with a JSON pointer.
--- wrong
{
  "name": "Proposal",
  "actions": [{"type": "wait", "data": {"length": "2 days"}}]
}
--- right
{
  "name": "Proposal",
  "actions": [{"type": "wait", "data": {"duration": "2 days"}}]
}

# E112 a string is never closed
A text between `"` or `'` ends on its line; one between `"""` may have several. A `${` inside of a
text needs its `}`. Write the closing quote, or `\${` where a dollar and a brace themselves are
meant.
--- wrong
flow greet {
  slack(channel: "C1, text: "hello")
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

# E113 a literal has no value
It looks like a number, a text or a length of time and is none: a number too large for 64 bits, an
escape that does not exist, a length with its units in the wrong order. The label says which. Write
`\\` for a backslash, and lengths from the largest unit to the smallest: `1h30m`.
--- wrong
flow pause {
  wait 30m1h
}
--- right
flow pause {
  wait 1h30m
}

# E114 a sign is not part of the language
Statements end with their line, without `;`. Operators of other languages such as `===` and `<>` do
not exist: `==` and `!=` are strict already. Names are made of plain Latin letters, digits and `_`;
other letters belong into texts and comments.
--- wrong
flow greet {
  slack(channel: "C1", text: "hello");
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

# E115 something is nested too deeply
There may be 64 brackets one inside the other, and 100 parts of an expression. The limits keep
checking a file cheap, whoever wrote it. Name a part with `let`, use a list instead of a long chain
of operators, or move steps out of their blocks.
--- wrong
flow show {
  let n = (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((
    1
  )))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
  log(message: "${n}")
}
--- right
flow show {
  let n = 1
  log(message: "${n}")
}

# E116 a file is too large
A file may have 262,144 characters, and 32,768 words and signs. This is checked before anything else
looks at it, so that no file can keep a server busy. Split it: declarations of events and actions
can be repeated in each file that uses them, and one flow can emit an event that starts the next.

# E117 a bracket closes nothing
There is a `}`, `)` or `]` more than were opened, or it is of another kind than the one open here.
Remove it, or open what it should close.
--- wrong
flow greet {
  slack(channel: "C1", text: "hello"))
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

# E118 a reserved word is used as a name
CEL, the language of expressions, reserves some words for itself: `while`, `loop`, `package`,
`namespace` and others. They cannot be names in an expression. Choose another name; a field that is
called so is read with backquotes, as in x.`while`.
--- wrong
flow show {
  let while = 1
  log(message: "${while}")
}
--- right
flow show {
  let n = 1
  log(message: "${n}")
}
'''
