"""Actions: writes that touch several models, each on record."""
