#!/usr/bin/env bash
# million.sh -- one million scalar nodes posted as JSON: seconds and peak memory from request to
# answer, beside jansson alone reading the same text. Medians over rounds that alternate.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/service.sh
. tests/bench/service.sh
rounds=${ROUNDS:-5} tmp=$(mktemp -d)
pids=
trap 'stop_all "$pids"; rm -rf "$tmp"' EXIT

for kind in chain dag; do
    "$build"/bench/million text "$kind" "$tmp/body"
    rm -f "$tmp/jansson" "$tmp/gradd" "$tmp/peak"
    for _ in $(seq "$rounds"); do
        "$build"/bench/million parse "$tmp/body" >>"$tmp/jansson"
        start_gradd "$tmp/log"
        pids="$pids $gradd_pid"
        curl -s -o "$tmp/answer" -w '%{http_code} %{time_total}\n' -H 'Content-Type: application/json' \
            -H 'Expect:' --data-binary "@$tmp/body" "$gradd_url/v1/evaluate" >"$tmp/curl"
        grep -q '^200' "$tmp/curl" || { cat "$tmp/curl"; head -c 600 "$tmp/answer"; exit 1; }
        cut -d' ' -f2 "$tmp/curl" >>"$tmp/gradd"
        awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$gradd_pid/status" >>"$tmp/peak"
        stop "$gradd_pid"
    done
    parse=$(cut -d' ' -f1 "$tmp/jansson" | median) tree=$(cut -d' ' -f2 "$tmp/jansson" | median)
    total=$(median <"$tmp/gradd") peak=$(median <"$tmp/peak")
    echo "$kind of one million nodes, $(($(wc -c <"$tmp/body") >> 20)) MiB of text, $(($(wc -c <"$tmp/answer") >> 20)) MiB of answer"
    echo "  jansson, parse only                     $parse s, peak $tree MiB"
    echo "  gradd, request to answer, all gradients $total s, peak $peak MiB"
    awk -v a="$total" -v b="$parse" 'BEGIN {printf "  gradd / jansson                         %.2f\n", a / b}'
done
