#!/usr/bin/env bash
# mlp.sh -- the hundred-layer perceptron beside torch (mlp.py), on a service of its own.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/service.sh
. tests/bench/service.sh
log=$(mktemp)
trap 'stop "$gradd_pid"; rm -f "$log"' EXIT
start_gradd "$log"
"$python" tests/bench/mlp.py "$gradd_url" "${ROUNDS:-7}"
