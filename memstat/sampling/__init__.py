"""When to look, and what it adds up to."""
