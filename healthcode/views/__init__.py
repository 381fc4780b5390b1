"""Pages of the health code."""
