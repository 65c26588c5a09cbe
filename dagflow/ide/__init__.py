"""What editors ask about a flow: plain data in, plain data out, for a language server as for a page in a browser."""
