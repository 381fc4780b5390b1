#!/bin/sh
# Dump the running district into FOLDER/<time>: deploy/backup.sh FOLDER
# Needs DATABASE_OWNER_URL, and CITYBRAIN_AUDIT_HEADS as the worker has it; the keyring is kept apart and is not in here.
set -eu
[ "$#" -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
umask 077
mkdir -p "$1"
target=$(cd "$1" && pwd)/$(date -u +%Y-%m-%dT%H-%M-%SZ)
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
libpq=$("$python" deploy/pg_environment.py)
eval "$libpq"

partial=$target.partial
trap 'rm -rf "$partial"' EXIT
mkdir "$partial"

# A partition cannot be made while the dump reads the table, and gates would wait for it: make the next days' first.
psql -qXtA -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
SELECT accesslog_make_partition((clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date + ahead)
  FROM generate_series(0, 2) AS ahead;
SQL
# Heads before the dump, so that each of them is in the dump.
heads=${CITYBRAIN_AUDIT_HEADS:-${CITYBRAIN_VAR:-var}/audit-heads.ndjson}
if [ -e "$heads" ]; then cp "$heads" "$partial/audit-heads.ndjson"; else : >"$partial/audit-heads.ndjson"; fi
pg_dump --format=custom --no-owner --file="$partial/citybrain.dump"
(cd "$partial" && sha256sum audit-heads.ndjson citybrain.dump >SHA256SUMS)
sync -f "$partial"
mv "$partial" "$target"
trap - EXIT
echo "$target"
