// Starts `dagflow lsp` and shows what its commands give. Everything else the server and the editor do between them.
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;
let output;

async function start() {
  const settings = vscode.workspace.getConfiguration('dagflow');
  const [command, ...before] = settings.get('command');
  const actions = settings.get('actions');
  const args = [...before, 'lsp', ...(actions ? ['--actions', actions] : [])];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  client = new LanguageClient(
    'dagflow',
    'dagflow',
    { command, args, options: { cwd: folder } },
    {
      documentSelector: [{ language: 'dagflow' }],
      outputChannel: output,
      middleware: { executeCommand: (name, given, next) => shown(name, given, next) },
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const said = `dagflow does not start (${error.message}). Install it with pip install "dagflow[lsp]", or set dagflow.command.`;
    vscode.window.showErrorMessage(said);
  }
}

async function shown(name, given, next) {
  const result = await next(name, given);
  if (name === 'dagflow.graph' && typeof result === 'string') {
    const content = `# ${given[1]}\n\n\`\`\`mermaid\n${result}\`\`\`\n`;
    const document = await vscode.workspace.openTextDocument({ language: 'markdown', content });
    await vscode.window.showTextDocument(document, vscode.ViewColumn.Beside, true);
    await vscode.commands.executeCommand('markdown.showPreviewToSide', document.uri);
  } else if (name === 'dagflow.runTests' && Array.isArray(result)) {
    for (const { test, passed, problems } of result) {
      output.appendLine(`${passed ? '✓' : '✗'} ${test}`);
      for (const problem of problems) output.appendLine(`    ${problem}`);
    }
    if (result.some(({ passed }) => !passed)) output.show(true);
  }
  return result;
}

async function stop() {
  const old = client;
  client = undefined;
  if (old) await old.stop();
}

exports.activate = async (context) => {
  output = vscode.window.createOutputChannel('dagflow');
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(
    output,
    vscode.commands.registerCommand('dagflow.restart', restart),
    vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration('dagflow') && restart()),
  );
  await start();
};

exports.deactivate = stop;
