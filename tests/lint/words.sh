#!/bin/bash
# words.sh -- nothing is left for later, and nothing speaks of one person's machine.
set -u
status=0
search() { # what, pattern
    if grep -rnIE --exclude-dir=.git --exclude-dir=build --exclude=words.sh -e "$2" .; then
        echo "^ $1"
        status=1
    fi
}
search "left for later" '\b(TODO|FIXME|XXX|HACK)\b'
search "a path of one machine" '(^|[^a-zA-Z0-9_.])/(home|root|work|Users)(/|\b)'
search "a package mirror or registry by name" \
    '\b(deb|security|archive|ftp)\.debian\.org|docker\.io|ghcr\.io|quay\.io'
search "space at the end of a line" '[[:space:]]+$'
exit "$status"
