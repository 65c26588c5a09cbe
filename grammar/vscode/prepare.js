// Puts what the extension shares with others beside it: the grammar, which other editors read too, and the licence.
const fs = require('fs');
const path = require('path');

const here = (...parts) => path.join(__dirname, ...parts);
fs.copyFileSync(here('..', 'flow.tmLanguage.json'), here('syntaxes', 'flow.tmLanguage.json'));
fs.copyFileSync(here('..', '..', 'LICENSE'), here('LICENSE'));
