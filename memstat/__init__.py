"""How much memory a program and everything it starts really uses, and when it was most."""

__version__ = "0.1.0"
