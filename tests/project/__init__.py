"""Tests of the project: architecture, public surface, documents, examples, benchmarks."""
