// Standard input, a grammar as JSON, to standard output, its parser in C.
#include <cstdio>
#include <string>
#include "tree_sitter/compiler.h"

int main() {
  std::string grammar;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, stdin)) > 0;) grammar.append(buffer, n);
  TSCompileResult result = ts_compile_grammar(grammar.c_str(), nullptr);
  if (result.error_type != TSCompileErrorTypeNone) {
    fprintf(stderr, "%s\n", result.error_message);
    return 1;
  }
  fputs(result.code, stdout);
  return 0;
}
