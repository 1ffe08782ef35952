"""Results as lines: their schema, their size, what is written, and where to."""
