#!/usr/bin/env bash
# tools/walkthrough.sh - a node at work, in a minute
#
# Starts examples/studio.yaml, draws a page, reads it, mends what was read, and finds the nearest
# among texts and among images; then breaks, hangs and crashes workers to show that they are
# replaced while others serve, and replaces those of one capability while it is called. On a terminal the node stays until Enter or Ctrl-C, so that
# you can play on; elsewhere, and with CI=true, it is stopped and the script ends by itself.
#
# Every wait has a bound, and only processes that were started here are ended here. The exit
# status is 0 only if everything went as told; a step that fails shows the end of the log.

set -u

cd "$(dirname "$0")/.." || exit 1
troupe=${BUILD:-build}/cli/troupe
case $troupe in /*) ;; *) troupe=$PWD/$troupe ;; esac

folder=$(mktemp -d "${TMPDIR:-/tmp}/troupe-walk.XXXXXX") || exit 1
log=$folder/node.log
export TROUPE_SOCKET=$folder/studio.sock
export TROUPE_ENDPOINT=ipc://$TROUPE_SOCKET
node=     # process id while it runs
other=    # process id of what runs beside, while it does

START_BOUND_S=60 # for loading the models on a slow machine
STOP_BOUND_S=20  # more than the drain-timeout of the studio
CALL_BOUND_S=90

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi

# ---- saying ----

chapter() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# fact WHAT VALUE: one aligned line
fact() {
    printf '  %-26s %s\n' "$1" "$2"
}

fine() {
    printf '  %-26s %s%s%s\n' "$1" "$green" "$2" "$plain"
}

shown() {
    sed "s/^/    $dim/; s/\$/$plain/"
}

# ---- time ----

now_ms() {
    echo $(( ${EPOCHREALTIME/[.,]/} / 1000 ))
}

# timed COMMAND...: runs it within the bound; its time is then in $took_ms
timed() {
    local began status
    began=$(now_ms)
    timeout "$CALL_BOUND_S" "$@"
    status=$?
    took_ms=$(( $(now_ms) - began ))
    return $status
}

# ---- the node ----

node_runs() {
    [ -n "$node" ] && kill -0 "$node" 2>/dev/null
}

# gone_within SECONDS: whether the node ends by then
gone_within() {
    local end=$(( $(now_ms) + $1 * 1000 ))
    while node_runs; do
        [ "$(now_ms)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# Ask in the friendly way, then by signal, then not at all. Leaves the status in $node_status.
stop_node() {
    node_status=0
    [ -n "$node" ] || return 0
    if node_runs; then
        timeout "$STOP_BOUND_S" "$troupe" stop >/dev/null 2>&1 || kill -TERM "$node" 2>/dev/null
        gone_within "$STOP_BOUND_S" || kill -KILL "$node" 2>/dev/null
    fi
    wait "$node"
    node_status=$?
    node=
}

tidy_up() {
    [ -n "$other" ] && kill "$other" 2>/dev/null
    stop_node
    rm -rf "$folder"
}
trap tidy_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf '\n%sfailed:%s %s\n' "$red" "$plain" "$1" >&2
    if [ -s "$log" ]; then
        echo "the end of the node's log:" >&2
        tail -n 20 "$log" | shown >&2
    fi
    exit 1
}

# free_port FIRST: it, or one of those behind it
free_port() {
    local port
    for ((port = $1; port < $1 + 30; port++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
    done
    echo "$1"
}

tree() {
    timeout 10 "$troupe" tree || fail "troupe tree did not answer"
}

# ---- the story ----

start_node() {
    [ -x "$troupe" ] || fail "there is no $troupe; build first, for instance with make run"
    export TROUPE_PORT=${TROUPE_PORT:-$(free_port 5670)}
    export TROUPE_HTTP_PORT=${TROUPE_HTTP_PORT:-$(free_port 8670)}

    local began
    began=$(now_ms)
    "$troupe" run examples/studio.yaml >"$log" 2>&1 </dev/null &
    node=$!
    until timeout 5 "$troupe" tree >/dev/null 2>&1; do
        node_runs || fail "the node ended while it started"
        [ $(( $(now_ms) - began )) -lt $((START_BOUND_S * 1000)) ] ||
            fail "the node was not ready within $START_BOUND_S s"
        sleep 0.05
    done
    fact 'examples/studio.yaml' "ready after $(( $(now_ms) - began )) ms"
    fact 'listens on' "$TROUPE_ENDPOINT"
    fact '' "tcp://127.0.0.1:$TROUPE_PORT"
    fact 'dashboard' "http://127.0.0.1:$TROUPE_HTTP_PORT/"
}

# draw NAME OPTION...: a picture in $folder/NAME.png
draw() {
    timed "$troupe" call text_to_image "${@:2}" -o "$folder/$1.png" ||
        fail "text_to_image did not draw the picture $1"
}

draw_and_read() {
    cat >"$folder/letter.txt" <<'LETTER'
Troupe is an actor framework for C.
Every worker is supervised: when one fails, another
takes its place, and the request that it held gets
an answer all the same.
LETTER
    draw page -f "$folder/letter.txt"
    [ -s "$folder/page.png" ] || fail "text_to_image gave an empty picture"
    fact 'text_to_image' "a PNG of $(wc -c <"$folder/page.png") bytes in $took_ms ms"

    timed "$troupe" call vision -f "$folder/page.png" -o "$folder/back.txt" >"$folder/lines" ||
        fail "vision did not read the picture"
    fact 'vision' "$(wc -w <"$folder/back.txt") words in $took_ms ms"
    echo
    grep . "$folder/back.txt" | shown
    echo

    local sent back
    sent=$(tr -s '[:space:]' ' ' <"$folder/letter.txt")
    back=$(tr -s '[:space:]' ' ' <"$folder/back.txt")
    [ "${sent% }" = "${back% }" ] || fail "what was read is not what was drawn"
    fine 'drawn = read' 'the same text, white space aside'
    fact '' "${dim}times include the start of a worker and of the troupe command$plain"
}

mend() {
    local wrong='Actors recieve messsages, and beleive what they are told.'
    draw wrong -d "$wrong"
    timed "$troupe" call vision -f "$folder/wrong.png" -o "$folder/wrong.txt" >"$folder/lines" ||
        fail "vision did not read the sentence"
    timed "$troupe" call text_to_text -f "$folder/wrong.txt" -o "$folder/right.txt" \
        >"$folder/words" || fail "text_to_text did not mend the sentence"
    fact 'vision reads' "$(cat "$folder/wrong.txt")"
    fact 'text_to_text mends' "$(cat "$folder/right.txt")"
    [ "$(cat "$folder/right.txt")" = 'Actors receive messages, and believe what they are told.' ] ||
        fail "the sentence is not right yet"
    fine '' "after $took_ms ms"
}

# vector CAPABILITY JSON OPTION...: its values, one a line
vector() {
    timeout "$CALL_BOUND_S" "$troupe" call "$1" -r "$2" "${@:3}" |
        sed 's/.*"vector":\[\([^]]*\)\].*/\1/' | tr ',' '\n'
}

