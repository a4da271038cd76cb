#!/usr/bin/env bash
# tools/install-deps.sh - see to it that what the build needs is there
#
#   tools/install-deps.sh              what building, the workers and the tests need
#   tools/install-deps.sh --run-only   without what only the tests need
#   tools/install-deps.sh --ci         with what the checks need on top
#   tools/install-deps.sh --bench      without the tests', with what benches compare Troupe with
#
# Each need is looked for itself (a library by pkg-config, a command, a font), not its package,
# so a system that has everything by other means is left alone. When nothing is missing, this
# takes a moment and no network. Where packages cannot be installed from here, what is missing
# is named and the exit status is 1.

set -u

tests=yes
ci=no
bench=no
for option in "$@"; do
    case $option in
    --run-only) tests=no ;;
    --ci) ci=yes ;;
    --bench) tests=no bench=yes ;;
    *)
        echo "usage: ${0##*/} [--run-only] [--ci] [--bench]" >&2
        exit 2
        ;;
    esac
done

# ---- what may be needed: each function is true when it is there ----

has_command() {
    command -v "$1" >/dev/null 2>&1
}

has_library() { # one of the names that pkg-config may know it by
    local name
    for name in "$@"; do
        pkg-config --exists "$name" 2>/dev/null && return 0
    done
    return 1
}

has_c_headers() {
    echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1
}

# The system's own python3, for which packages are made, may not be the first in the path.
has_python_module() {
    python3 -c "import $1" >/dev/null 2>&1 || /usr/bin/python3 -c "import $1" >/dev/null 2>&1
}

