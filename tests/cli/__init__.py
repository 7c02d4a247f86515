"""The installed command, as a black box: what it prints, where, and the status it ends with."""
