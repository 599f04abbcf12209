#!/bin/sh
# A chatbot before and after tuning; options are those of python -m examples.tour.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements.txt
build_fast
exec "$VENV_PYTHON" -m examples.tour "$@"
