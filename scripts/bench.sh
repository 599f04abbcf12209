#!/bin/sh
# Measure; options are those of python -m benchmarks.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements.txt
exec "$VENV_PYTHON" -m benchmarks --json build/benchmarks.json "$@"
