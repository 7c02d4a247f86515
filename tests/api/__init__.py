"""Tests of ``memstat.api``."""
