#!/bin/sh
# Make settings of the secrets that this container was given: a file named like a setting holds its value.
set -eu
for file in /run/secrets/[A-Z]*; do
    [ -f "$file" ] || continue
    export "$(basename "$file")=$(cat "$file")"
done
exec "$@"
