"""Editor features for a flow, with plain data in and out: for a language server as well as for a page in a browser."""
