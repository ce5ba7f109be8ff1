#!/bin/bash
# clang.sh BUILD -- everything, tests included, compiles without a warning under clang as well.
set -eu
make BUILD="$1/clang" CC=clang CXX=clang++ OPT=-O1 all tests >"$1/clang.log" 2>&1 ||
    { grep -E -A4 'error|warning' "$1/clang.log" | head -100; exit 1; }
