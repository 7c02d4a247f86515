"""Tests of ``memstat.pytest_plugin``."""
