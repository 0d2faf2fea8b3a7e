#!/bin/sh
# apt-install.sh [--optional] COMMAND:PACKAGE ...   (a bare PACKAGE is installed without looking)
# Installs the packages whose commands are missing. Where it cannot (not root, no apt-get) it says what to
# install; with --optional that is no failure.
set -eu
optional=no
if [ "${1:-}" = --optional ]; then optional=yes; shift; fi
missing=""
for pair in "$@"; do
    command=${pair%%:*}
    package=${pair#*:}
    if [ "$command" != "$package" ] || [ "$pair" != "${pair#*:}" ]; then
        PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null 2>&1 && continue
    fi
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=none; fi
fi
if [ "$sudo" != none ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing with apt:$missing"
    $sudo apt-get update -qq
    # The packaged services are not wanted running, only their programs.
    if $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
fi
echo "Please install:$missing   (on Debian: sudo apt-get install$missing)" >&2
[ "$optional" = yes ] || exit 1
