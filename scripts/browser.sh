#!/bin/sh
# Make sure of a Chromium for the browser tests, or say what is missing.
cd "$(dirname "$0")/.."
. scripts/lib.sh

[ -z "${CHROMIUM:-}" ] || exit 0
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if may_install && install_packages chromium fonts-liberation fonts-dejavu-core; then
    exit 0
fi
say "Chromium is missing, so browser tests cannot run: install Chromium or Chrome" \
    "(Debian: apt-get install chromium fonts-liberation), or set CHROMIUM=/path/to/it."
