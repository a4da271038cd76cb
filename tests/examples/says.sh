#!/usr/bin/env bash
# tests/examples/says.sh STATUS EXPECTED PROGRAM [ARG...] - an example says what it should
#
# All that it prints counts, stderr too, but for times: a number with a point in it is N here.

set -u

status=$1
expected=$2
shift 2

said=$(timeout 60 "$@" 2>&1)
seen=$?
said=$(sed -E 's/[0-9]+\.[0-9]+/N/g' <<<"$said")

if [ "$said" != "$expected" ]; then
    printf 'expected:\n%s\nsaid:\n%s\n' "$expected" "$said" >&2
    exit 1
fi
if [ "$seen" != "$status" ]; then
    echo "expected exit status $status, got $seen" >&2
    exit 1
fi
