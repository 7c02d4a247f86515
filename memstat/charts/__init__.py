"""Recordings as pages and pictures."""
