"""Snapshots and results to text, for people and for programs. Sums come from ``sampling``."""
