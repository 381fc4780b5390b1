#!/bin/sh
# Restore a folder made by backup.sh into the empty database of a new cluster: deploy/restore.sh FOLDER/<time>
# Needs DATABASE_OWNER_URL, DATABASE_URL, DATABASE_RETENTION_URL and the keyring of the dump; no process may run yet.
set -eu
[ "$#" -eq 1 ] || { echo "usage: $0 FOLDER/TIME" >&2; exit 2; }
source=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
libpq=$("$python" deploy/pg_environment.py)
eval "$libpq"

(cd "$source" && sha256sum --quiet --check SHA256SUMS)
sql() { psql -qXtA -v ON_ERROR_STOP=1 -c "$1"; }
if [ -n "$(sql "SELECT to_regclass('public.django_migrations')")" ]; then
    echo "the database $PGDATABASE holds data: restore into an empty one" >&2
    exit 1
fi

echo "restoring the dump"
pg_restore --no-owner --single-transaction --exit-on-error --dbname="$PGDATABASE" "$source/citybrain.dump"
sql "SET client_min_messages = error; ANALYZE"

echo "beginning a new era"
"$python" manage.py after_restore
# For a release newer than the dump; it also says anew who may do what.
"$python" manage.py migrate --no-input -v0
# Whoever was signed in then may have lost that right since.
sql "DELETE FROM django_session"

echo "verifying the trail against the heads of the backup"
"$python" manage.py verify_audit --heads "$source/audit-heads.ndjson"

echo "erasing what was erased since, before anybody looks"
"$python" manage.py retention
echo "restored: start the processes"
