#!/usr/bin/env bash
# Fills what the AWS stack made into k8s/cluster.yaml and the overlay eks: k8s/overlays/STAGE, which git does not see.
#
#   MICROPAY_ACCOUNT=123456789012 infra/fill.sh STAGE TAG [FOLDER]     TAG is that of the images, as `make images push` was given it
#
# ${Name} is an output of a layer, or cluster.Name in STAGE.params or STAGE.local.params, or ${Tag}.
# If nothing gives a value, or an empty one, nothing is written.
set -euo pipefail
case $# in 2 | 3) ;; *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
stage=$1 tag=$2 into=${3-}
into=${into:+$(realpath -m "$into")}
cd "$(dirname "$0")"
into=${into:-$(realpath ../k8s/overlays)/$stage}
[ -f "$stage.params" ] || { echo "fill: no stage $stage: there is no infra/$stage.params" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
./deploy.sh outputs "$stage" >"$work/values" # which also asks whose account this is
for file in "$stage.params" "$stage.local.params"; do
    [ ! -f "$file" ] || sed -n 's/^cluster\.//p' "$file" >>"$work/values"
done
echo "Tag=$tag" >>"$work/values"

# A value may hold any character, so it is put in by its place, not by a pattern.
put_in() {
    awk -v name="${1##*/}" '
        NR == FNR { at = index($0, "="); value[substr($0, 1, at - 1)] = substr($0, at + 1); next }
        {
            rest = $0; line = ""
            while (match(rest, /[$][{][A-Za-z0-9]+[}]/)) {
                key = substr(rest, RSTART + 2, RLENGTH - 3)
                if (value[key] == "") { print "fill: " name ": nothing gives " key > "/dev/stderr"; missing = 1 }
                line = line substr(rest, 1, RSTART - 1) value[key]
                rest = substr(rest, RSTART + RLENGTH)
            }
            print line rest
        }
        END { exit missing }' "$work/values" "$1" >"$work/new/${1##*/}"
}

mkdir "$work/new"
complete=1
for file in ../k8s/cluster.yaml ../k8s/overlays/eks/*; do put_in "$file" || complete=''; done
[ -n "$complete" ] || { echo 'fill: nothing is written' >&2; exit 1; }
mkdir -p "$into"
cp "$work"/new/* "$into"
echo "$into"
