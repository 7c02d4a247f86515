"""memstat as a person meets it: in a terminal, which tmux or a bare pseudo-terminal plays."""
