#!/usr/bin/env python3
"""Print DATABASE_OWNER_URL as libpq's variables, for `eval`: on a command line everybody could read the password."""

import os
import shlex
import sys

from psycopg.conninfo import conninfo_to_dict

NAMES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
NAMES |= {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}

if not (url := os.environ.get("DATABASE_OWNER_URL")):
    sys.exit("DATABASE_OWNER_URL is not set: the owner role dumps and restores")
for part, value in conninfo_to_dict(url).items():
    if name := NAMES.get(part):
        sys.stdout.write(f"export {name}={shlex.quote(str(value))}\n")
