"""What is done in the health code."""
