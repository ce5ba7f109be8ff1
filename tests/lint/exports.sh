#!/bin/bash
# exports.sh BUILD -- libgrad.so exports exactly what grad.h declares, and grad.h stands alone.
set -eu
library=$1/libgrad.so
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sed '/^ *#/d' core/grad.h | tr '\n' ' ' | grep -oE 'GRAD_API [^;(]*\(' |
    sed -E 's/.*[ *]([a-z_0-9]+)\($/\1/' | sort -u >"$scratch/declared"
nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort -u >"$scratch/exported"
[ -s "$scratch/declared" ]
if ! diff "$scratch/declared" "$scratch/exported" >"$scratch/diff"; then
    echo "declared GRAD_API in core/grad.h (<) and exported by $library (>) differ:"
    cat "$scratch/diff"
    exit 1
fi

echo '#include "grad.h"' >"$scratch/alone.c"
cp "$scratch/alone.c" "$scratch/alone.cc"
for c in gcc clang; do
    $c -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -Icore "$scratch/alone.c"
done
for c in g++ clang++; do
    $c -std=c++17 -Wall -Wextra -Werror -fsyntax-only -Icore "$scratch/alone.cc"
done
