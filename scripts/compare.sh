#!/bin/sh
# Compare five backends on servers that are thrown away; options are those of
# python -m collector compare.
cd "$(dirname "$0")/.."

sh scripts/servers.sh
. scripts/lib.sh
need requirements-dev.txt
exec "$VENV_PYTHON" scripts/compare.py "$@"
