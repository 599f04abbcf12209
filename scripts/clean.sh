#!/bin/sh
# Remove what was generated in the repository; the user's data directory stays as it is.
cd "$(dirname "$0")/.."
set -eu

rm -rf .venv .work/servers build .mypy_cache .ruff_cache .pytest_cache .hypothesis statemeter.egg-info statemeter/*.so
find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
