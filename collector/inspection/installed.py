"""The newest migration that the installed packages of LangGraph know, read without running them.

A package is looked up by its path and its list of migrations counted in its source: importing it
would take a second and run its code.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib import metadata
from pathlib import Path


class _Known:
    """Where a package keeps its list ``MIGRATIONS``."""

    def __init__(self, package: str, file: str, version: str, newest: int) -> None:
        self.package = package
        self.file = file
        """Below a folder of ``sys.path``."""
        self.version = version
        """Release that ``newest`` was read from, for machines without the package."""
        self.newest = newest


_POSTGRES = "langgraph-checkpoint-postgres"
_KNOWN = {
    "postgres": _Known(_POSTGRES, "langgraph/checkpoint/postgres/base.py", "3.2.0", 9),
    "postgres shallow": _Known(_POSTGRES, "langgraph/checkpoint/postgres/shallow.py", "3.2.0", 7),
    "postgres store": _Known(_POSTGRES, "langgraph/store/postgres/base.py", "3.2.0", 3),
    "sqlite store": _Known(
        "langgraph-checkpoint-sqlite", "langgraph/store/sqlite/base.py", "3.1.2", 4
    ),
}


@cache
def newest(kind: str) -> tuple[int, str]:
    """The number of the newest migration, and the package that says so."""
    known = _KNOWN[kind]
    for folder in sys.path:
        path = Path(folder or ".") / known.file
        try:
            count = _migrations(path.read_text("utf-8"))
            version = metadata.version(known.package)
        except (OSError, SyntaxError, ValueError, metadata.PackageNotFoundError):
            continue
        if count:
            return count - 1, f"{known.package} {version}"
    return known.newest, f"{known.package} {known.version}"


def _migrations(source: str) -> int:
    """How many elements the list ``MIGRATIONS`` of a module has, 0: it has no such list."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        named = any(isinstance(t, ast.Name) and t.id == "MIGRATIONS" for t in targets)
        if named and isinstance(node.value, ast.List | ast.Tuple):
            return len(node.value.elts)
    return 0
