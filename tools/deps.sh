#!/bin/sh
# Installs the Debian packages that the tests against real servers use.
#
# Debian starts a server's daemon when its package is installed. policy-rc.d is
# the way Debian has to forbid that; ours stands only while this script runs,
# and one that was there before stays as it was.
set -eu

PACKAGES="nginx-light gnutls-bin libnss3-tools haproxy stunnel4 lighttpd lighttpd-mod-openssl
lighttpd-mod-gnutls lighttpd-mod-mbedtls lighttpd-mod-wolfssl openssl iproute2 nftables python3-dev
tinyproxy-bin microsocks mitmproxy iptables"

# The interop matrix: other stacks, and those that ask for TLS in their own words.
PACKAGES="$PACKAGES apache2-bin caddy botan postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd
dovecot-managesieved postgresql"

if ! command -v apt-get >/dev/null 2>&1; then
    echo "make deps: this is not a Debian system: install by hand what 'make test' names as missing" >&2
    exit 0
fi

missing=""
for package in $PACKAGES; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "make deps: everything is installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "make deps: needs root; missing:$missing" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT INT TERM
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # the list is meant to be split
apt-get install -y -qq --no-install-recommends $missing >/dev/null
echo "make deps: installed$missing"
