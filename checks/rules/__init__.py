"""Rules of our own, on the syntax tree, for what pattern matching can't say."""
