"""One small file for each engine that does the same work; see `call` for what they share."""
