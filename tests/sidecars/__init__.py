"""Tests of ``memstat.sidecars``."""
