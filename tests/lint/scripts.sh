#!/bin/bash
# scripts.sh -- shellcheck of every script.
set -eu
grep -rlIE --exclude-dir=.git --exclude-dir=build '^#!/bin/(ba)?sh' . | xargs shellcheck
