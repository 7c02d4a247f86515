"""Tests of memstat: the pure parts with values, everything else with real processes."""
