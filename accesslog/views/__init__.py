"""Pages of the access log: the gate itself, and setting gates up."""
