"""Tests of ``memstat.supervision``."""
