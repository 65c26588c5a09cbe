"""The language server: takes requests of an editor, calls `dagflow.ide`, and answers in the terms of the protocol."""
