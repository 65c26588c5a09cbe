"""The commands of dagflow: the module each is in, the line about it in `dagflow --help`, and the words their help lists.

`dagflow --help` and shell completion read this table, so that neither imports a command. A test compares the lines with the commands' own.
"""

from __future__ import annotations

from typing import Final

#: Commands by section of the help. A command `X` of the module `M` is `M.M`, since `import` and `eval` are no names in Python.
SECTIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Write flows": {
        "new": ("new", "Create a flow from a template, with tests"),
        "check": ("check", "Check flows and report all errors"),
        "fmt": ("fmt", "Format flow files"),
        "explain": ("explain", "Explain a diagnostic code"),
        "eval": ("eval_", "Evaluate an expression and print its value, type and cost"),
        "infer": ("infer", "Infer a type from JSON samples"),
    },
    "Test and describe flows": {
        "test": ("test", "Run the tests in flow files, in virtual time"),
        "dry-run": ("dry_run", "Show what a run would do, without running it"),
        "graph": ("graph", "Draw the graph of a flow or a run"),
        "doc": ("doc", "Generate Markdown pages for flows and actions"),
    },
    "Run flows": {
        "run": ("run", "Run a flow until it ends"),
        "resume": ("resume", "Resume interrupted runs"),
        "send": ("send", "Deliver an event to waiting runs and continue them until they end or wait again"),
        "serve": ("serve", "Publish flows and start their runs by events, schedules and webhooks"),
        "keys": ("keys", "Create, list and revoke the API keys that `dagflow serve` accepts"),
        "publish": ("publish", "Publish the flows of files: from now on their triggers start runs"),
        "flows": ("flows", "List, pause, resume and retire published flows"),
        "start": ("start", "Ask for a run of a published flow; its settings decide when it begins, and whether"),
        "rerun": ("rerun", "Start a run with the flow and the input of another one, which stays as it is"),
        "retry": ("retry", "Go on with a run that failed from the steps that did not succeed"),
        "skip": ("skip", "Give a step its result instead of letting it run"),
        "cancel": ("cancel", "Cancel a run, or all unfinished runs that fit a filter"),
        "delete": ("delete", "Delete runs that have ended, with their histories"),
    },
    "Inspect runs": {
        "top": ("top", "Show how many runs each flow has, and the newest runs, as they change"),
        "runs": ("runs", "List runs, newest first"),
        "show": ("show", "Show a run step by step"),
        "why": ("why", "Explain why a step ran or did not run"),
        "store": ("store", "Maintain the store: verify, backup, vacuum, salvage"),
    },
    "Connect other programs": {
        "actions": ("actions", "List the actions that flows can call"),
        "schema": ("schema", "Print JSON Schema for inputs, events, actions and the output of commands"),
        "import": ("import_", "Convert a JSON workflow to a flow"),
        "export": ("export", "Print a flow file as canonical JSON"),
        "lsp": ("lsp", "Start the language server, on standard input and output"),
        "completion": ("completion", "Print a script that completes commands in your shell"),
    },
    "Help": {
        "help": ("help_", "Show the help of a command"),
    },
}
#: Every command with its module and its line.
COMMANDS: Final = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
#: The formats of pictures.
FORMATS: Final = ("terminal", "svg", "png", "mermaid", "dot")
#: The commands with `--json`.
WITH_JSON: Final = (
    "actions",
    "cancel",
    "check",
    "delete",
    "dry-run",
    "eval",
    "explain",
    "flows list",
    "flows pause",
    "flows resume",
    "flows retire",
    "graph",
    "keys list",
    "publish",
    "rerun",
    "resume",
    "retry",
    "run",
    "runs",
    "send",
    "show",
    "skip",
    "start",
    "store backup",
    "store salvage",
    "store vacuum",
    "store verify",
    "test",
    "top",
    "why",
)
