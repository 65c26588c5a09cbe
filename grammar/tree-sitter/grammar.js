// The grammar of .flow files for tree-sitter: for colours, folding and selection in editors. What is right and wrong is
// decided by dagflow itself (grammar/flow.lark); this grammar accepts a little more, and knows no newlines: a statement begins
// with a word, and no expression goes on with one, so the next word tells.

const PREC = { conditional: 1, coalesce: 2, or: 3, and: 4, relation: 5, add: 6, multiply: 7, unary: 8, member: 9 };

const commaSep1 = (rule) => seq(rule, repeat(seq(',', rule)));
const commaSep = (rule) => optional(commaSep1(rule));
const commaSepTrailing = (rule) => optional(seq(commaSep1(rule), optional(',')));

module.exports = grammar({
  name: 'flow',

  word: ($) => $.identifier,

  extras: ($) => [/\s/, $.doc_comment, $.comment],

  rules: {
    source_file: ($) =>
      repeat(
        choice(
          $.import_declaration,
          $.type_declaration,
          $.event_declaration,
          $.action_declaration,
          $.flow_declaration,
          $.test_declaration,
        ),
      ),

    // ---- declarations

    import_declaration: ($) => seq('import', $.string, 'as', $.identifier),
    type_declaration: ($) => seq('type', $.type_identifier, choice(seq('=', $._type), $.fields)),
    event_declaration: ($) => seq('event', $.string, $.fields),
    action_declaration: ($) =>
      seq('action', $.qualified_name, $.parameters, optional($.result_type), optional($.effect)),
    effect: ($) =>
      choice(
        'pure',
        seq('idempotent', optional(seq('by', 'key'))),
        seq('effectful', optional(seq('by', 'key')), optional($.on_unknown)),
      ),
    result_type: ($) => seq('->', $._type),
    parameters: ($) => seq('(', commaSepTrailing($.field), ')'),
    fields: ($) => seq('{', commaSepTrailing($.field), '}'),
    field: ($) => seq(choice($.identifier, $.quoted_name), ':', $._type, optional(seq('=', $._expression))),

    _type: ($) => choice($.optional_type, $._plain_type),
    optional_type: ($) => seq($._plain_type, '?'),
    _plain_type: ($) => choice($.named_type, $.enum_type, $.record_type),
    named_type: ($) =>
      seq($.type_identifier, repeat(seq('.', $.type_identifier)), optional(seq('<', commaSep1($._type), '>'))),
    enum_type: ($) => seq($.string, repeat(seq('|', $.string))),
    record_type: ($) => seq('{', commaSepTrailing($.field), '}'),
    type_identifier: ($) => $.identifier,

    // ---- flows

    flow_declaration: ($) =>
      seq('flow', $.identifier, optional($.parameters), optional($.result_type), $.flow_body, optional($.on_error)),
    flow_body: ($) => seq('{', repeat($._setting), repeat($._statement), '}'),

    _setting: ($) =>
      choice(
        $.trigger,
        $.concurrency_setting,
        $.rate_setting,
        $.singleton_setting,
        $.throttle_setting,
        $.debounce_setting,
        $.once_setting,
        $.cancel_setting,
        $.timeout_setting,
        $.retry_setting,
        $.priority_setting,
      ),
    trigger: ($) =>
      seq(
        'on',
        choice(
          seq('event', $.string),
          seq('cron', $.string, optional(seq('in', $.string)), optional($.overlap), optional($.catchup)),
          seq('every', $._expression, optional($.overlap), optional($.catchup)),
          seq('webhook', $.string),
          'manual',
        ),
        optional($.binding),
        optional(seq('when', $._expression)),
        optional(seq('with', $.arguments)),
      ),
    overlap: ($) => seq('overlap', choice('allow', 'skip', 'queue', 'replace')),
    catchup: ($) => seq('catchup', choice('none', 'last', seq('all', 'within', $._expression))),
    binding: ($) => seq('as', $.identifier, optional(seq(':', $._type))),
    concurrency_setting: ($) => seq('concurrency', $.integer, optional(seq('by', $._expression))),
    rate_setting: ($) => seq('rate', $.integer, 'per', $._expression, optional(seq('by', $._expression))),
    singleton_setting: ($) => seq('singleton', optional(seq('by', $._expression)), choice('skip', 'queue', 'replace')),
    throttle_setting: ($) => seq('throttle', $.integer, 'per', $._expression, optional(seq('by', $._expression))),
    debounce_setting: ($) =>
      seq('debounce', $._expression, optional(seq('by', $._expression)), optional(seq('max', $._expression))),
    once_setting: ($) => seq('once', 'by', $._expression, optional(seq('within', $._expression))),
    cancel_setting: ($) =>
      seq('cancel', 'on', 'event', $.string, optional($.binding), optional(seq('when', $._expression))),
    timeout_setting: ($) => seq('timeout', $._expression),
    retry_setting: ($) => seq('retry', $._retry),
    priority_setting: ($) => seq('priority', $._expression),

    // ---- statements

    block: ($) => seq('{', repeat($._statement), '}'),
    _statement: ($) =>
      choice(
        $.call_step,
        $.start_step,
        $.wait_step,
        $.wait_event_step,
        $.filter_statement,
        $.if_statement,
        $.switch_statement,
        $.let_statement,
        $.parallel_statement,
        $.do_statement,
        $.for_statement,
        $.emit_statement,
        $.yield_statement,
        $.return_statement,
        $.stop_statement,
        $.fail_statement,
      ),
    _step_name: ($) => seq($.step_name, '='),
    step_name: ($) => $.identifier,
    call_step: ($) => seq(optional($._step_name), $.call, repeat($._modifier)),
    start_step: ($) => seq(optional($._step_name), 'start', $.call, repeat($._modifier)),
    wait_step: ($) => seq(optional($._step_name), 'wait', optional('until'), $._expression, repeat($._modifier)),
    wait_event_step: ($) =>
      seq(
        optional($._step_name),
        'wait',
        'event',
        $.string,
        optional($.binding),
        repeat($._modifier),
        optional($.else_clause),
      ),
    filter_statement: ($) => seq('filter', optional($.label), $._expression, optional($.else_clause)),
    if_statement: ($) =>
      seq('if', optional($.label), $._expression, $.block, optional(seq('else', choice($.if_statement, $.block)))),
    else_clause: ($) => seq('else', $.block),
    label: ($) => seq($.identifier, ':'),
    switch_statement: ($) =>
      seq('switch', optional($.label), $._expression, '{', repeat($.case), optional($.else_clause), '}'),
    case: ($) => seq('case', commaSep1($._expression), $.block),
    let_statement: ($) => seq('let', $.identifier, optional(seq(':', $._type)), '=', $._expression),
    parallel_statement: ($) =>
      seq('parallel', optional(seq('first', $.integer)), optional($.step_name), $.block, optional($.on_error)),
    do_statement: ($) => seq('do', optional($.step_name), $.block, optional($.on_error)),
    for_statement: ($) =>
      seq(
        optional($._step_name),
        'for',
        $.identifier,
        optional(seq(',', $.identifier)),
        'in',
        $._expression,
        repeat($.for_option),
        $.block,
        optional($.on_error),
      ),
    for_option: ($) =>
      choice(seq('max', $.integer), seq('parallel', $.integer), seq('key', $._expression), seq('collect', 'errors')),
    emit_statement: ($) => seq('emit', $.string, $.arguments, repeat($._modifier)),
    yield_statement: ($) => seq('yield', $._expression),
    return_statement: ($) => seq('return', $._expression),
    stop_statement: ($) => prec.right(seq('stop', optional($.string))),
    fail_statement: ($) => seq('fail', $.string),

    _modifier: ($) =>
      choice($.after, $.when, $.retry, $.timeout, $.within, $.default, $.undo, $.was, $.on_unknown, $.on_error),
    after: ($) =>
      seq(
        'after',
        choice(
          $._names,
          seq('any', '(', $._names, ')'),
          seq($.integer, 'of', '(', $._names, ')'),
          seq('settled', '(', $._names, ')'),
        ),
      ),
    _names: ($) => commaSep1($.step_name),
    when: ($) => seq('when', $._expression),
    retry: ($) => seq('retry', $._retry),
    _retry: ($) =>
      seq(
        $.integer,
        optional(choice(seq('from', $._expression, 'to', $._expression), seq('every', $._expression))),
        optional(seq('only', commaSep1($.string))),
      ),
    timeout: ($) => seq('timeout', $._expression),
    within: ($) => seq('within', $._expression),
    default: ($) => seq('default', $._expression),
    undo: ($) => seq('undo', $.call),
    was: ($) => seq('was', $.step_name),
    on_unknown: ($) => seq('on', 'unknown', 'fail'),
    on_error: ($) => seq('on', 'error', optional(seq('as', $.identifier)), $.block),

    call: ($) => seq($.qualified_name, $.arguments),
    qualified_name: ($) => seq($.identifier, repeat(seq('.', $.identifier))),
    arguments: ($) => seq('(', commaSepTrailing($.argument), ')'),
    argument: ($) => choice(seq($.argument_name, ':', $._expression), $._expression),
    argument_name: ($) => choice($.identifier, $.quoted_name),

    // ---- tests

    test_declaration: ($) =>
      seq('test', $.string, 'for', $.identifier, '{', repeat(choice($.given, 'served', $.mock, $.at, $.expect)), '}'),
    given: ($) => seq('given', $.arguments),
    mock: ($) => seq('mock', $.qualified_name, optional($.arguments), repeat1($.behaviour), repeat($.then)),

    then: ($) => seq('then', repeat1($.behaviour)),
    behaviour: ($) =>
      choice(
        seq('returns', $._expression),
        seq('fails', $.string, optional(seq('times', $.integer))),
        seq('takes', $._expression),
      ),
    at: ($) =>
      seq('at', $._expression, choice(seq('send', $.string, $.arguments), 'cancel', seq('expect', $._expression))),
    expect: ($) => seq('expect', $._expression),

    // ---- expressions

    _expression: ($) =>
      choice($.conditional_expression, $.binary_expression, $.unary_expression, $._member),
    conditional_expression: ($) =>
      prec.right(PREC.conditional, seq($._expression, '?', $._expression, ':', $._expression)),
    binary_expression: ($) =>
      choice(
        ...[
          ['??', PREC.coalesce],
          ['||', PREC.or],
          ['&&', PREC.and],
          ['==', PREC.relation],
          ['!=', PREC.relation],
          ['<=', PREC.relation],
          ['>=', PREC.relation],
          ['<', PREC.relation],
          ['>', PREC.relation],
          ['in', PREC.relation],
          ['+', PREC.add],
          ['-', PREC.add],
          ['*', PREC.multiply],
          ['/', PREC.multiply],
          ['%', PREC.multiply],
        ].map(([operator, precedence]) => prec.left(precedence, seq($._expression, operator, $._expression))),
      ),
    unary_expression: ($) => prec(PREC.unary, seq(choice('!', '-'), $._expression)),
    _member: ($) => choice($._primary, $.select, $.method_call, $.index),
    select: ($) =>
      prec.left(PREC.member, seq($._member, choice('.', '.?'), choice($.field_name, $.quoted_name))),
    method_call: ($) => prec.left(PREC.member, seq($._member, '.', $.function_name, $.values)),
    index: ($) => prec.left(PREC.member, seq($._member, '[', optional('?'), $._expression, ']')),
    field_name: ($) => $.identifier,
    function_name: ($) => $.identifier,
    values: ($) => seq('(', commaSep($._expression), ')'),
    _primary: ($) =>
      choice(
        $.name,
        $.function_call,
        $.parenthesized,
        $.list,
        $.map,
        $.integer,
        $.unsigned,
        $.float,
        $.duration,
        $.string,
        $.bytes,
        $.true,
        $.false,
        $.null,
      ),
    name: ($) => seq(optional('.'), $.identifier),
    function_call: ($) => seq(optional('.'), $.function_name, $.values),
    parenthesized: ($) => seq('(', $._expression, ')'),
    list: ($) => seq('[', commaSepTrailing(seq(optional('?'), $._expression)), ']'),
    map: ($) => seq('{', commaSepTrailing($.entry), '}'),
    entry: ($) => seq(optional('?'), $._expression, ':', $._expression),

    true: ($) => 'true',
    false: ($) => 'false',
    null: ($) => 'null',
    integer: ($) => /0[xX][0-9a-fA-F]+|\d+/,
    unsigned: ($) => /(0[xX][0-9a-fA-F]+|\d+)[uU]/,
    float: ($) => /\d+\.\d+([eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+([eE][+-]?\d+)?/,
    duration: ($) => /\d+(\.\d+)?(ms|s|m|h|d|w)(\d+(ms|s|m|h|d|w))*/,
    bytes: ($) =>
      token(
        choice(
          /([bB][rR]?|[rR][bB])"([^"\\\n]|\\.)*"/,
          /([bB][rR]?|[rR][bB])'([^'\\\n]|\\.)*'/,
          /([bB][rR]?|[rR][bB])"""([^"]|"[^"]|""[^"])*"""/,
          /([bB][rR]?|[rR][bB])'''([^']|'[^']|''[^'])*'''/,
        ),
      ),
    string: ($) =>
      choice(
        seq('"', repeat(choice($.string_content, $._dollar, $.escape, $.interpolation)), token.immediate('"')),
        seq("'", repeat(choice(alias($.single_content, $.string_content), $._dollar, $.escape, $.interpolation)), token.immediate("'")),
        $.long_string,
        $.raw_string,
      ),
    string_content: ($) => token.immediate(prec(1, /([^"\\$\n]|\$[^{"\\\n])+/)),
    single_content: ($) => token.immediate(prec(1, /([^'\\$\n]|\$[^{'\\\n])+/)),
    // One right before the end of the text.
    _dollar: ($) => token.immediate('$'),
    escape: ($) => token.immediate(/\\./),
    interpolation: ($) => seq(token.immediate('${'), $._expression, '}'),
    long_string: ($) =>
      token(choice(/"""([^"]|"[^"]|""[^"])*"""/, /'''([^']|'[^']|''[^'])*'''/)),
    raw_string: ($) =>
      token(
        choice(
          /[rR]"[^"\n]*"/,
          /[rR]'[^'\n]*'/,
          /[rR]"""([^"]|"[^"]|""[^"])*"""/,
          /[rR]'''([^']|'[^']|''[^'])*'''/,
        ),
      ),
    quoted_name: ($) => /`[^`\n]+`/,

    identifier: ($) => /[A-Za-z_][A-Za-z0-9_]*/,
    doc_comment: ($) => token(prec(1, /\/\/\/[^\n]*/)),
    comment: ($) => token(/\/\/[^\n]*/),
  },
});
