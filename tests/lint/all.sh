#!/bin/bash
# all.sh BUILD -- runs every check of this folder; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1

passed=0
failed=0
for check in layers exports size words scripts readme clang tidy; do
    start=$(date +%s)
    if output=$("tests/lint/$check.sh" "$1" 2>&1); then
        passed=$((passed + 1))
        echo "ok   $check: $(($(date +%s) - start)) s"
        [ -z "$output" ] || echo "$output"
    else
        failed=$((failed + 1))
        echo "$output"
        echo "FAIL $check"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
