#!/bin/sh
# Measure; options are those of python -m benchmarks.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements.txt
build_fast
exec "$VENV_PYTHON" -m benchmarks --json build/benchmarks.json "$@"
