#!/bin/sh
# A step of CI that fails when a command, with all that it starts, uses too much memory:
#
#   limit_in_ci.sh [LIMIT [COMMAND [ARG...]]]
#
# Past the limit the whole tree is ended at once, before it takes the machine with it. The status is
# 124 then, and the command's own otherwise, so that CI shows which of the two went wrong.
set -eu

limit=${1:-200MiB}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- python3 "$(dirname "$0")/fork_tree.py"

status=0
memstat run -r --max-pss "$limit" -- "$@" || status=$?
case $status in
    0) echo "passed, with less than $limit" ;;
    124) echo "failed: more than $limit" >&2 ;;
    *) echo "failed with status $status, and not for memory" >&2 ;;
esac
exit "$status"
