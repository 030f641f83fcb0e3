#!/bin/sh
# Leasehold in a pipeline. Plain POSIX shell; needs `leasehold`, and `terraform`, `tofu` or `cdktf`.
#
#   leasehold-ci plan      plan, and tell the pull request what changes in agents' access
#   leasehold-ci deploy    plan, review once more, apply exactly that plan, and prove that what lives is as declared
#   leasehold-ci drift     compare what lives with the state; one issue per stack is opened, updated or closed
#
# LEASEHOLD_ENDPOINT    the registry (required)
# LEASEHOLD_STACK       the stack (required)
# LEASEHOLD_CI_DIR      folder of the configuration, `.` if empty
# LEASEHOLD_CI_TOOL     terraform (default), tofu or cdktf
# LEASEHOLD_CI_PLAN     a plan that an earlier step saved: the file, or `show -json` of it (*.json); made anew if empty
# LEASEHOLD_CI_FORGE    github or gitlab; found out if empty, `none` to speak to neither
# LEASEHOLD_CI_FAIL_ON  low, medium, high or critical: fail from this risk on
# LEASEHOLD_CI_STRICT   `true`: fail if anything could not be compared
# LEASEHOLD_CI_STATUS   `true`: set a commit status
# LEASEHOLD_CI_GATE     `true`: fail if the rules ask for an approval that nobody gave (4), or deny (5). The registry
#                       remembers approvals for a day; LEASEHOLD_RECEIPT_FILE brings an approved receipt besides. A
#                       deployment applies with the receipt of its own review, and the registry holds it to that
# LEASEHOLD_CI_BASE     what the base branch declares (cdktf.out, a plan as JSON, a state): compared with as well
# LEASEHOLD_CI_RECEIPT  file for the receipt of the review, to be approved; none is kept if empty
# LEASEHOLD_CI_REPORTS  folder for leasehold.sarif and code-quality.json; none are written if empty
# LEASEHOLD_CI_AUDIENCE audience of the job's OIDC token, the endpoint if empty
#
# There is no secret to set up: the job's own OIDC token says who it is (GitHub: `id-token: write`; GitLab: an id token
# in LEASEHOLD_ID_TOKEN; elsewhere: LEASEHOLD_OIDC_TOKEN_FILE). Plans and states hold values that nobody should read:
# they stay in a folder that only this job can read, and are removed at its end.
set -eu
umask 077

say() { printf '%s\n' "leasehold-ci: $*" >&2; }
die() { say "$*"; exit 1; }

phase=${1:-}
case $phase in plan | deploy | drift) ;; *) die "usage: leasehold-ci plan|deploy|drift" ;; esac
[ -n "${LEASEHOLD_ENDPOINT:-}" ] || die "LEASEHOLD_ENDPOINT is not set"
[ -n "${LEASEHOLD_STACK:-}" ] || die "LEASEHOLD_STACK is not set"
stack=$LEASEHOLD_STACK
case $stack in *[!a-z0-9_-]* | [_-]*) die "LEASEHOLD_STACK is no name of a stack" ;; esac
case ${GITHUB_EVENT_NAME:-} in
  pull_request_target) die "pull_request_target gives a stranger's change this repository's rights: use pull_request" ;;
esac
tool=${LEASEHOLD_CI_TOOL:-terraform}
case $tool in terraform | tofu | cdktf) ;; *) die "LEASEHOLD_CI_TOOL must be terraform, tofu or cdktf" ;; esac
tf=${tool}
[ "$tool" = cdktf ] && tf=${TERRAFORM_BINARY_NAME:-terraform}
root=$(cd -- "${LEASEHOLD_CI_DIR:-.}" && pwd)

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A fresh proof of who this job is, for each use: they live for minutes, and may be good for one use.
identify() {
  if [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] && [ -n "${ACTIONS_ID_TOKEN_REQUEST_TOKEN:-}" ]; then
    leasehold token identity --audience "${LEASEHOLD_CI_AUDIENCE:-$LEASEHOLD_ENDPOINT}" >"$scratch/token" ||
      die "the forge hands out no OIDC token"
  elif [ -n "${LEASEHOLD_ID_TOKEN:-}" ]; then
    printf '%s\n' "$LEASEHOLD_ID_TOKEN" >"$scratch/token"
  else
    if [ -z "${LEASEHOLD_OIDC_TOKEN_FILE:-}${LEASEHOLD_TOKEN:-}" ]; then
      say "this job cannot prove who it is: it has no OIDC token (GitHub: \`id-token: write\`, and none for forks)"
    fi
    return 0
  fi
  [ -s "$scratch/token" ] || die "the forge's answer holds no OIDC token"
  LEASEHOLD_OIDC_TOKEN_FILE=$scratch/token
  export LEASEHOLD_OIDC_TOKEN_FILE
}

