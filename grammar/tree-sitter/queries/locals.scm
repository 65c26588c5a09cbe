(flow_declaration) @local.scope
(for_statement) @local.scope

(parameters (field (identifier) @local.definition))
(call_step (step_name) @local.definition)
(let_statement (identifier) @local.definition)
(for_statement (identifier) @local.definition)
(label (identifier) @local.definition)

(name (identifier) @local.reference)
(after (step_name) @local.reference)
