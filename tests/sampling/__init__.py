"""Tests of ``memstat.sampling``."""
