#!/bin/bash
# run.sh PROGRAM... -- runs test programs one after another and adds up what cmocka says.
#
# A program's output is kept in PROGRAM.log and shown when it fails. The last line is
# "N passed, N failed". GRADD names the service's binary; TEST_SECONDS bounds one program.
# What a sanitizer says, of the program or of a service that it started, is shown and is a failure.
set -u

passed=0
failed=0

# The sum of the numbers that a sed expression finds in the log.
count() {
    local n sum=0
    while read -r n; do sum=$((sum + n)); done < <(sed -En "s/$1/\\1/p" "$2")
    echo "$sum"
}

for program; do
    log=$program.log
    report=$program.report
    rm -f "$report".*
    export ASAN_OPTIONS=log_path=$report TSAN_OPTIONS=log_path=$report
    start=$(date +%s)
    timeout -k 10 "${TEST_SECONDS:-600}" "$program" >"$log" 2>&1 </dev/null
    status=$?
    good=$(count '^\[  PASSED  \] ([0-9]+) test.*' "$log")
    bad=$(count '^\[  FAILED  \] [^0-9]*([0-9]+) test.*' "$log")
    reports=$(find "$(dirname "$program")" -name "$(basename "$report").*")
    # A program that died, hung or ran nothing has failed, whatever it printed.
    if [ "$status" -ne 0 ] || [ -n "$reports" ] || [ $((good + bad)) -eq 0 ]; then
        [ "$bad" -gt 0 ] || bad=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    if [ "$bad" -gt 0 ]; then
        grep -avE '^\[ (RUN     |      OK) ' "$log" | tail -n 100
        [ -z "$reports" ] || echo "$reports" | xargs head -n 80
        [ "$status" -ne 124 ] || echo "(stopped after ${TEST_SECONDS:-600} s)"
        echo "FAIL $(basename "$program"): $good passed, $bad failed, status $status"
    else
        echo "ok   $(basename "$program"): $good passed, $(($(date +%s) - start)) s"
    fi
done

if [ $# -eq 0 ]; then
    echo "no test programs" >&2
    failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
