"""Tests of ``memstat.comparing``."""
