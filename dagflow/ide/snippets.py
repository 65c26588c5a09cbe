"""The words of the language with what usually stands behind them, as snippets: `$1` and `${2:x}` are places for the cursor, `$0` the last."""

from __future__ import annotations

from typing import Final

ITEMS: Final = {
    "flow": "flow ${1:name}(${2:input}: ${3:string}) {\n  $0\n}",
    "type": "type ${1:Name} {\n  ${2:field}: ${3:string}\n}",
    "event": 'event "${1:area/thing.happened}" {\n  ${2:field}: ${3:string}\n}',
    "action": "action ${1:name}(${2:argument}: ${3:string}) -> ${4:string} ${5|idempotent,effectful,pure|}",
    "test": 'test "${1:what it shows}" for ${2:flow} {\n  given ($3)\n  expect $0\n}',
    "import": 'import "./${1:other}.flow" as ${2:other}',
    "on error": "on error as ${1:problem} {\n  $0\n}",
}

SETTINGS: Final = {
    "on event": 'on event "$1" as ${2:e}',
    "on cron": 'on cron "${1:0 9 * * MON}" in "${2:Europe/Paris}"',
    "on every": "on every ${1:15m}",
    "on webhook": 'on webhook "${1:name}" as ${2:payload}',
    "on manual": "on manual",
    "concurrency": "concurrency ${1:5} by $0",
    "rate": "rate ${1:100} per ${2:1h}",
    "singleton": "singleton by $1 ${2|skip,queue,replace|}",
    "throttle": "throttle ${1:100} per ${2:1h}",
    "debounce": "debounce ${1:30s} by $0 max ${2:5m}",
    "once": "once by $1 within ${2:24h}",
    "cancel": 'cancel on event "$1" as ${2:e} when $0',
    "timeout": "timeout ${1:30d}",
    "retry": "retry ${1:3} from ${2:1s} to ${3:10m}",
    "priority": "priority $0",
}

STATEMENTS: Final = {
    "filter": "filter $0",
    "if": "if $1 {\n  $0\n}",
    "switch": "switch $1 {\n  case $2 { $0 }\n}",
    "let": "let ${1:name} = $0",
    "parallel": "parallel {\n  $0\n}",
    "do": "do {\n  $0\n}",
    "for": "for ${1:item} in $2 max ${3:100} {\n  $0\n}",
    "wait": "wait ${1:1d}",
    "wait until": "wait until $0",
    "wait event": '${1:came} = wait event "$2" as ${3:e} when $4 within ${5:1d}',
    "emit": 'emit "$1" ($0)',
    "start": "start $0",
    "return": "return $0",
    "yield": "yield $0",
    "stop": "stop",
    "fail": 'fail "$0"',
}

CALLS: Final = {
    "wait event": 'wait event "$1" as ${2:e} when $3 within ${4:1d}',
    "for": "for ${1:item} in $2 max ${3:100} {\n  $0\n}",
    "start": "start $0",
}

MODIFIERS: Final = {
    "after": "after $0",
    "when": "when $0",
    "retry": "retry ${1:3} from ${2:1s} to ${3:10m}",
    "timeout": "timeout ${1:30s}",
    "within": "within ${1:5m}",
    "default": "default $0",
    "undo": "undo $0",
    "was": "was $0",
    "on unknown": "on unknown fail",
    "on error": "on error as ${1:problem} {\n  $0\n}",
}

TEST_ITEMS: Final = {
    "given": "given ($0)",
    "served": "served",
    "mock": "mock $1 returns $0",
    "mock … then": 'mock $1 fails "$2" then returns $0',
    "at … send": 'at ${1:1d} send "$2" ($0)',
    "at … cancel": "at ${1:1d} cancel",
    "at … expect": "at ${1:1d} expect $0",
    "expect": "expect $0",
}

TYPES: Final = (
    "bool", "int", "uint", "double", "decimal", "string", "bytes", "timestamp", "duration", "json", "list", "map", "Secret", "Email", "Url",
)  # fmt: skip
