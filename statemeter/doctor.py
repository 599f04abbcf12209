"""``statemeter doctor``: check this environment, and say what to do next."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from statemeter import checks, run
from statemeter.checks import Finding

TRIAL_SECONDS = 120
_TRIAL = """
import sys
from typing import TypedDict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

State = TypedDict("State", {"number": int})
saver = InMemorySaver()
builder = StateGraph(State)
builder.add_node("add", lambda state: {"number": state["number"] + 1})
builder.add_edge(START, "add")
graph = builder.compile(checkpointer=saver)
result = graph.invoke({"number": 1}, {"configurable": {"thread_id": "doctor"}})
statemeter = sys.modules["statemeter"]
written = statemeter.flush(60)
stats = statemeter.stats()
measured = "_statemeter_original" in vars(type(saver)) and written and not stats["failures"]
sys.exit(0 if measured and result == {"number": 2} else "not measured")
"""
"""A program as a user has it; ``statemeter run`` is what measures it."""


def main(as_json: bool = False) -> int:
    """Print what was found; 1 where something keeps Statemeter from measuring, else 0."""
    findings = list(examine())
    command = next_command(findings)
    healthy = all(finding.state != "problem" for finding in findings)
    if as_json:
        told = {"healthy": healthy, "checks": [f.as_dict() for f in findings], "next": command}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        sys.stdout.write("".join(map(_lines, findings)) + f"\nNext: {command}\n")
    return 0 if healthy else 1


def examine() -> Iterator[Finding]:
    """All checks, in the order in which a user would mend what they find."""
    yield from checks.python()
    yield from checks.installed_once()
    packages = list(checks.packages())
    yield from packages
    yield from checks.set_right()
    yield from checks.spool_of_this_user()
    yield from _readers()
    if all(finding.state != "problem" for finding in packages):
        yield trial()


def _readers() -> Iterator[Finding]:
    left = checks.left_unread()
    if left:
        text = f"no collector reads the spool: files of ended processes wait there ({left})"
        yield Finding("collector", "warning", text, f"Start the dashboard: {dashboard()}")
    else:
        yield Finding("collector", "ok", "nothing waits in the spool for long")


def trial() -> Finding:
    """Run a small graph in a process of its own, with a spool of its own, as a user would."""
    left_out = ("STATEMETER_", "LANGSMITH_", "LANGCHAIN_")  # it is traced nowhere
    env = {name: v for name, v in run.environment().items() if not name.startswith(left_out)}
    with tempfile.TemporaryDirectory(prefix="statemeter-doctor-") as folder:
        env["STATEMETER_SPOOL"] = str(Path(folder) / "spool")
        try:
            done = subprocess.run(  # noqa: S603 (this Python, and the program above)
                [sys.executable, "-c", _TRIAL], env=env, cwd=folder, capture_output=True,
                timeout=TRIAL_SECONDS, check=False, encoding="utf-8", errors="replace",
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return _failed(type(error).__name__)
    if done.returncode:
        # The class of an error only: its text could quote anything.
        return _failed((done.stderr.strip().splitlines() or [""])[-1].partition(":")[0])
    return Finding("trial", "ok", "a graph of one node ran and was measured")


def _failed(why: str) -> Finding:
    return Finding(
        "trial", "problem", f"a graph of one node was not measured ({why or 'no reason given'})",
        f"See whether LangGraph works: {shlex.quote(sys.executable)} -c 'import langgraph.graph'",
    )  # fmt: skip


def next_command(findings: list[Finding]) -> str:
    """The one thing to do now."""
    for finding in findings:
        if finding.state == "problem":
            return finding.fix
    if any(finding.check == "collector" and finding.fix for finding in findings):
        return dashboard()
    return f"{_this_command()} run app.py   (or: -m module); to see it: {dashboard()}"


def dashboard() -> str:
    """The command that starts the dashboard, with the collector."""
    repository = Path(__file__).resolve().parent.parent
    if (repository / "app.py").is_file() and (repository / "collector").is_dir():
        return f"cd {shlex.quote(str(repository))} && make run"
    return "make run   (in the folder of Statemeter's sources)"


def _this_command() -> str:
    if os.path.basename(sys.argv[0]).startswith("statemeter"):
        return "statemeter"
    return f"{shlex.quote(sys.executable)} -m statemeter"


def _lines(finding: Finding) -> str:
    fix = f"{'':9}{'':30}→ {finding.fix}\n" if finding.fix else ""
    return f"{finding.state:9}{finding.check:30}{finding.text}\n{fix}"
