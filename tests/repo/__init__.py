"""Guards of the repository: each fails with what to do about it. `prove_guards` shows that each one bites."""
