#!/bin/sh
# A step of CI that fails when a command, with all that it starts, uses more memory than before:
#
#   compare_in_ci.sh [BASE [COMMAND [ARG...]]]
#
# BASE is a file that CI keeps from build to build, as a cache or an artefact; where there is none yet
# it is made. With UPDATE=1, as on the main branch, the new runs are appended to it. The table goes to
# the summary of the step where CI has one. RUNS is how often the command is measured.
set -eu

base=${1:-memory-baseline.json}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- python3 "$(dirname "$0")/fork_tree.py"

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
memstat bench -n "${RUNS:-5}" --export-json "$directory/new.json" -- "$@" >&2

if [ ! -e "$base" ]; then
    cp "$directory/new.json" "$base"
    echo "$base was made: there is nothing to compare with yet"
    exit 0
fi

update=${UPDATE:+--update}
status=0
# shellcheck disable=SC2086 # without UPDATE it is no argument
memstat compare $update --format markdown "$base" "$directory/new.json" >"$directory/table" ||
    status=$?
[ $status -ne 2 ] || exit 2
cat "$directory/table" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"

if [ $status -eq 3 ]; then
    # Of another kernel, say: no fault of this change. The main branch begins anew.
    [ -z "$update" ] || cp "$directory/new.json" "$base"
    echo "not comparable with $base: nothing is known" >&2
    exit 0
fi
[ $status -eq 0 ] || echo "failed: it uses more memory than before" >&2
exit $status
