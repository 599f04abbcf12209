# What the scripts beside it share. Read with: . scripts/lib.sh, from the root of the repository.
set -eu

VENV_PYTHON=.venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Whether packages of a Debian may be installed here without asking anybody.
may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(. /etc/os-release 2>/dev/null && printf %s "${ID:-}")" = debian ] || return 1
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

# Install packages of Debian; only after may_install.
install_packages() {
    say "Installing from Debian: $*"
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root="sudo -n"
    $as_root apt-get update -qq >/dev/null &&
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The newest Python from 3.11 to 3.13, or the one that PYTHON names.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null; then
            command -v "$candidate"
            return
        fi
        if [ "$candidate" = "${PYTHON:-}" ]; then
            fail "PYTHON=$PYTHON is no Python 3.11 to 3.13. Name another, or unset it."
        fi
    done
    fail "No Python 3.11 to 3.13 was found. Install one (Debian: apt-get install python3 python3-venv)," \
        "or name it: make run PYTHON=/path/to/python3"
}

# An empty environment in .venv with pip in it, on machines with less than all of Python, too.
create_venv() {
    python=$(find_python)
    say "Creating .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -c 'import ensurepip; ensurepip.version()' 2>/dev/null &&
        ! "$python" -m pip --version >/dev/null 2>&1 && may_install; then
        install_packages "$(basename "$(readlink -f "$python")")-venv" || true
    fi
    if "$python" -c 'import ensurepip; ensurepip.version()' 2>/dev/null; then
        "$python" -m venv .venv && return
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip .venv &&
            "$python" -m pip --quiet --python "$VENV_PYTHON" install pip && return
    fi
    rm -rf .venv
    fail "$python cannot create environments. Install its venv module" \
        "(Debian: apt-get install python3-venv), then try again."
}

LOCK=build/setting-up

# Wait until nobody else sets up .venv: make run and make demo may be started side by side.
lock() {
    mkdir -p build
    until mkdir "$LOCK" 2>/dev/null; do
        holder=$(cat "$LOCK/pid" 2>/dev/null || true)
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            rm -rf "$LOCK"
        else
            sleep 1
        fi
    done
    printf '%s\n' "$$" >"$LOCK/pid"
    trap 'rm -rf "$LOCK"' EXIT
    trap 'exit 130' INT TERM
}

unlock() {
    rm -rf "$LOCK"
    trap - EXIT INT TERM
}

# Whether .venv holds what the requirements file $1 lists, whose checksum is $2.
holds() {
    [ "$(cat ".venv/.installed-$1" 2>/dev/null || true)" = "$2" ] && "$VENV_PYTHON" -c '' 2>/dev/null
}

# Make .venv hold what a requirements file lists; does nothing where it does already.
need() {
    wanted=$(cat requirements.txt "$1" | cksum)
    if holds "$1" "$wanted"; then
        return
    fi
    lock
    if ! holds "$1" "$wanted"; then
        "$VENV_PYTHON" -m pip --version >/dev/null 2>&1 || create_venv
        say "Installing $1"
        "$VENV_PYTHON" -m pip install --quiet -r "$1" ||
            fail "Installing $1 failed: pip says why, above."
        printf '%s\n' "$wanted" >".venv/.installed-$1"
    fi
    unlock
}

# Build the C part of the probe, where there is a compiler; without one all runs in Python.
build_fast() {
    "$VENV_PYTHON" scripts/build_fast.py || true
}
