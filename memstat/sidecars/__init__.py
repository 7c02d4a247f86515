"""Measuring from a separate process, which neither the GIL nor a blocked event loop can delay."""
