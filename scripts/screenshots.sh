#!/bin/sh
# Take the pictures of the README from a running demo.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements-dev.txt
sh scripts/browser.sh
exec "$VENV_PYTHON" -m scripts.screenshots "$@"
