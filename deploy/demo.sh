#!/bin/bash
# demo.sh GRADD -- starts the service on a free port, evaluates one graph through it, stops it.
set -eu

gradd=$1
scratch=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$scratch"' EXIT

"$gradd" --listen 127.0.0.1:0 >"$scratch/log" 2>&1 </dev/null &
pid=$!
url=
for _ in $(seq 100); do
    url=$(grep -om1 'http://[0-9.:]*[0-9]' "$scratch/log" || true)
    [ -z "$url" ] || break
    if ! kill -0 "$pid" 2>/dev/null; then
        cat "$scratch/log" >&2
        exit 1
    fi
    sleep 0.1
done
[ -n "$url" ] || { echo "gradd did not say that it is ready" >&2; exit 1; }

request='{ "graph": { "nodes": [ {"id": "q", "op": "add", "inputs": ["x", "y"]},
                        {"id": "f", "op": "mul", "inputs": ["q", "z"]} ],
             "outputs": ["f"] },
  "inputs": {"x": -2, "y": 5, "z": -4} }'

echo
echo "gradd is ready at $url. This is f = (x + y) z as a graph, and a point to evaluate it at:"
echo
echo "POST /v1/evaluate"
echo "$request"
echo
echo "and this is its answer: the value of every node, and the gradient of f with respect to it."
echo
answer=$(curl -sS --fail-with-body --max-time 10 -H 'Content-Type: application/json' \
    -d "$request" "$url/v1/evaluate")
echo "$answer"
echo
kill -TERM "$pid"
wait "$pid"
echo "The service was stopped. \`make run\` starts it at its default address."
