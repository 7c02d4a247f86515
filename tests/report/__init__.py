"""Tests of ``memstat.report``."""
