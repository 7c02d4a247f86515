#!/bin/sh
# The installed command `memstat`: it notes what the start of Python would destroy or obey, and
# becomes memstat-python, which stands beside it. Shell builtins do, but for two cases below.
unset MEMSTAT_SIGIGN MEMSTAT_ENVIRON MEMSTAT_MOVED

here=$0
case $here in
*/*) ;;
*) [ -f "./$here" ] && here=./$here || here=$(command -v -- "$here") ;;
esac
# A link to this file alone (pipx and uv link both): readlink(1) finds the directory.
while [ ! -x "${here%/*}/memstat-python" ] && [ -L "$here" ]; do
    link=$(PATH="${PATH-}:/usr/bin:/bin" && readlink -- "$here") || break
    case $link in
    /*) here=$link ;;
    *) here=${here%/*}/$link ;;
    esac
done
python=${here%/*}/memstat-python
unset here link

# With less memory Python ends in pages of text, or never. Where no descriptor is left to read the
# file with, the shell itself says so.
[ "${1-}" = run ] && failure=125 || failure=1
trap 'exit "$failure"' EXIT
if [ -r /proc/self/limits ]; then
    while read -r first second third most rest; do
        case "$first $second $third" in
        'Max data size') least_mib=10 option=-d ;;
        'Max address space') least_mib=20 option=-v ;;
        *) continue ;;
        esac
        # "unlimited" has nine letters.
        if [ "${#most}" -lt 9 ] && [ "$most" -lt "$((least_mib << 20))" ]; then
            echo "memstat: out of memory: Python needs $least_mib MiB; raise ulimit $option" >&2
            exit
        fi
    done </proc/self/limits
fi
unset first second third most rest least_mib option failure
trap - EXIT

if [ "${1-}" = run ]; then
    # Python ignores SIGPIPE and SIGXFSZ itself: what the command is to ignore is known only now.
    # Bits 12, 16 and 24 are SIGPIPE, SIGCHLD and SIGXFSZ.
    { while read -r name value; do
        case $name in
        SigIgn:)
            case $value in
            *[13579bdf]??? | *[13579bdf]???? | *[13579bdf]??????) export MEMSTAT_SIGIGN="$value" ;;
            esac
            break
            ;;
        esac
    done </proc/self/status; } 2>/dev/null
    unset name value
    # A shell drops variables with names that are not its own (bash's functions, names with dots),
    # and sets PWD. The command gets the environment as it was: in hexadecimal, since a variable
    # holds no null byte. Where no process can be started, memstat goes on without.
    trap 'exec "$python" "$@"' EXIT
    {
        # One variable has room for 128 KiB (execve(2)).
        environ=$(PATH="/usr/bin:/bin:${PATH-}" && exec od -An -v -tx1 "/proc/$$/environ") &&
            [ "${#environ}" -lt 120000 ] && export MEMSTAT_ENVIRON="$environ"
    } 2>/dev/null
    trap - EXIT
fi

# What is meant for the Python of the command would lead ours astray.
for name in PATH HOME PLATLIBDIR SAFEPATH NOUSERSITE WARNINGS DEVMODE INSPECT VERBOSE DEBUG \
    OPTIMIZE HASHSEED MALLOC MALLOCSTATS TRACEMALLOC PROFILEIMPORTTIME ASYNCIODEBUG BREAKPOINT; do
    eval "[ -z \"\${PYTHON$name+x}\" ]" && continue
    eval "export MEMSTAT_PYTHON$name=\"\$PYTHON$name\""
    export MEMSTAT_MOVED="${MEMSTAT_MOVED-} PYTHON$name"
    unset "PYTHON$name"
done
unset name
exec "$python" "$@"
