"""Tests of ``memstat/exports/``."""
