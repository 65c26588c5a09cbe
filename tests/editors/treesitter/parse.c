// For each file named: its tree on a line, and on the next one the places, in bytes, of the words that are keywords in it.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "tree_sitter/runtime.h"

const TSLanguage *tree_sitter_flow(void);

static void keywords(TSNode node, const char *text) {
  unsigned count = ts_node_child_count(node), start = ts_node_start_byte(node), end = ts_node_end_byte(node);
  if (count == 0 && !ts_node_is_named(node) && end > start && isalpha((unsigned char)text[start])) printf("%u-%u ", start, end);
  for (unsigned i = 0; i < count; i++) keywords(ts_node_child(node, i), text);
}

int main(int argc, char **argv) {
  TSParser *parser = ts_parser_new();
  ts_parser_set_language(parser, tree_sitter_flow());
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (!file) return 1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(size + 1, 1);
    if (fread(text, 1, size, file) != (size_t)size) return 1;
    fclose(file);
    TSTree *tree = ts_parser_parse_string(parser, NULL, text, size);
    char *shown = ts_node_string(ts_tree_root_node(tree));
    printf("%s\n", shown);
    keywords(ts_tree_root_node(tree), text);
    printf("\n");
    free(shown);
    ts_tree_delete(tree);
    free(text);
  }
  return 0;
}
