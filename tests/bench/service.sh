# shellcheck shell=bash
# service.sh -- sourced by the benchmarks: start a server, learn its address, stop it again.

# start_gradd LOG [flags]: sets gradd_pid and gradd_url
gradd_pid='' gradd_url=''
build=${BUILD:-build}
# The one that Debian's python3-torch belongs to; for the scripts that source this.
# shellcheck disable=SC2034
python=${PYTHON:-/usr/bin/python3}
start_gradd() {
    local log=$1
    shift
    "${GRADD:-$build/gradd}" --listen 127.0.0.1:0 "$@" 2>"$log" &
    gradd_pid=$!
    for _ in $(seq 100); do
        gradd_url=$(sed -n 's/.*ready on \(http:[^ ,]*\).*/\1/p' "$log" | head -n 1)
        [ -n "$gradd_url" ] && return 0
        kill -0 "$gradd_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$log" >&2
    return 1
}

stop() {
    kill "$1" 2>/dev/null && wait "$1" 2>/dev/null
    return 0
}

# stop_all PIDS: for traps
stop_all() {
    local pid
    for pid in $1; do stop "$pid"; done
}

# median of the numbers on standard input
median() {
    sort -n | awk '{x[NR] = $1} END {print x[int((NR + 1) / 2)]}'
}
