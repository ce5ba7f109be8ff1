#!/usr/bin/env bash
# throughput.sh -- requests a second of the smallest useful graph, beside a handler that does nothing
# and, where Python has them, beside FastAPI with torch. Rounds alternate; medians and ratios.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/service.sh
. tests/bench/service.sh
seconds=${SECONDS_A_ROUND:-3} rounds=${ROUNDS:-7} tmp=$(mktemp -d)
pids=
trap 'stop_all "$pids"; rm -rf "$tmp"' EXIT

cat >"$tmp/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"graph":{"nodes":[{"id":"q","op":"add","inputs":["x","y"]},{"id":"f","op":"mul","inputs":["q","z"]}],"outputs":["f"]},"inputs":{"x":-2,"y":5,"z":-4}}]]
LUA

load() { # URL CONNECTIONS
    wrk -t1 -c"$2" -d"${seconds}s" -s "$tmp/post.lua" "$1" >"$tmp/out"
    if grep -q 'Non-2xx' "$tmp/out"; then cat "$tmp/out" >&2; exit 1; fi
    sed -n 's/Requests\/sec: *//p' "$tmp/out"
}

"$build"/bench/bare >"$tmp/bare.port" &
bare_pid=$!
pids="$pids $bare_pid"
start_gradd "$tmp/gradd.log"
pids="$pids $gradd_pid"
while [ ! -s "$tmp/bare.port" ]; do sleep 0.05; done
bare_url=http://127.0.0.1:$(cat "$tmp/bare.port")/v1/evaluate

torch_url=
if "$python" -c 'import fastapi, uvicorn, torch' 2>/dev/null; then
    "$python" tests/bench/fastapi_torch.py "$tmp/torch.port" >"$tmp/torch.log" 2>&1 &
    torch_pid=$!
    pids="$pids $torch_pid"
    for _ in $(seq 100); do [ -s "$tmp/torch.port" ] && break; sleep 0.2; done
    sleep 1
    torch_url=http://127.0.0.1:$(cat "$tmp/torch.port")/v1/evaluate
fi

for _ in $(seq "$rounds"); do
    load "$bare_url" 64 >>"$tmp/bare"
    load "$gradd_url/v1/evaluate" 64 >>"$tmp/gradd"
    [ -z "$torch_url" ] || load "$torch_url" 64 >>"$tmp/torch"
done
bare=$(median <"$tmp/bare") gradd=$(median <"$tmp/gradd")
echo "64 keep-alive connections, one load thread, median of $rounds rounds of ${seconds} s"
echo "bare libmicrohttpd handler   $bare requests/s"
echo "gradd, cs231n graph          $gradd requests/s"
awk -v a="$gradd" -v b="$bare" 'BEGIN {printf "gradd / bare                 %.2f\n", a / b}'
if [ -n "$torch_url" ]; then
    torch=$(median <"$tmp/torch")
    echo "FastAPI + torch              $torch requests/s"
    awk -v a="$gradd" -v b="$torch" 'BEGIN {printf "gradd / FastAPI + torch      %.0f\n", a / b}'
fi
