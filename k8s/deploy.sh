#!/usr/bin/env bash
# Brings an overlay onto the cluster of KUBECONFIG, in order: the ground, the migration to its end, the services.
#
#   k8s/deploy.sh local|eks      PATIENCE: seconds that each step may take (default 300)
#
# May run any number of times; a failed migration stops it before any service is touched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
overlay=${1:?local or eks} patience=${PATIENCE:-300}
say() { printf '== %s (%ss)\n' "$*" "$SECONDS"; }

if [ -x "$here/overlays/$overlay/secrets.sh" ]; then "$here/overlays/$overlay/secrets.sh"; fi
rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT
kubectl kustomize "$here/overlays/$overlay" >"$rendered"
apply() { kubectl apply --selector "micropay/stage=$1" -f "$rendered"; }
wait_all() { # wait_all KIND CONDITION: of what there is of that kind
  [ -z "$(kubectl -n micropay get "$1" -o name 2>/dev/null)" ] || kubectl -n micropay wait "$1" --all --for="$2" --timeout="${patience}s"
}

say "the ground of $overlay"
apply ground
wait_all externalsecret condition=Ready
[ "$overlay" != local ] || kubectl -n micropay rollout status statefulset/postgres --timeout="${patience}s"
say 'the migration'
kubectl -n micropay delete job migrate --ignore-not-found --wait
apply migration
if ! kubectl -n micropay wait job/migrate --for=condition=Complete --timeout="${patience}s"; then
  kubectl -n micropay logs job/migrate --tail=20 >&2 || true
  echo 'the migration did not end well; the services are as they were' >&2
  exit 1
fi
say 'the services'
apply services
for name in auth transaction; do kubectl -n micropay rollout status "deployment/$name" --timeout="${patience}s"; done
say 'done'
