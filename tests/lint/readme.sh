#!/bin/bash
# readme.sh BUILD -- the examples of README.md do what it says, against a service of this build.
set -eu
build=$1
scratch=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$scratch"' EXIT
"$build/gradd" --listen 127.0.0.1:0 2>"$scratch/log" </dev/null &
pid=$!
url=
for _ in $(seq 100); do
    url=$(grep -o 'http://[0-9.:]*[0-9]' "$scratch/log" || true)
    [ -z "$url" ] || break
    sleep 0.1
done
[ -n "$url" ]

# Code block number $2 of a language, pointed at our service.
block() {
    awk -v language="$1" -v n="$2" '/^```/ { inside = $0 == "```" language && ++seen == n; next } inside' \
        README.md | sed "s|http://localhost:8080|$url|g"
}
same() { # what, expected, found
    [ "$2" = "$3" ] || { printf '%s: expected\n%s\nfound\n%s\n' "$1" "$2" "$3"; exit 1; }
}
ask() { curl -sS --max-time 10 -H 'Content-Type: application/json' -d "$1" "$url/v1/evaluate"; }

answer=$(block json 2)
same "the example" "$answer" "$(ask "$(block json 1)")"
same "the error" "$(block json 5)" "$(ask "$(block json 4)")"
same "the function" "$(block json 7)" "$(ask "$(block json 6)")"
block sh 4 >"$scratch/ask.sh"
same "curl" "$answer" "$(bash "$scratch/ask.sh")"
block sh 5 >"$scratch/program.sh"
same "the program" "$(block json 3)" "$(bash "$scratch/program.sh")"
block sh 6 | sed 's|curl|curl -f -o /dev/null|' >"$scratch/ops.sh"
bash -e "$scratch/ops.sh"
block c 1 >"$scratch/ask.c"
cc -Wall -Wextra -Werror -o "$scratch/ask" "$scratch/ask.c" -lcurl
same "C" "$answer" "$("$scratch/ask")"
if command -v python3 >/dev/null; then
    block python 1 >"$scratch/ask.py"
    same "Python" "-12 -4" "$(python3 "$scratch/ask.py")"
    block python 2 >"$scratch/descend.py"
    same "descent" "[3.0, 1.0] 1.0" "$(python3 "$scratch/descend.py")"
fi
if command -v node >/dev/null; then
    block js 1 >"$scratch/ask.mjs"
    same "JavaScript" "-12 -4" "$(node "$scratch/ask.mjs")"
fi
found() { # what, file, code block
    [[ -n $3 && $(<"$2") == *"$3"* ]] || { printf '%s is not in %s:\n%s\n' "$1" "$2" "$3"; exit 1; }
}
found "the case" tests/cases/values.case "$(block text 2)"
found "the operator" core/ops/unary.c "$(block c 2)"
