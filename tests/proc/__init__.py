"""Tests of ``memstat.proc``."""
