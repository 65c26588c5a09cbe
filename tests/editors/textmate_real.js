// The grammar in the engine of Visual Studio Code: for each text of standard input (a JSON list) the places of its keywords.
const fs = require('fs');
const { Registry, INITIAL, parseRawGrammar } = require('vscode-textmate');
const oniguruma = require('vscode-oniguruma');

async function main() {
  await oniguruma.loadWASM(fs.readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')).buffer);
  const path = process.argv[2];
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(path, 'utf8'), path),
  });
  const grammar = await registry.loadGrammar('source.dagflow');
  const texts = JSON.parse(fs.readFileSync(0, 'utf8'));
  console.log(JSON.stringify(texts.map((text) => keywords(grammar, text))));
}

function keywords(grammar, text) {
  const found = [];
  let stack = INITIAL;
  let offset = 0;
  for (const line of text.split('\n')) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
    for (const { startIndex, endIndex, scopes } of tokens) {
      const scope = scopes[scopes.length - 1];
      if (scope.startsWith('keyword.') && !scope.includes('operator')) found.push([offset + startIndex, offset + endIndex]);
    }
    stack = ruleStack;
    offset += line.length + 1;
  }
  return found;
}

main();
