#!/bin/bash
# size.sh -- a file ends before its reader tires: above 400 lines a warning, above 600 an error.
set -u
find core api server tests \( -name '*.[ch]' -o -name '*.cc' \) -exec wc -l {} + |
    awk '$2 != "total" && $1 > 400 {
            print ($1 > 600 ? "too long" : "long") ": " $2 ", " $1 " lines"
            if ($1 > 600) bad = 1
        }
        END { exit bad }'
