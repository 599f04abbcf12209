#!/bin/sh
# Run the demo; options are those of python -m examples.demo.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements.txt
exec "$VENV_PYTHON" -m examples.demo "$@"
