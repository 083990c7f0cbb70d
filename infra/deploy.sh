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
case ${#words[@]} in 2 | 3) ;; *) usage ;; esac
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

# look sets the status of a layer's stack, and which change is due: create, also of a stack that only has a change set
# (REVIEW_IN_PROGRESS), or update. A stack bears its stage, so that the parameters of one are never applied to the other.
look() {
    local told is
    told=$(aws cloudformation describe-stacks --stack-name "$(stack_of "$1")" --output text \
        --query "Stacks[0].[StackStatus, Tags[?Key=='micropay:stage'].Value | [0]]" 2>&1) ||
        case $told in *"does not exist"*) told=NONE ;; *) die "$told" ;; esac
    read -r status is <<<"$told"
    case $status in
        NONE | REVIEW_IN_PROGRESS) change=create ;;
        *) change=update; [ "$is" = "$stage" ] || die "$(stack_of "$1") is of stage $is, not $stage" ;;
    esac
}

# outputs prints NAME=VALUE of all layers, or of those for which more holds: outputs "&& StackName == 'micropay-data'"
outputs() {
    local which="starts_with(StackName, 'micropay-') ${1-}"
    aws cloudformation describe-stacks --output text --query "Stacks[?$which].Outputs[].[OutputKey, OutputValue]" |
        awk -F'\t' 'NF == 2 { print $1 "=" $2 }'
}

# parameters prints the parameters of a layer as JSON: what other layers put out, then the stage's files, then --set;
# what comes later wins. Only what the template asks for is given to it.
parameters() {
    local layer=$1
    { outputs "&& StackName != '$(stack_of "$layer")'" || exit 1
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

# plan keeps a change set and shows it; false: there is nothing to change.
plan() {
    local layer=$1 stack told why change_set given
    stack=$(stack_of "$layer") change_set=$(change_set_of "$layer")
    look "$layer"
    case $status in
        ROLLBACK_COMPLETE | *_FAILED) die "$stack is $status: delete it first" ;;
        REVIEW_IN_PROGRESS) ;;
        *_IN_PROGRESS) die "$stack is being changed: $status" ;;
    esac
    given=$(parameters "$layer") || die "$stack: parameters that do not fit"
    [ "$status" = NONE ] || aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null 2>&1 || true
    aws cloudformation create-change-set --stack-name "$stack" --change-set-name "$change_set" --change-set-type "${change^^}" \
        --template-body "file://$layer.yaml" --parameters "$given" \
        --tags Key=micropay:stage,Value="$stage" --capabilities CAPABILITY_NAMED_IAM >/dev/null || die "$stack: AWS takes no such change set"
    while :; do
        told=$(aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --output text \
            --query '[[Status, StatusReason], Changes[].ResourceChange.[Action, Replacement, ResourceType, LogicalResourceId]]') || die "$stack: AWS does not say what would change"
        case $told in CREATE_PENDING* | CREATE_IN_PROGRESS*) sleep 3 ;; *) break ;; esac
    done
    if [ "${told%%[[:space:]]*}" = FAILED ]; then
        why=${told%%$'\n'*}
        aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null
        case $why in
            *"didn't contain changes"* | *"No updates are to be performed"*) echo "$stack: nothing to change"; return 1 ;;
            *) die "$stack: $why" ;;
        esac
    fi
    echo "$stack: the plan for account $account, stage $stage"
    sed '1d; s/^/    /' <<<"$told" | sort
}

# apply executes the change set of a layer that was looked at.
apply() {
    local layer=$1 stack change_set
    stack=$(stack_of "$layer") change_set=$(change_set_of "$layer")
    [ "$status" != NONE ] || die "$stack: nothing is planned"
    aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$change_set" >/dev/null || die "$stack: nothing is planned"
    aws cloudformation wait "stack-$change-complete" --stack-name "$stack" || die "$stack did not come up: aws cloudformation describe-stack-events --stack-name $stack"
    echo "$stack: ${change}d"
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
    look "$layer"
    [ "$status" != NONE ] || return 0
    aws cloudformation delete-stack --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --stack-name "$stack" || die "$stack is not gone: aws cloudformation describe-stack-events --stack-name $stack"
    echo "$stack: deleted"
}

case $action in
    plan) [ -n "$only" ] || usage; plan "$only" || true ;;
    apply) [ -n "$only" ] || usage; look "$only"; apply "$only" ;;
    up)
        for layer in ${only:-"${before_cluster[@]}"}; do
            if plan "$layer"; then
                confirm "Apply this?"
                status=PLANNED
                apply "$layer"
            fi
        done ;;
    delete)
        confirm "Delete ${only:-everything} of stage $stage?"
        if [ -n "$only" ]; then delete "$only"; else
            for ((i = ${#layers[@]} - 1; i >= 0; i--)); do delete "${layers[i]}"; done
        fi ;;
    outputs)
        outputs ${only:+"&& StackName == '$(stack_of "$only")'"} ;;
    *) usage ;;
esac
