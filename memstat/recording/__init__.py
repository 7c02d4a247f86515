"""Recordings: every snapshot in a file, and the way back from it to the library's own values."""
