#!/bin/sh
# Lint, types and tests; with --slow first, the long fault runs alone. Options are pytest's.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements-dev.txt
build_fast
sh scripts/servers.sh
if [ "${1:-}" = --slow ]; then
    shift
    exec "$VENV_PYTHON" -m pytest -m slow "$@"
fi
sh scripts/browser.sh
sh scripts/lint.sh
# A file is one worker's, so that its servers, dashboards and browsers are started once.
exec "$VENV_PYTHON" -m pytest -m "not slow" -n auto --maxprocesses 4 --dist loadfile "$@"
