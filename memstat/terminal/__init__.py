"""A live display beside a command's output on the same terminal."""
