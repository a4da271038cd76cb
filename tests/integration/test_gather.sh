#!/usr/bin/env bash
# tests/integration/test_gather.sh PROGRAM - examples/gather answers as it says

set -u

program=$1
export TROUPE_LOG_LEVEL=warning

fail() {
    echo "failed: $1" >&2
    exit 1
}

# says EXIT-STATUS EXPECTED TEXT
says() {
    said=$(timeout 60 "$program" "$3" 2>&1)
    status=$?
    [ "$said" = "$2" ] || fail "expected '$2', got '$said'"
    [ "$status" = "$1" ] || fail "'$2': expected exit status $1, got $status"
    echo "fine: $2"
}

says 0 'ok: HOW DO YOU DO' 'how do you do'
says 0 'ok: ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN' \
    'one two three four five six seven eight nine ten'
says 0 'ok: ' ''
says 1 'too_large: more than 1000 bytes' "$(printf '%01001d' 0)"
says 1 'worker_error: more words than I can remember' "$(printf 'a %.0s' {1..65})"
