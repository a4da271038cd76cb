#!/usr/bin/env bash
# tests/install/test_tutorial.sh BUILD SOURCE - what docs/tutorial.md says, done
#
# Installs the build into a folder of its own, builds a copy of examples/hello against that with
# nothing but pkg-config, and runs it embedded, as a module, and from another process; then the
# actors. Every wait has a bound; only processes that were started here are ended here.

set -u

build=$1
source=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/troupe-tutorial.XXXXXX") || exit 1
node=

tidy_up() {
    [ -n "$node" ] && kill -KILL "$node" 2>/dev/null && wait "$node" 2>/dev/null
    rm -rf "$folder"
}
trap tidy_up EXIT
trap 'exit 143' INT TERM

fail() {
    echo "failed: $1" >&2
    [ -s "$folder/log" ] && cat "$folder/log" >&2
    exit 1
}

# same WHAT EXPECTED SEEN
same() {
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    echo "fine: $1"
}

# ---- install; the prefix of the description is moved to where the files went ----

DESTDIR=$folder/stage meson install -C "$build" --no-rebuild --quiet >"$folder/log" 2>&1 ||
    fail 'meson install'
pc=$(find "$folder/stage" -name troupe.pc)
[ -n "$pc" ] || fail 'there is no troupe.pc'
prefix=$folder/stage$(sed -n 's/^prefix=//p' "$pc")
sed -i "s|^prefix=.*|prefix=$prefix|" "$pc"
troupe=$prefix/bin/troupe
export PKG_CONFIG_PATH=${pc%/*}
unset TROUPE_MODULE_PATH TROUPE_ENDPOINT
# A build for a sanitizer or for /usr may need these; harmless otherwise.
LD_LIBRARY_PATH=$(pkg-config --variable=libdir troupe)
export LD_LIBRARY_PATH

# ---- build the project of the tutorial ----

cp -r "$source/examples/hello" "$folder/hello" && cd "$folder/hello" || exit 1
{ timeout 120 meson setup build && timeout 120 ninja -C build; } >"$folder/log" 2>&1 ||
    fail 'building examples/hello'
: >"$folder/log"

# ---- embedded ----

export TROUPE_LOG_LEVEL=warning
same 'embedded' 'ok: Welcome, Ada! You are guest 1.' "$(timeout 20 build/hello 2>"$folder/log")"
same 'embedded, no name' 'bad_request: whom shall I greet?' "$(timeout 20 build/hello '')"
same 'its log' '' "$(cat "$folder/log")"

# ---- as a module ----

export HELLO_SOCKET=$folder/hello.sock
export TROUPE_ENDPOINT=ipc://$HELLO_SOCKET
same 'check' 'node greeter: capabilities 1 with 1 to 1 workers, actors 0, supervisors 1, endpoints 1' \
    "$(timeout 20 "$troupe" check hello.yaml)"
timeout 20 "$troupe" run hello.yaml >"$folder/said" 2>&1
same 'without its module, exit status' 1 $?
grep -q "^hello.yaml:8:24: error: no module 'hello': looked for hello.so in " "$folder/said" ||
    fail "without its module: $(cat "$folder/said")"

"$troupe" run hello.yaml --module-path build >"$folder/log" 2>&1 </dev/null &
node=$!
same 'call' 'Good day, Ada! You are guest 1.' \
    "$(timeout 30 "$troupe" call hello -d Ada --connect-timeout 20s)"
same 'client' 'ok: Good day, Grace! You are guest 2.' \
    "$(timeout 20 build/client "$TROUPE_ENDPOINT" Grace)"
said=$(timeout 20 "$troupe" call hello -d '' 2>&1)
same 'refused, exit status' 1 $?
same 'refused' 'troupe: hello: bad_request: whom shall I greet?' "$said"
timeout 20 "$troupe" tree | grep -q 'hello/1 .*ready' || fail 'the tree shows no hello/1'
same 'stop' 'greeter has stopped' "$(timeout 20 "$troupe" stop -t 15s)"
wait "$node"
status=$?
node=
same 'exit status of the node' 0 $status
same 'log of the node' '' "$(cat "$folder/log")"

# ---- actors ----

# shellcheck disable=SC2046 # the flags are separate words
cc -Wall -Wextra -Werror "$source/examples/ping-pong/ping_pong.c" -o "$folder/ping_pong" \
    $(pkg-config --cflags --libs troupe) 2>"$folder/log" || fail 'building examples/ping-pong'
same 'actors' '1000 rounds, 1000 answers' "$(timeout 20 "$folder/ping_pong" 1000 | tail -n 1)"

# ---- the page shows these very files ----

python3 - "$source" <<'PYTHON' || fail 'docs/tutorial.md shows other sources than examples has'
import pathlib, sys
root = pathlib.Path(sys.argv[1])
page = (root / "docs/tutorial.md").read_text()
names = ["hello/hello.c", "hello/main.c", "hello/client.c", "hello/meson.build", "hello/hello.yaml",
         "ping-pong/ping_pong.c"]
other = [n for n in names if (root / "examples" / n).read_text().rstrip() not in page]
sys.exit(f"differ: {other}" if other else 0)
PYTHON
echo 'fine: the page shows these sources'

# ---- fragments of the pages compile ----

mkdir "$folder/fragments"
awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$source/docs/how-to.md" \
    >"$folder/fragments/how-to.c"
awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$source/README.md" \
    >"$folder/fragments/readme.c"
for fragment in "$folder"/fragments/*.c; do
    # shellcheck disable=SC2046 # the flags are separate words
    cc -std=c11 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags troupe) "$fragment" ||
        fail "a fragment of ${fragment##*/} does not compile"
done
echo 'fine: the fragments compile'
