"""Pages about how a text is written: codes 1xx."""

from __future__ import annotations

from typing import Final

PAGES: Final = r'''
# E101 a part is missing
The grammar requires a part here that is missing: a value after `name:`, a comma between two
arguments, a colon, a bracket or a name. The message names the part and its place. The compiler
recovers and checks the rest of the file, so one mistake causes one diagnostic.
--- wrong
flow greet(to: Email) {
  email(template: , to: to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E102 `=` does not compare
A single `=` names a step: `charge = pay.charge(…)`. Use `==` to compare two values. Expressions
contain no assignments, so the fix is safe.
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

# E103 unexpected token
The text before this token is complete, or does not start a statement. Frequent causes are a misspelt
keyword, a duration in two words, and operators of other languages: write `&&` for `and`, `||` for
`or`, and `!` for `not`. Write each statement on its own line. An action is called in a step of its
own, `result = log(…)`, never inside an expression.
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
A keyword such as `wait`, `let` or `filter` cannot be the name of a step, because the line would parse
as that statement. Fields, arguments and variables may have such names. Choose another name for the
step. Note that `parallel any { }` would be a block named `any` that waits for all of its branches;
`parallel first 1 { }` continues when one branch has finished.
--- wrong
flow greet(to: Email) {
  wait = email(template: "greeting", to: to)
}
--- right
flow greet(to: Email) {
  greeting = email(template: "greeting", to: to)
}

# E105 `?.` must be written `.?`
To read a field of a value that may be absent, write `a.?b`, as in CEL. The result may also be
absent; add a default with `??`.
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
Every `{`, `(` and `[` must be closed. The compiler guesses the position of the closing bracket from
the indentation and the next statement. Review the suggested fix before you apply it.
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
Call an action with named arguments: `name: value`. Names keep a call readable, and correct when the
action gets another parameter. Only functions in expressions take positional arguments.
--- wrong
flow greet(to: Email) {
  email("greeting", to)
}
--- right
flow greet(to: Email) {
  email(template: "greeting", to: to)
}

# E108 a setting comes after a step
The settings of a flow, such as `on`, `timeout` and `retry`, apply to the whole run, so they must come
before its first step. Move the line up. After a step, `timeout` and `retry` are modifiers of that
step.
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
The language has no message literals `Name{field: value}`. Write a record as a map with text keys.
The compiler checks it against the expected type where it is used.
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
The file must be valid JSON (RFC 8259). Frequent causes are a missing or extra comma, an unclosed
quote, a key without quotes, and a duplicate key. The position is where the parser stopped; the
mistake may be just before it.
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

# E111 a JSON workflow does not match its schema
A workflow is an object with a `name` and `actions`, a list of objects with `type` and `data`. Each
type defines the keys of its `data`. Unknown keys are errors, because ignoring them would hide
mistakes. The message contains a JSON pointer to the place.
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
A string in `"` or `'` must end on its line; a string in `"""` may have several lines. A `${` in a
string needs its `}`. Add the closing quote, or write `\${` for a literal `${`.
--- wrong
flow greet {
  slack(channel: "C1, text: "hello")
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

# E113 an invalid literal
The literal looks like a number, a string or a duration, but is not valid: a number too large for 64
bits, an unknown escape, or a duration with its units in the wrong order. The label names the cause.
Write `\\` for a backslash, and durations from the largest unit to the smallest: `1h30m`.
--- wrong
flow pause {
  wait 30m1h
}
--- right
flow pause {
  wait 1h30m
}

# E114 a character is not part of the language
Statements end with their line, without `;`. Operators of other languages such as `===` and `<>` do
not exist; `==` and `!=` are already strict. Names consist of ASCII letters, digits and `_`. Use other
letters only in strings and comments.
--- wrong
flow greet {
  slack(channel: "C1", text: "hello");
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

# E115 something is nested too deeply
At most 64 brackets and 100 parts of an expression may be nested. These limits bound the cost of
checking untrusted files. Name a part with `let`, use a list instead of a long chain of operators, or
move steps out of their blocks.
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
A file may have at most 262,144 characters and 32,768 tokens. The compiler checks this first, so that
no file can keep a server busy. Split the file. Each file can repeat the declarations of the events
and actions that it uses, and one flow can emit an event that starts the next.

# E117 an unmatched closing bracket
This `}`, `)` or `]` has no opening bracket, or does not match the one that is open here. Remove it,
or add the opening bracket.
--- wrong
flow greet {
  slack(channel: "C1", text: "hello"))
}
--- right
flow greet {
  slack(channel: "C1", text: "hello")
}

# E118 a reserved word is used as a name
CEL, the expression language, reserves words such as `while`, `loop`, `package` and `namespace`. They
cannot be names in an expression. Choose another name. To read a field with such a name, use
backquotes, as in x.`while`.
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
