#!/bin/sh
# Run the demo; options are those of python -m examples.demo.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements.txt
build_fast
exec "$VENV_PYTHON" -m examples.demo "$@"
