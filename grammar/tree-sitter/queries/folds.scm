[
  (flow_body)
  (block)
  (fields)
  (record_type)
  (switch_statement)
  (test_declaration)
  (map)
] @fold