has_file_like() { # any of the patterns
    compgen -G "$1" >/dev/null || { [ $# -gt 1 ] && shift && has_file_like "$@"; }
}

has_nats_server() { # which only root may have in the path
    PATH=$PATH:/usr/sbin:/usr/local/sbin has_command nats-server
}

has_font() {
    if has_command fc-list; then
        fc-list 2>/dev/null | grep -q 'DejaVuSans\.ttf'
    else
        has_file_like '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'
    fi
}

has_english_data() {
    has_file_like "${TESSDATA_PREFIX:-/usr/share}/eng.traineddata" \
        '/usr/share/tesseract-ocr/*/tessdata/eng.traineddata' \
        '/usr/share/tessdata/eng.traineddata'
}

has_sanitizers_of_clang() {
    has_command clang &&
        has_file_like "$(clang -print-resource-dir)/lib/*/libclang_rt.asan*" &&
        has_file_like "$(clang -print-resource-dir)/lib/*/libclang_rt.fuzzer*"
}

# ---- looking ----

missing=()  # in words
packages=() # for each, the packages that may bring it, the first that exists is taken

# need WORDS PACKAGES CHECK...
need() {
    local words=$1 from=$2
    shift 2
    "$@" && return
    missing+=("$words")
    packages+=("$from")
}

look() {
    missing=()
    packages=()
    need 'a C compiler' 'gcc' has_command cc
    need 'the C library headers' 'libc6-dev' has_c_headers
    need 'pkg-config' 'pkg-config pkgconf' has_command pkg-config
    need 'meson' 'meson' has_command meson
    need 'ninja' 'ninja-build' has_command ninja
    need 'libzmq' 'libzmq3-dev' has_library libzmq
    need 'libczmq' 'libczmq-dev' has_library libczmq
    need 'msgpack for C' 'libmsgpack-c-dev libmsgpack-dev' has_library msgpack-c msgpack
    need 'libyaml' 'libyaml-dev' has_library yaml-0.1
    need 'jansson' 'libjansson-dev' has_library jansson
    need 'libmicrohttpd' 'libmicrohttpd-dev' has_library libmicrohttpd
    need 'pango' 'libpango1.0-dev' has_library pangocairo
    need 'the font DejaVu Sans' 'fonts-dejavu-core' has_font
    need 'tesseract' 'libtesseract-dev' has_library tesseract
    need 'leptonica' 'libleptonica-dev libleptonica6-dev' has_library lept
    need 'libpng' 'libpng-dev' has_library libpng
    need 'libjpeg' 'libjpeg-dev' has_library libjpeg
    need 'the English data of tesseract' 'tesseract-ocr-eng' has_english_data
    need 'hunspell' 'libhunspell-dev' has_library hunspell
    need 'an English dictionary of hunspell' 'hunspell-en-us' \
        has_file_like '/usr/share/hunspell/en_US.dic'
    if [ $tests = yes ]; then
        need 'cmocka' 'libcmocka-dev' has_library cmocka
        need 'python3' 'python3' has_command python3
        need 'zmq for python3' 'python3-zmq' has_python_module zmq
        need 'msgpack for python3' 'python3-msgpack' has_python_module msgpack
        need 'setuptools for python3' 'python3-setuptools' has_python_module setuptools
        need 'wheel for python3' 'python3-wheel' has_python_module wheel
        need 'pip for python3' 'python3-pip' has_python_module pip
        need 'venv for python3' 'python3-venv' has_python_module ensurepip
        need 'valgrind' 'valgrind' has_command valgrind
        need 'spin' 'spin' has_command spin
    fi
    if [ $ci = yes ]; then
        need 'clang' 'clang' has_command clang
        need 'clang-format' 'clang-format' has_command clang-format
        need 'the sanitizers of clang' "libclang-rt-dev $(versioned_sanitizers)" \
            has_sanitizers_of_clang
        need 'doxygen' 'doxygen' has_command doxygen
        need 'shellcheck' 'shellcheck' has_command shellcheck
        need 'mypy' 'mypy' has_command mypy
        need 'promtool' 'prometheus' has_command promtool
    fi
    if [ $bench = yes ]; then
        need 'python3' 'python3' has_command python3
        need 'Erlang' 'erlang-base' has_command erlc
        need 'a C++ compiler' 'g++' has_command c++
        need 'CAF' 'libcaf-dev' has_file_like /usr/include/caf/config.hpp \
            /usr/local/include/caf/config.hpp
        need 'Go' 'golang-go' has_command go
        need 'NATS for C' 'libnats-dev' has_library libnats
        need 'nats-server' 'nats-server' has_nats_server
        need 'photographs of MATE' 'mate-backgrounds' has_file_like '/usr/share/backgrounds/mate/*'
        need 'photographs of GNOME' 'gnome-backgrounds' \
            has_file_like '/usr/share/backgrounds/gnome/*'
        need 'stamps of Tux Paint' 'tuxpaint-stamps-default' \
            has_file_like '/usr/share/tuxpaint/stamps/animals/*'
        need 'clip art' 'openclipart-png' has_file_like '/usr/share/openclipart/png/*'
    fi
}

# Where there is no package for the default clang, there is one for its version.
versioned_sanitizers() {
    local version
    version=$(clang -dumpversion 2>/dev/null) ||
        version=$(apt-cache policy clang 2>/dev/null | sed -n 's/.*Candidate: .*:\([0-9.]*\).*/\1/p')
    [ -n "$version" ] && echo "libclang-rt-${version%%.*}-dev"
}

# ---- installing ----

apt_knows() {
    apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# The first of several names that apt knows, else the first.
choose() {
    local name
    for name in "$@"; do
        apt_knows "$name" && echo "$name" && return
    done
    echo "$1"
}

choose_all() {
    local from
    chosen=()
    for from in "${packages[@]}"; do
        # shellcheck disable=SC2086 # the names are separate words
        chosen+=("$(choose $from)")
    done
}

all_are_known() {
    local name
    for name in "${chosen[@]}"; do
        apt_knows "$name" || return 1
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

give_up() {
    echo "$1" >&2
    local i
    for ((i = 0; i < ${#missing[@]}; i++)); do
        printf '  %-32s Debian package: %s\n' "${missing[i]}" "${packages[i]%% *}" >&2
    done
    exit 1
}

look
[ ${#missing[@]} = 0 ] && exit 0

has_command apt-get || give_up 'These are missing, and there is no apt-get to install them with:'
[ "$(id -u)" = 0 ] || has_command sudo ||
    give_up 'These are missing, and only root may install them:'

choose_all
if ! all_are_known; then
    as_root apt-get update -q || give_up 'The list of packages could not be had; missing are:'
    choose_all
fi
echo "installing ${chosen[*]}"
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    "${chosen[@]}" || give_up 'Not all could be installed; these were missing:'

look
[ ${#missing[@]} = 0 ] || give_up 'Installed, and yet these are not found:'
