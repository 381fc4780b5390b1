#!/bin/sh
# Install by apt what the tests need and this machine lacks; does nothing when all is there.
set -eu

missing=""
for package in postgresql-15 redis-server mosquitto chromium fonts-noto-cjk gettext nginx-light systemd; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "the tests need packages that are not installed; run as root: apt-get install$missing" >&2
    exit 1
fi

echo "installing$missing"
# The tests start servers of their own; those of the packages stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word per package
apt-get install -qq -y --no-install-recommends $missing >/dev/null
