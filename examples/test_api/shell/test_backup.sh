#!/bin/sh
# Tests of backup.sh: each resets the gateway, runs the script and asserts over the test API.
set -eu
cd "$(dirname "$0")"
API="${TEST_API:-http://127.0.0.1:9092}/v1"
files=$(mktemp -d)
trap 'rm -r "$files"' EXIT
printf 'twelve bytes' >"$files/from"

call() { # PATH [JSON]: a POST; prints the problem and fails unless the answer is 2xx
    curl -sS --fail-with-body -d "${2:-}" "$API/$1" || { echo >&2; echo "FAILED: $1 ${2:-}" >&2; exit 1; }
}

echo "pushes the size"
call reset
sh backup.sh "$files/from" "$files/to"
call assert/pushed '{"name": "backup_bytes", "value": 12, "labels": {"job": "backup"}}'
call assert/no_rejections

echo "copies the file while the gateway is down"
call reset
call faults '{"kind": "error", "status": 503}' >/dev/null
sh backup.sh "$files/from" "$files/other" 2>"$files/errors"
cmp "$files/from" "$files/other"
grep -q "not pushed" "$files/errors"
call assert/not_exposed '{"name": "backup_bytes"}'

call reset
echo "all passed"