forge() {
  if [ -n "${LEASEHOLD_CI_FORGE:-}" ]; then
    printf '%s' "$LEASEHOLD_CI_FORGE"
  elif [ "${GITHUB_ACTIONS:-}" = true ]; then
    printf github
  elif [ "${GITLAB_CI:-}" = true ]; then
    printf gitlab
  else
    printf none
  fi
}

# The folder that Terraform works in: of cdktf, what it synthesises.
configuration() {
  if [ "$tool" = cdktf ]; then
    (cd -- "$root" && cdktf synth >/dev/null) || die "cdktf synth failed"
    folder=$root/cdktf.out/stacks/$stack
    [ -d "$folder" ] || die "cdktf synthesised no stack of that name"
  else
    folder=$root
  fi
}

initialised() {
  (cd -- "$folder" && "$tf" init -input=false -no-color >/dev/null)
}

# plan.json in the scratch folder, if there is a plan; without one nothing is known, and the report says so.
planned() {
  given=${LEASEHOLD_CI_PLAN:-}
  case $given in
    *.json) cp -- "$given" "$scratch/plan.json" || return 1 && return 0 ;;
  esac
  configuration && initialised || return 1
  if [ -n "$given" ]; then
    cp -- "$given" "$scratch/tfplan" || return 1
  else
    identify
    (cd -- "$folder" && "$tf" plan -input=false -no-color -out="$scratch/tfplan" >/dev/null) || return 1
  fi
  (cd -- "$folder" && "$tf" show -json -no-color "$scratch/tfplan") >"$scratch/shown" || return 1
  mv -- "$scratch/shown" "$scratch/plan.json"
}

# The options that review and drift share, one a line.
options() {
  [ -z "${LEASEHOLD_CI_FAIL_ON:-}" ] || printf '%s\n' --fail-on "$LEASEHOLD_CI_FAIL_ON"
  [ "${LEASEHOLD_CI_STRICT:-}" != true ] || printf '%s\n' --strict
  if [ -n "${LEASEHOLD_CI_REPORTS:-}" ]; then
    printf '%s\n' --sarif "$reports/leasehold.sarif" --code-quality "$reports/code-quality.json"
  fi
}

# Run `leasehold` with the given words and the shared options; no word is split but at the ends of lines.
report() {
  old=$IFS
  IFS='
'
  set -f
  # shellcheck disable=SC2046  # one word a line is what is meant
  set -- "$@" $(options)
  set +f
  IFS=$old
  identify
  leasehold "$@"
}

reviewed() {
  code=0
  planned || { say "there is no plan to review"; code=1; }
  where=$(forge)
  set -- review "$stack=$scratch/plan.json"
  [ "$where" = none ] || set -- "$@" --comment "$where"
  [ "$where" = none ] || [ "${LEASEHOLD_CI_STATUS:-}" != true ] || set -- "$@" --status
  [ "${LEASEHOLD_CI_GATE:-}" != true ] || set -- "$@" --gate
  [ -z "${LEASEHOLD_CI_BASE:-}" ] || set -- "$@" --base "$stack=$LEASEHOLD_CI_BASE"
  [ -z "$receipt" ] || set -- "$@" --receipt "$receipt"
  report "$@" || code=$?
  return "$code"
}

applied() {
  [ -f "$scratch/tfplan" ] || die "deploy needs the plan itself, not its JSON: what was reviewed is what is applied"
  identify
  LEASEHOLD_RECEIPT_FILE=$receipt
  export LEASEHOLD_RECEIPT_FILE
  (cd -- "$folder" && "$tf" apply -input=false -no-color "$scratch/tfplan" >/dev/null) || die "the apply failed"
}

# What Terraform believes to live now.
state() {
  (cd -- "$folder" && "$tf" show -json -no-color) >"$scratch/state.json" || die "there is no state to compare with"
}

reports=
if [ -n "${LEASEHOLD_CI_REPORTS:-}" ]; then
  (umask 022 && mkdir -p -- "$LEASEHOLD_CI_REPORTS")
  reports=$(cd -- "$LEASEHOLD_CI_REPORTS" && pwd)
fi

receipt=
if [ -n "${LEASEHOLD_CI_RECEIPT:-}" ]; then
  receipt=$(cd -- "$(dirname -- "$LEASEHOLD_CI_RECEIPT")" && pwd)/$(basename -- "$LEASEHOLD_CI_RECEIPT")
fi

case $phase in
  plan)
    reviewed
    ;;
  deploy)
    receipt=${receipt:-$scratch/receipt.json}
    reviewed || { code=$?; say "not applied"; exit "$code"; }
    applied
    state
    LEASEHOLD_CI_REPORTS=
    report drift --state "$stack=$scratch/state.json" --strict || { code=$?; say "applied, and not as declared"; exit "$code"; }
    ;;
  drift)
    configuration
    initialised || die "init failed"
    identify
    state
    where=$(forge)
    set -- drift --state "$stack=$scratch/state.json"
    [ "$where" = none ] || set -- "$@" --issue "$where"
    report "$@"
    ;;
esac
