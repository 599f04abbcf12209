#!/bin/sh
# Start the dashboard, which starts the collector. PORT names another port than 8501.
cd "$(dirname "$0")/.."
. scripts/lib.sh

PORT=${PORT:-8501}
need requirements.txt
build_fast
"$VENV_PYTHON" scripts/port.py "$PORT"
exec "$VENV_PYTHON" -m streamlit run app.py --server.address 127.0.0.1 --server.port "$PORT" "$@"
