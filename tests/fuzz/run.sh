#!/usr/bin/env bash
# tests/fuzz/run.sh - let libFuzzer look for inputs that the decoders cannot stand
#
#   tests/fuzz/run.sh SECONDS [TARGET...]    each target for so long, AT_A_TIME at once, or as many
#                                            as there are processors; all when none is named
#
# What is found lies in $BUILD/found/TARGET, and the exit status is 1. What was learnt stays in
# $BUILD/corpus/TARGET for the next time; the seeds in tests/fuzz/corpus are left as they are.
# BUILD is build-fuzz when it is not said.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build-fuzz}
seconds=${1:-}
if ! [[ $seconds =~ ^[0-9]+$ ]]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
shift

if ! [ -f "$build/build.ninja" ]; then
    CC=clang meson setup "$build" -Dfuzzing=libfuzzer -Db_sanitize=address,undefined \
        -Db_lundef=false -Dtests=disabled || exit 1
fi
meson compile -C "$build" fuzzers || exit 1

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for folder in tests/fuzz/corpus/*/; do
        target=$(basename "$folder")
        [ -x "$build/tests/fuzz/fuzz_$target" ] && targets+=("$target")
    done
fi

# A leak, a rule of the language, a promise that does not hold, 2 GiB or 10 s for one input.
run_one() {
    local target=$1 begin=$SECONDS status=0 log=$build/found/$1.log
    mkdir -p "$build/corpus/$target" "$build/found/$target"
    "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$build/found/$target/" \
        "$build/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
    if [ $status -ne 0 ]; then
        printf 'FAILED  %-12s\n' "$target"
        grep -v -E 'NEW|REDUCE|pulse' "$log" | tail -n 60
        return 1
    fi
    printf 'ok      %-12s %9d inputs %5d s\n' "$target" \
        "$(awk '/number_of_executed_units/ {print $2}' "$log")" $((SECONDS - begin))
}
export -f run_one
export build seconds

# shellcheck disable=SC2016 # its own argument is meant
printf '%s\0' "${targets[@]}" | xargs -0 -n 1 -P "${AT_A_TIME:-$(nproc)}" bash -c 'run_one "$1"' run_one ||
    exit 1
