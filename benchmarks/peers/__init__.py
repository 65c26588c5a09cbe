"""Other engines, each running the same graphs of functions that do nothing."""
