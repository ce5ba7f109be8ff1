#!/bin/bash
# layers.sh BUILD -- core knows nothing of api, api nothing of server, and each library its place.
#
# The include paths of the Makefile refuse an upward include by name; this finds the other ways.
set -u
build=$1
status=0
sources() { find "$@" -name '*.[ch]' -o -name '*.cc'; }
complain() {
    if [ -n "$2" ]; then
        printf '%s:\n%s\n' "$1" "$2"
        status=1
    fi
}

# Quoted includes resolve in the folder itself or in the ones below it, and never climb.
for layer in "core core" "api api core" "server server api"; do
    read -r folder below <<<"$layer"
    while IFS=: read -r file line text; do
        name=$(sed -n 's/.*#include "\([^"]*\)".*/\1/p' <<<"$text")
        found=
        for place in $below "$(dirname "$file")"; do
            [ ! -f "$place/$name" ] || found=yes
        done
        [ -n "$found" ] || complain "include from another layer" "$file:$line: $name"
        [[ $name != *..* ]] || complain "include by a path that climbs" "$file:$line: $name"
    done < <(sources "$folder" | xargs grep -n '#include "' /dev/null)
done
complain "server/ sees only api.h of the api" \
    "$(sources server | xargs grep -nE '#include "(call|json|arena|grad|op)\.h"' /dev/null)"

complain "jansson.h outside api/" \
    "$(sources core server | xargs grep -n '#include <jansson' /dev/null)"
complain "microhttpd.h outside server/http.c" \
    "$(sources core api server | grep -vx server/http.c | xargs grep -n '#include <microhttpd' /dev/null)"
complain "sockets in core/ or api/" \
    "$(sources core api | xargs grep -nE '#include <(sys/socket|netinet/.*|arpa/.*|sys/epoll|poll)\.h>' /dev/null)"
# The two places that keep something between calls: the index of operators, sorted once by whoever
# comes first, and the lock around a BLAS that has none of its own.
kept='core/(registry|blas)'
complain "threads in core/ or api/" \
    "$(sources core api | grep -vE "^$kept\.c" | xargs grep -nE '<(threads|pthread)\.h>' /dev/null)"
complain "core/ and api/ start no threads" "$(sources core api | xargs grep -n 'pthread_create' /dev/null)"

# Of other libraries core/ uses CBLAS alone, in one file; of the system, the C library.
standard='assert|ctype|errno|fenv|float|immintrin|inttypes|limits|math|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string'
complain "a header that core/ has no use for" \
    "$(sources core | xargs grep -n '#include <' /dev/null |
        grep -vE "<($standard|cblas|pthread)\.h>")"
blas=$(sources core | xargs grep -l '<cblas.h>' /dev/null)
[ "$(wc -w <<<"$blas")" -le 1 ] || complain "cblas.h in more than one file" "$blas"
complain "core/ reads no files, environment or clock, prints nothing, and never exits" \
    "$(sources core | xargs grep -nE '(^|[^a-zA-Z_])(fopen|printf|fprintf|puts|getenv|setenv|setlocale|time|clock_gettime|exit|abort)\(' /dev/null)"
complain "core/ speaks of JSON or HTTP" \
    "$(sources core | xargs grep -niwE 'json|http|jansson|microhttpd' /dev/null)"

# No mutable globals in core/ and api/ but those: no other object file has writable data.
while read -r object; do
    writable=$(size -A "$object" | awk '$1 ~ /^\.(data|bss|tdata|tbss)(\.|$)/ && $1 !~ /rel\.ro/ && $2 > 0 {print $1, $2, "bytes"}')
    [ -z "$writable" ] || complain "a mutable global" "$object: $writable"
done < <(find "$build/core" "$build/api" -name '*.o' 2>/dev/null | grep -vE "/$kept\.o")

exit "$status"
