#!/usr/bin/env bash
# Runs compose with what it needs: secrets made once (.micropay/compose.env), and the profiles in
# PROFILE. Takes `docker compose` where it is installed, else docker-compose (1.29 or later).
set -euo pipefail
cd "$(dirname "$0")/../.."
secrets=.micropay/compose.env
if [ ! -s "$secrets" ]; then
    mkdir -p .micropay
    umask 077
    for name in POSTGRES_PASSWORD AUTH_DB_PASSWORD TRANSACTION_DB_PASSWORD INTERNAL_TOKEN GRAFANA_PASSWORD; do
        printf '%s=%s\n' "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
    done >"$secrets.new"
    mv "$secrets.new" "$secrets"
fi
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(--env-file "$secrets" -p "${PROJECT:-micropay}" -f compose.yaml)
if [ "${1:-}" = up ]; then profiles=${PROFILE:-}; else profiles=aws-local,observe; fi
for profile in ${profiles//,/ }; do
    case $profile in
    aws-local)
        compose+=(--profile aws-local)
        case ${1:-} in up | down) compose+=(-f compose.aws-local.yaml) ;; esac # also its volume goes
        ;;
    observe | prometheus) compose+=(--profile "$profile") ;;
    *) echo "no profile $profile: aws-local, observe or prometheus" >&2; exit 2 ;;
    esac
done
case ${1:-} in
up)
    "${compose[@]}" up -d --remove-orphans
    url=http://localhost:${GATEWAY_PORT:-8080}
    for _ in $(seq 120); do
        if curl -fsS -o /dev/null "$url/readyz" 2>/dev/null; then
            echo "MicroPay is up: $url"
            exit 0
        fi
        sleep 1
    done
    "${compose[@]}" ps
    echo "MicroPay is not ready after two minutes; make logs" >&2
    exit 1
    ;;
down) shift; exec "${compose[@]}" down --remove-orphans "$@" ;;
logs) exec "${compose[@]}" logs --tail=200 ;;
*) exec "${compose[@]}" "$@" ;;
esac
