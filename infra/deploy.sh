#!/usr/bin/env bash
# Brings the AWS stack up and down, a layer at a time; docs/deploy.md tells the whole way.
#
#   MICROPAY_ACCOUNT=123456789012 infra/deploy.sh plan    STAGE LAYER   what would change, kept as a change set
#   MICROPAY_ACCOUNT=123456789012 infra/deploy.sh apply   STAGE LAYER   does exactly what was planned
#   MICROPAY_ACCOUNT=123456789012 infra/deploy.sh up      STAGE [LAYER] plans, shows, asks, applies; all layers before the cluster, or this one
#   MICROPAY_ACCOUNT=123456789012 infra/deploy.sh delete  STAGE [LAYER] all layers, the last first, or this one
#   MICROPAY_ACCOUNT=123456789012 infra/deploy.sh outputs STAGE [LAYER] NAME=VALUE of what was made
#
# STAGE is sandbox or production, one account each. LAYER is network, registry, data, identity, messaging, access, watch,
# and after the cluster edge. --set LAYER.Key=Value overrides a parameter, --yes asks nothing.
# AWS_ENDPOINT_URL, AWS_PROFILE and AWS_REGION are as the AWS CLI takes them.
set -euo pipefail
cd "$(dirname "$0")"

before_cluster=(network registry data identity messaging access watch)
layers=("${before_cluster[@]}" edge)
die() { printf 'deploy: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,13s/^# \{0,1\}//p' deploy.sh >&2; exit 2; }

overrides=() yes='' words=()
while [ $# -gt 0 ]; do
    case $1 in
        --set) [ $# -gt 1 ] || usage; overrides+=("$2"); shift ;;
        --yes) yes=1 ;;
        -*) usage ;;
        *) words+=("$1") ;;
    esac
    shift
done
[ ${#words[@]} -ge 2 ] && [ ${#words[@]} -le 3 ] || usage
action=${words[0]} stage=${words[1]} only=${words[2]-}
[ -f "$stage.params" ] || die "no stage $stage: there is no infra/$stage.params"
[ -z "$only" ] || [ -f "$only.yaml" ] || die "no layer $only: there is no infra/$only.yaml"

# The account is named by who runs this and by AWS, and both must say the same: a profile left over from yesterday
# must not decide where production goes.
account=$(aws sts get-caller-identity --query Account --output text) || die "AWS does not say who is asking"
[ -n "${MICROPAY_ACCOUNT-}" ] || die "MICROPAY_ACCOUNT is not set; the credentials are those of account $account: confirm it by MICROPAY_ACCOUNT=$account"
[ "$MICROPAY_ACCOUNT" = "$account" ] || die "MICROPAY_ACCOUNT is $MICROPAY_ACCOUNT, but the credentials are those of account $account"

stack_of() { echo "micropay-$1"; }
change_set_of() { echo "plan-$stage-$1"; }
# REVIEW_IN_PROGRESS is a stack that only has a change set.
status_of() { aws cloudformation describe-stacks --stack-name "$(stack_of "$1")" --query 'Stacks[0].StackStatus' --output text 2>/dev/null || echo NONE; }

# A stack bears its stage, so that the parameters of one are never applied to the other.
same_stage() {
    local is
    is=$(aws cloudformation describe-stacks --stack-name "$(stack_of "$1")" --query "Stacks[0].Tags[?Key=='micropay:stage'].Value | [0]" --output text)
    [ "$is" = "$stage" ] || die "$(stack_of "$1") is of stage $is, not $stage"
}

outputs_of() {
    aws cloudformation describe-stacks --stack-name "$(stack_of "$1")" --output text --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]' 2>/dev/null |
        awk -F'\t' 'NF == 2 { print $1 "=" $2 }' || true
}

# parameters prints the parameters of a layer as JSON: what other layers put out, then the stage's files, then --set;
# what comes later wins. Only what the template asks for is given to it.
parameters() {
    local layer=$1 other
    { for other in "${layers[@]}"; do [ "$other" = "$layer" ] || outputs_of "$other"; done
      { cat "$stage.params"; [ ! -f "$stage.local.params" ] || cat "$stage.local.params"; printf '%s\n' "${overrides[@]}"; } |
          awk -v layer="$layer." 'index($0, layer) == 1 { print "!" substr($0, length(layer) + 1) }'
    } | awk -v template="$layer.yaml" '
        BEGIN {
            while ((getline line < template) > 0) {
                if (line ~ /^[A-Z]/) within = (line ~ /^Parameters:/)
                else if (within && match(line, /^  [A-Za-z0-9]+:/)) asked[substr(line, 3, RLENGTH - 3)] = 1
            }
        }
        {
            must = sub(/^!/, ""); at = index($0, "="); key = substr($0, 1, at - 1)
            if (key in asked) value[key] = substr($0, at + 1)
            else if (must) { print "deploy: " template " has no parameter " key > "/dev/stderr"; bad = 1 }
        }
        END {
            if (bad) exit 1
            printf "["
            for (k in value) {
                v = value[k]; gsub(/\\/, "\\\\", v); gsub(/"/, "\\\"", v)
                printf "%s{\"ParameterKey\":\"%s\",\"ParameterValue\":\"%s\"}", sep, k, v; sep = ","
            }
            printf "]"
        }'
}

plan() {
    local layer=$1 stack type=CREATE why change_set given
    stack=$(stack_of "$layer") change_set=$(change_set_of "$layer")
    case $(status_of "$layer") in
        NONE | REVIEW_IN_PROGRESS) ;;
        ROLLBACK_COMPLETE | *_FAILED) die "$stack is $(status_of "$layer"): delete it first" ;;
        *_IN_PROGRESS) die "$stack is being changed: $(status_of "$layer")" ;;
        *) type=UPDATE; same_stage "$layer" ;;
    esac
    given=$(parameters "$layer") || die "$stack: parameters that do not fit"
    aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null 2>&1 || true
    aws cloudformation create-change-set --stack-name "$stack" --change-set-name "$change_set" --change-set-type "$type" \
        --template-body "file://$layer.yaml" --parameters "$given" \
        --tags Key=micropay:stage,Value="$stage" --capabilities CAPABILITY_NAMED_IAM >/dev/null
    if ! aws cloudformation wait change-set-create-complete --stack-name "$stack" --change-set-name "$change_set" 2>/dev/null; then
        why=$(aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --query StatusReason --output text)
        aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null
        case $why in
            *"didn't contain changes"* | *"No updates are to be performed"*) echo "$stack: nothing to change"; return 1 ;;
            *) die "$stack: $why" ;;
        esac
    fi
    echo "$stack: the plan for account $account, stage $stage"
    aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --output text \
        --query 'Changes[].ResourceChange.[Action, Replacement, ResourceType, LogicalResourceId]' | sort | sed 's/^/    /'
}