# likeness FILE FILE: of two vectors, which have a length of one
likeness() {
    paste "$1" "$2" | awk '{sum += $1 * $2} END {printf "%.2f\n", sum}'
}

# nearest FILE...: which of them is most like the vector in $folder/asked; tells of all
nearest() {
    local one
    for one in "$@"; do
        printf '%s %s\n' "$(likeness "$folder/asked" "$one")" "$one"
    done | sort -rn
}

# find_text N TEXT...: N of them is expected to be the nearest to $asked
find_text() {
    local expected=$1 i texts=("${@:2}") vectors=()
    local meaning='{"dimensions": 64}' # without which words they are
    vector text_embedding "$meaning" -d "$asked" >"$folder/asked"
    for ((i = 0; i < ${#texts[@]}; i++)); do
        vectors+=("$folder/text.$i")
        vector text_embedding "$meaning" -d "${texts[i]}" >"$folder/text.$i"
    done
    fact 'text_embedding' "what is nearest to: $asked"
    nearest "${vectors[@]}" >"$folder/order"
    while read -r value one; do
        fact "  $value" "${texts[${one##*.}]}"
    done <"$folder/order"
    [ "$(head -n 1 "$folder/order" | sed 's/.*\.//')" = "$expected" ] ||
        fail "another text was expected to be the nearest"
}

# The page of before, smaller, on blue, as a JPEG would be: and yet the same page.
find_image() {
    draw small -f "$folder/letter.txt" \
        -r '{"dpi": 100, "color": "#202040", "background": "#d0e0ff"}'
    draw other -d 'Quite another page: with a few words only.'
    draw large -d 'Half a line' -r '{"size": 60}'
    local one
    for one in page other large; do
        vector image_embedding '{}' -f "$folder/$one.png" >"$folder/$one.picture"
    done
    vector image_embedding '{}' -f "$folder/small.png" >"$folder/asked"
    fact 'image_embedding' 'what is nearest to the page, drawn again: smaller, in blue'
    nearest "$folder"/{page,other,large}.picture >"$folder/order"
    while read -r value one; do
        one=${one##*/}
        fact "  $value" "${one%.picture}.png"
    done <"$folder/order"
    grep -q 'page.picture' <(head -n 1 "$folder/order") ||
        fail "another image was expected to be the nearest"
}

break_a_worker() {
    if timed "$troupe" call echo -m broken -d 'out of paper' 2>"$folder/said"; then
        fail "a broken worker was expected to fail its request"
    fi
    fact 'echo -m broken' "the caller is told, after $took_ms ms:"
    shown <"$folder/said"
}

# serve_meanwhile CAPABILITY PID: call it until that process ends; fails if a call does. The
# count is then in $n_served.
serve_meanwhile() {
    local sent=0 ok=0
    : >"$folder/missed"
    while kill -0 "$2" 2>/dev/null || [ $sent -eq 0 ]; do
        sent=$((sent + 1))
        [ "$(timeout 10 "$troupe" call "$1" -t 5s -d "hello $sent" 2>>"$folder/missed")" = \
            "hello $sent" ] && ok=$((ok + 1))
    done
    if [ "$sent" != "$ok" ]; then
        shown <"$folder/missed"
        fail "of $sent requests sent meanwhile only $ok were answered"
    fi
    n_served=$ok
}

# fail_a_worker CAPABILITY METHOD: it costs its own request, and no other
fail_a_worker() {
    local began
    began=$(now_ms)
    timeout 20 "$troupe" call "$1" -m "$2" -t 3s >"$folder/lost" 2>&1 &
    other=$!
    serve_meanwhile "$1" "$other"
    wait "$other" && fail "a request with the method $2 was expected to fail"
    other=
    fact "$1 -m $2" "the caller is told, after $(( $(now_ms) - began )) ms:"
    shown <"$folder/lost"
    fine 'meanwhile' "$n_served requests sent, $n_served answered"
}

replace_workers() {
    timeout 60 "$troupe" restart risky >"$folder/done" 2>&1 &
    other=$!
    serve_meanwhile risky "$other"
    wait "$other" || { shown <"$folder/done"; fail "troupe restart risky did not work"; }
    other=
    fact 'troupe restart risky' "$(cat "$folder/done")"
    fine 'meanwhile' "$n_served requests sent, $n_served answered"
}

show_replacements() { # of the log after the first $1 lines
    fact 'the log says' ''
    tail -n "+$(($1 + 1))" "$log" | grep -E 'child=(echo|risky)/' | head -n 12 | shown
}

invite_and_wait() {
    chapter 'Your turn'
    echo "  The node runs on. In another terminal, for instance:"
    echo
    echo "    export TROUPE_ENDPOINT=$TROUPE_ENDPOINT"
    echo "    $troupe call echo -d hello"
    echo "    $troupe call risky -m leak -d 300    # more MiB than it may have"
    echo "    $troupe call text_to_image -d '<b>Your</b> words' -o page.png"
    echo "    $troupe call vision -f page.png"
    echo "    $troupe call text_to_text -d 'a lettre from freinds'"
    echo "    $troupe call text_embedding -d 'a boat' -r '{\"dimensions\": 4}'"
    echo "    $troupe tree"
    echo
    printf '  Enter or Ctrl-C stops it. '
    local asked=no
    trap 'asked=yes; echo' INT
    while node_runs && [ $asked = no ]; do
        read -r -t 1
        [ $? -gt 128 ] || asked=yes # above 128 only the second has passed
    done
    trap 'exit 130' INT
    [ $asked = yes ] || fail "the node ended by itself"
}

chapter 'A node starts'
start_node

chapter 'A text becomes a picture, and a text again'
draw_and_read

chapter 'What was read is mended'
mend

chapter 'What is alike is found'
asked='a ship on the sea'
find_text 1 'a recipe for bread' 'a boat in the water' 'the rules of chess'
find_image

chapter 'Who is at work'
tree | shown

chapter 'Workers fail, the service does not'
mark=$(wc -l <"$log")
break_a_worker
fail_a_worker echo hang
fail_a_worker risky crash
show_replacements "$mark"

chapter 'A new version would come in like this'
replace_workers
tree | shown

if [ -t 0 ] && [ -t 1 ] && [ "${CI:-}" != true ]; then
    invite_and_wait
fi

chapter 'The node stops'
began=$(now_ms)
stop_node
[ "$node_status" = 0 ] || fail "the node ended with status $node_status"
fine 'drained and gone' "after $(( $(now_ms) - began )) ms"
