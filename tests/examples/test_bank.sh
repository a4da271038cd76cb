#!/usr/bin/env bash
# tests/examples/test_bank.sh PROGRAM - the bank neither makes nor loses money
#
# Its actors fail all the time, and four times the whole program is killed in the middle. In the
# end its books are right; and when they are made wrong, it says so.

set -u

program=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/troupe-bank-test.XXXXXX") || exit 1
bank=

tidy_up() {
    [ -n "$bank" ] && kill -KILL "$bank" 2>/dev/null
    rm -rf "$folder"
}
trap tidy_up EXIT
trap 'exit 143' INT TERM

fail() {
    echo "failed: $1" >&2
    exit 1
}

# killed_after TRANSFERS: also when a few more lines have come
killed_after() {
    local line more=-1
    exec {said}< <(exec "$program" "$folder" 600 2)
    bank=$!
    while [ $more -ne 0 ] && IFS= read -r -t 60 -u "$said" line; do
        more=$((more - 1))
        [ "$line" != "$1 transfers have ended" ] || more=$((RANDOM % 10))
    done
    kill -KILL "$bank" 2>/dev/null && echo "fine: killed after $1 transfers"
    wait "$bank" # on a machine that is busy otherwise it may have been faster
    bank=
    exec {said}<&-
}

# ends_with STATUS LINE
ends_with() {
    local said status
    said=$(timeout 60 "$program" "$folder" 600 2)
    status=$?
    [ "${said##*$'\n'}" = "$2" ] || fail "expected '$2', got '$said'"
    [ $status = "$1" ] || fail "'$2': expected exit status $1, got $status"
    echo "fine: $2"
}

for transfers in 100 100 200 300; do
    killed_after $transfers
done
right='600 transfers, each once; 8 accounts have 8000 together, as before'
ends_with 0 "$right"
ends_with 0 "$right"

# A line that was being written when the program was killed counts for nothing.
printf '17 5' >>"$folder/account-3"
ends_with 0 "$right"

# The audit is no rubber stamp.
cp "$folder/account-3" "$folder/kept"
tail -n 1 "$folder/kept" | sed 's/ .*/ 5001/' >>"$folder/account-3"
timeout 60 "$program" "$folder" 600 0 >"$folder/said" && fail 'money that came from nowhere is fine'
grep -q '^WRONG: amount or account of transfer' "$folder/said" || fail "$(cat "$folder/said")"
grep -q '^WRONG: total 13001' "$folder/said" || fail "$(cat "$folder/said")"
tac "$folder/kept" | awk '!is_gone && $2 != 0 {is_gone = 1; next} {print}' | tac >"$folder/account-3"
timeout 60 "$program" "$folder" 600 0 >"$folder/said" && fail 'a booking that is lost is fine'
grep -q '^WRONG: bookings of transfer' "$folder/said" || fail "$(cat "$folder/said")"
echo 'fine: wrong books are found out'
