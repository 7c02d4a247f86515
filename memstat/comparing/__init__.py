"""Whether a program uses more memory than before: measurements of runs, and a decision on them."""
