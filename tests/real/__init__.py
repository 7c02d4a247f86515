"""memstat on real processes."""
