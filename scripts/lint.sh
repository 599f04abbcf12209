#!/bin/sh
# Style and types.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements-dev.txt
"$VENV_PYTHON" -m ruff check .
"$VENV_PYTHON" -m ruff format --check .
"$VENV_PYTHON" -m mypy
