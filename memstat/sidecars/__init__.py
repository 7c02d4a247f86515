"""Measuring from a process of its own, which no lock and no blocked loop of this one holds up."""
