"""The language server: takes what an editor says, asks `dagflow.ide`, and says it as the protocol wants it."""
