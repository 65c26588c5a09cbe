; Colours of .flow files. Later patterns win in some editors, earlier ones in others; no two here are about the same node.

(comment) @comment
(doc_comment) @comment.documentation

[
  "import" "type" "event" "action" "flow" "test"
] @keyword

[
  "if" "else" "switch" "case" "filter" "for" "parallel" "do" "first"
  "return" "yield" "stop" "fail" "wait" "until" "emit" "start" "let"
] @keyword

[
  "on" "cron" "overlap" "allow" "catchup" "none" "last" "all" "webhook" "manual" "concurrency" "rate" "singleton" "skip" "queue" "replace" "throttle" "per" "debounce" "once" "cancel" "priority"
  "after" "any" "of" "settled" "when" "retry" "from" "to" "every" "only" "timeout" "within" "default" "undo" "was" "error" "unknown"
  "as" "by" "with" "in" "max" "key" "collect" "errors" "pure" "idempotent" "effectful"
] @keyword

[
  "given" "served" "mock" "returns" "fails" "times" "takes" "then" "at" "send" "expect"
] @keyword

[(true) (false)] @boolean
(null) @constant.builtin
[(integer) (unsigned) (float) (duration)] @number
[(string_content) (long_string) (raw_string) (bytes) "\"" "'"] @string
(escape) @string.escape
(interpolation "${" @punctuation.special "}" @punctuation.special)

(type_identifier) @type
(flow_declaration (identifier) @function)
(test_declaration (identifier) @function)
(import_declaration (identifier) @module)
(call (qualified_name) @function)
(action_declaration (qualified_name) @function)
(mock (qualified_name) @function)
(function_name) @function

(step_name) @variable
(let_statement (identifier) @variable)
(for_statement (identifier) @variable)
(binding (identifier) @variable)
(label (identifier) @variable)
(on_error (identifier) @variable)
(name (identifier) @variable)
(argument_name) @property
(field (identifier) @property)
[(field_name) (quoted_name)] @property

["->" "=" "|" "?" "??" "||" "&&" "==" "!=" "<=" ">=" "<" ">" "+" "-" "*" "/" "%" "!"] @operator
["." ".?" "," ":"] @punctuation.delimiter
["(" ")" "[" "]" "{"] @punctuation.bracket
