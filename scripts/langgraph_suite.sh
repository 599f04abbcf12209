#!/bin/sh
# Run LangGraph's own test-suite twice, bare and with every graph instrumented, and compare.
# It comes from the source archive of the LangGraph in .venv; remote graphs are left out, as they
# need a server of LangGraph's. NO_DOCKER=false adds what the suite expects on its own ports:
# PostgreSQL on 5442 (user and password postgres), Redis on 6379. Options are pytest's.
cd "$(dirname "$0")/.."
. scripts/lib.sh

need requirements-dev.txt
root=$PWD
work=$root/build/langgraph-suite
version() { "$VENV_PYTHON" -c "from importlib.metadata import version; print(version('$1'))"; }

release=$(version langgraph)
mkdir -p "$work"
if [ ! -d "$work/langgraph-$release" ]; then
    say "Fetching the tests of LangGraph $release"
    "$VENV_PYTHON" -m pip download --quiet --no-deps --no-binary langgraph --dest "$work" \
        "langgraph==$release"
    tar -xzf "$work/langgraph-$release.tar.gz" -C "$work"
fi
if [ ! -x "$work/venv/bin/python" ]; then
    say "Installing what they need"
    "$VENV_PYTHON" -m venv "$work/venv" 2>/dev/null || {
        "$VENV_PYTHON" -m venv --without-pip "$work/venv"
        "$VENV_PYTHON" -m pip --quiet --python "$work/venv/bin/python" install pip
    }
fi
"$work/venv/bin/python" -m pip install --quiet "langgraph==$release" \
    "langgraph-checkpoint==$(version langgraph-checkpoint)" \
    "langgraph-checkpoint-sqlite==$(version langgraph-checkpoint-sqlite)" \
    "langgraph-checkpoint-postgres==$(version langgraph-checkpoint-postgres)" \
    "psycopg[binary,pool]" pytest pytest-mock pytest-dotenv pytest-repeat "pytest-xdist[psutil]" \
    syrupy httpx uvloop pyperf pycryptodome redis "$root"

cp scripts/langgraph_suite.py "$work/langgraph_suite.py"
cd "$work/langgraph-$release"
export NO_DOCKER="${NO_DOCKER:-true}" STATEMETER_SPOOL="$work/spool"
rm -rf "$work/spool" "$work"/probe.*
for run in bare measured; do
    say "Running the suite: $run"
    SUITE_RUN=$run SUITE_WORK=$work PYTHONPATH=$work "$work/venv/bin/python" -m pytest tests -q -n 2 \
        -p langgraph_suite -p no:cacheprovider -o addopts=--strict-markers \
        --ignore tests/test_remote_graph.py --ignore tests/test_remote_graph_v3.py \
        --ignore tests/test_delta_channel_benchmark.py \
        --junitxml "$work/$run.xml" "$@" >"$work/$run.log" 2>&1 || true
    tail -n 1 "$work/$run.log"
done
exec "$work/venv/bin/python" "$work/langgraph_suite.py" "$work"
