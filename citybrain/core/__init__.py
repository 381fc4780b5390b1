"""The ground: areas, organisations, persons, users and grants, audit, outbox, keyring, clock."""
