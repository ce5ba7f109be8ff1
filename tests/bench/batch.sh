#!/usr/bin/env bash
# batch.sh -- a million points of a small graph (batch.py), on a service of its own. JAX takes part
# where the Python of $PYTHON has it: python3 -m venv env && env/bin/pip install "jax[cpu]".
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/service.sh
. tests/bench/service.sh
log=$(mktemp)
trap 'stop "$gradd_pid"; rm -f "$log"' EXIT
start_gradd "$log"
"$python" tests/bench/batch.py "$gradd_url" "${ROUNDS:-7}"
