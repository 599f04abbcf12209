"""``python -m benchmarks [--quick] [--json FILE] [NAME …]``: run them, print a table, keep JSON."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import machine

BENCHMARKS = ("attach", "beside", "chat", "collector", "pages", "serializers", "threads", "vitals")


def run(name: str, quick: bool) -> dict[str, Any]:
    """The result of one benchmark, run in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.{name} failed: see above.")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def line(figure: dict[str, Any]) -> str:
    """A figure for people."""
    text = f"  {figure['name']:<44} {figure['value']:>12,.10g} {figure['unit']}"
    if figure["spread"]:
        text += " ({:g} – {:g})".format(*figure["spread"])
    if figure["floor"] is not None:
        text += f", floor {figure['floor']:g}"
    if figure["bound"]:
        text += f", bound {figure['bound']} {'kept' if figure['kept'] else 'NOT KEPT'}"
    return text


def main() -> int:
    """Exit code 1 where a figure does not keep its bound; ``--quick`` only shows that it runs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    results: dict[str, Any] = {"machine": machine(), "quick": options.quick}
    kept = True
    for name in options.names or BENCHMARKS:
        if importlib.util.find_spec(f"benchmarks.{name}") is None:
            print(f"{name}: not there", file=sys.stderr)
            continue
        results[name] = run(name, options.quick)
        print(name)
        for figure in results[name].get("figures", []):
            print(line(figure), flush=True)
            kept = kept and figure["kept"] is not False
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        print(f"Results: {options.json}")
    return 0 if kept or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
