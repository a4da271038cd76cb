#!/usr/bin/env bash
# tests/chroot.sh - build and test this tree in another suite of Debian than the one that runs
#
#   tests/chroot.sh [-p PACKAGE]... SUITE FOLDER [ARGUMENT of meson test]...
#
#   tests/chroot.sh -p libllama-dev forky /var/tmp/forky --suite unit
#
# FOLDER gets a minimal system of SUITE, from the archive that apt uses here, when it is not
# there yet; what the build needs is installed in it, and each PACKAGE besides. The tree is
# mounted read-only as /src, and built in /build of FOLDER, which stays for the next time. Takes
# root, debootstrap, 2 GB, and some minutes the first time.

set -eu

fail() {
    echo "${0##*/}: $1" >&2
    exit 1
}

extra=()
while getopts p: option; do
    case $option in
    p) extra+=("$OPTARG") ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || fail 'which SUITE, and in which FOLDER?'
suite=$1
root=$2
shift 2
[ "$(id -u)" = 0 ] || fail 'only root may do that'
tree=$(cd "$(dirname "$0")/.." && pwd)

# The archive that apt has Debian's packages from.
mirror() {
    # shellcheck disable=SC2016 # it is apt that fills that in
    apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' |
        head -n 1
}

make_system() {
    command -v debootstrap >/dev/null || fail 'debootstrap is missing'
    local from scripts=/usr/share/debootstrap/scripts
    from=$(mirror)
    [ -n "$from" ] || fail 'apt has no archive of Debian'
    # A suite that this debootstrap is too old to know is made as sid is.
    local how=$suite
    [ -e "$scripts/$suite" ] || how=sid
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$from" "$how"
    # A proxy, and the like: the archive is reached as it is from here.
    apt-config dump | grep -E '^Acquire::(http|https|Check|Retries|AllowInsecure)' \
        >"$root/etc/apt/apt.conf.d/50as-outside" || true
    touch "$root/.made-by-troupe"
}

inside() {
    chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

mounted=()
unmount() {
    local i
    for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do
        umount "${mounted[i]}"
    done
}
trap unmount EXIT

bind() { # WHAT WHERE OPTION...
    mkdir -p "$root/$2"
    mount --bind "$1" "$root/$2"
    mounted+=("$root/$2")
    [ $# -eq 2 ] || mount -o "remount,bind,$3" "$root/$2"
}

[ -e "$root/.made-by-troupe" ] || [ -e "$root/etc/debian_version" ] || make_system
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mounted+=("$root/proc")
bind /dev dev
bind /dev/shm dev/shm
bind "$tree" src ro

inside /src/tools/install-deps.sh
[ ${#extra[@]} = 0 ] ||
    inside apt-get install -q -y --no-install-recommends "${extra[@]}"
[ -e "$root/build/build.ninja" ] || inside meson setup /build /src
inside ninja -C /build
inside meson test -C /build --print-errorlogs "$@"
