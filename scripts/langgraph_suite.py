"""For ``langgraph_suite.sh``: a plugin of pytest that instruments every graph, and the comparison.

As a plugin it runs inside LangGraph's own tests. As a program it is given the folder with the
results of both runs, and fails where they differ or where the probe had a fault.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from langgraph.func import entrypoint
from langgraph.graph.state import StateGraph

import statemeter

FAILED = ("failure", "error", "skipped")
_graphs = 0


def pytest_configure(config: Any) -> None:
    """Instrument what is compiled from now on, in the run that is to be measured."""
    if os.environ.get("SUITE_RUN") != "measured":
        return
    for cls, name in ((StateGraph, "compile"), (entrypoint, "__call__")):
        setattr(cls, name, _instrumenting(getattr(cls, name)))


def _instrumenting(method: Any) -> Any:
    def instrumenting(self: Any, *given: Any, **named: Any) -> Any:
        global _graphs  # noqa: PLW0603
        _graphs += 1
        return statemeter.instrument(method(self, *given, **named))

    return instrumenting


def pytest_sessionfinish() -> None:
    """Leave what the probe of this process did."""
    if os.environ.get("SUITE_RUN") != "measured" or not _graphs:
        return
    done = {"graphs": _graphs, **statemeter.stats()}
    Path(os.environ["SUITE_WORK"], f"probe.{os.getpid()}").write_text(json.dumps(done), "utf-8")


def outcomes(path: Path) -> dict[str, str]:
    """Test → passed, failure, error or skipped."""
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314 (pytest wrote it here)
        kinds = [child.tag for child in case if child.tag in FAILED]
        found[f"{case.get('classname')}::{case.get('name')}"] = kinds[0] if kinds else "passed"
    return found


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")


def main(folder: Path) -> int:
    """Print both results and what differs."""
    bare, measured = outcomes(folder / "bare.xml"), outcomes(folder / "measured.xml")
    for name, results in (("bare", bare), ("measured", measured)):
        counts = {kind: list(results.values()).count(kind) for kind in ("passed", *FAILED)}
        say(f"{name}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    different = sorted(test for test in bare | measured if bare.get(test) != measured.get(test))
    for test in different:
        say(f"{test}: {bare.get(test)} bare, {measured.get(test)} measured")
    probes = [json.loads(path.read_text("utf-8")) for path in folder.glob("probe.*")]
    sums = {
        name: sum(probe[name] for probe in probes) for name in ("graphs", "emitted", "failures")
    }
    say(f"{sums['graphs']} graphs, {sums['emitted']} events, {sums['failures']} probe failures")
    return 1 if different or not sums["graphs"] or sums["failures"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
