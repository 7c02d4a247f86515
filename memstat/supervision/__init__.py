"""Owning a child: start it, signal it, wait for it, and never leave it behind by accident."""