apply() {
    local layer=$1 stack done_is=stack-update-complete change_set
    stack=$(stack_of "$layer") change_set=$(change_set_of "$layer")
    case $(status_of "$layer") in NONE) die "$stack: nothing is planned" ;; REVIEW_IN_PROGRESS) done_is=stack-create-complete ;; *) same_stage "$layer" ;; esac
    aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null 2>&1 || die "$stack: nothing is planned"
    aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null
    aws cloudformation wait "$done_is" --stack-name "$stack" || die "$stack did not come up: aws cloudformation describe-stack-events --stack-name $stack"
    echo "$stack: $(status_of "$layer")"
}

confirm() {
    local said
    [ -z "$yes" ] || return 0
    read -r -p "$1 Type the number of the account to go on: " said || true
    [ "$said" = "$account" ] || die "not confirmed"
}

delete() {
    local layer=$1 stack
    stack=$(stack_of "$layer")
    [ "$(status_of "$layer")" != NONE ] || return 0
    same_stage "$layer"
    aws cloudformation delete-stack --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --stack-name "$stack" || die "$stack is not gone: aws cloudformation describe-stack-events --stack-name $stack"
    echo "$stack: deleted"
}

case $action in
    plan) [ -n "$only" ] || usage; plan "$only" || true ;;
    apply) [ -n "$only" ] || usage; apply "$only" ;;
    up)
        for layer in ${only:-"${before_cluster[@]}"}; do
            if plan "$layer"; then
                confirm "Apply this?"
                apply "$layer"
            fi
        done ;;
    delete)
        confirm "Delete ${only:-everything} of stage $stage?"
        if [ -n "$only" ]; then delete "$only"; else
            for ((i = ${#layers[@]} - 1; i >= 0; i--)); do delete "${layers[i]}"; done
        fi ;;
    outputs)
        for layer in ${only:-"${layers[@]}"}; do outputs_of "$layer"; done ;;
    *) usage ;;
esac
