#!/usr/bin/env bash
# Makes the secrets of this overlay from random bytes, those that are not there yet. They never enter git.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p -m 700 secrets
random() { od -An -tx1 -N24 /dev/urandom | tr -d ' \n'; }
make() { # make FILE LINE...
  [ -e "secrets/$1" ] || (umask 077; printf '%s\n' "${@:2}" >"secrets/$1")
}
make database-admin.env username=postgres "password=$(random)"
make database-auth.env "password=$(random)"
make database-transaction.env "password=$(random)"
make internal-token.env "token=$(random)" "also="
# One made before there could be a second token: pods would wait for the missing key.
grep -q '^also=' secrets/internal-token.env || echo also= >>secrets/internal-token.env
