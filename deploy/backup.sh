#!/bin/sh
# Dump the running district into FOLDER/<time>, then remove those older than DAYS (28): deploy/backup.sh FOLDER [DAYS]
# Needs DATABASE_OWNER_URL, and CITYBRAIN_AUDIT_HEADS as the worker has it; the keyring is kept apart and is not in here.
set -eu
usage() { echo "usage: $0 FOLDER [DAYS]" >&2; exit 2; }
[ "$#" -eq 1 ] || [ "$#" -eq 2 ] || usage
days=${2:-28}
case $days in *[!0-9]*) usage ;; esac
oldest=$(date -u -d "$days days ago" +%Y%m%d%H%M%S)
umask 077
mkdir -p "$1"
folder=$(cd "$1" && pwd)
target=$folder/$(date -u +%Y-%m-%dT%H-%M-%SZ)
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

# What retention erases must not live on in dumps. Only when a new one is there; what was broken off goes too.
d='[0-9][0-9]'
for old in "$folder"/$d$d-$d-${d}T$d-$d-${d}Z "$folder"/$d$d-$d-${d}T$d-$d-${d}Z.partial; do
    if [ -d "$old" ] && [ "$(basename "$old" | tr -dc 0-9)" -lt "$oldest" ]; then
        rm -rf "$old"
        echo "removed $old: older than $days days" >&2
    fi
done
echo "$target"
