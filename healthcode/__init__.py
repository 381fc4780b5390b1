"""Health code: evidence, rules, colours, isolation, appeals."""
