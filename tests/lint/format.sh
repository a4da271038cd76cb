#!/bin/sh
# Fail when clang-format would change a tracked source file, and say where. A tree without
# git, as from a tarball, is not checked: nobody edits it there. Usage: format.sh ROOT
cd "$1" || exit 1
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || exit 77
git ls-files -z -- '*.c' '*.h' | xargs -0 --no-run-if-empty clang-format --dry-run -Werror
