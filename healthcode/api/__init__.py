"""The services of the health code for programs of organisations (docs/api.md)."""
