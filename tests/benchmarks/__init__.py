"""Measurements, not tests: run one by ``python -m tests.benchmarks.NAME``."""
