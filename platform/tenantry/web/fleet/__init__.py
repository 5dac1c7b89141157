"""How the whole fleet stands, for the first page: plain values, each from one bounded query."""
