// Reads a tree-sitter grammar.js and prints it as the JSON that the generator takes, as `tree-sitter generate` does inside.
const rule = (value) => {
  if (typeof value === 'string') return { type: 'STRING', value };
  if (value instanceof RegExp) return { type: 'PATTERN', value: value.source };
  if (value === undefined) throw new Error('a rule is undefined');
  return value;
};
const precedence = (type) => (value, content) =>
  content === undefined ? { type, value: 0, content: rule(value) } : { type, value, content: rule(content) };

global.seq = (...members) => ({ type: 'SEQ', members: members.map(rule) });
global.choice = (...members) => ({ type: 'CHOICE', members: members.map(rule) });
global.optional = (content) => choice(content, { type: 'BLANK' });
global.repeat = (content) => ({ type: 'REPEAT', content: rule(content) });
global.repeat1 = (content) => ({ type: 'REPEAT1', content: rule(content) });
global.token = (content) => ({ type: 'TOKEN', content: rule(content) });
global.token.immediate = (content) => ({ type: 'IMMEDIATE_TOKEN', content: rule(content) });
global.alias = (content, as) => ({ type: 'ALIAS', content: rule(content), named: typeof as !== 'string', value: as.name ?? as });
global.prec = precedence('PREC');
global.prec.left = precedence('PREC_LEFT');
global.prec.right = precedence('PREC_RIGHT');
global.grammar = ({ name, word, extras, rules }) => {
  const $ = new Proxy({}, { get: (_, symbol) => ({ type: 'SYMBOL', name: symbol }) });
  const made = Object.fromEntries(Object.entries(rules).map(([key, make]) => [key, rule(make($))]));
  return { name, word: word($).name, rules: made, extras: extras($).map(rule), conflicts: [], externals: [], inline: [] };
};
console.log(JSON.stringify(require(process.argv[2])));
