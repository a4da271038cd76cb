#!/bin/sh
# bench/likeness_images.sh - name pictures that Debian packages bring, for likeness_bench
#
# Photographs and drawings: two packages of backgrounds, the stamps of a paint program, and a
# fourth of a collection of clip art, without its 1379 stars that hardly differ.
# `tools/install-deps.sh --bench` installs them.

set -eu

files_of() {
    dpkg -L "$@" | grep -E '\.(png|jpg|webp)$' | LC_ALL=C sort
}

files_of mate-backgrounds gnome-backgrounds tuxpaint-stamps-default
files_of openclipart-png | grep -v /stars/ | awk 'NR % 4 == 0'
