#!/bin/sh
# Take the pictures of README and docs from a running demo.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements-dev.txt
sh scripts/browser.sh
sh scripts/servers.sh
exec "$VENV_PYTHON" -m scripts.screenshots "$@"
