#!/bin/sh
# The application: copies a file and pushes its size.
set -eu
cp "$1" "$2"
printf 'backup_bytes %s\n' "$(wc -c <"$2")" |
    curl -sS --fail --data-binary @- "${GATEWAY:-http://127.0.0.1:9091}/metrics/job/backup" || echo "not pushed" >&2
