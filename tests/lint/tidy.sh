#!/bin/bash
# tidy.sh -- clang-tidy with the checks of .clang-tidy.
set -eu
read -ra blas <<<"$(pkg-config --cflags openblas)"
find core api server -name '*.c' -not -path '*/tools/*' -print0 |
    xargs -0 -P "$(nproc)" -I{} clang-tidy --quiet {} -- \
        -std=gnu11 -Icore -Iapi -Iserver "${blas[@]}" 2> >(grep -v 'warnings\? generated' >&2)
