"""Read by each Python that ``statemeter run`` starts, because its folder is in PYTHONPATH.

Python imports a module of this name before the program. It awaits the import of LangGraph, and
only then imports Statemeter: a Python that runs no graphs stays as it was. The folder leaves
``sys.path`` again, and a sitecustomize of the user's own runs as it would have.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

_SITE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_SITE)


def _load(name: str, path: str, **options: Any) -> Any:
    spec = importlib.util.spec_from_file_location(name, path, **options)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _instrument() -> None:
    try:
        statemeter = sys.modules.get("statemeter") or _load(
            "statemeter",
            os.path.join(_PACKAGE, "__init__.py"),
            submodule_search_locations=[_PACKAGE],
        )
        statemeter.instrument()
    except Exception as error:  # a Python of another environment, say
        import logging  # noqa: PLC0415

        logging.getLogger("statemeter").warning(
            "statemeter: this process is not measured (%s). Install statemeter into the "
            "environment of %s.",
            type(error).__name__,
            sys.executable,
        )


def _chain() -> None:
    """Run the sitecustomize that would have been found without this one."""
    ours = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _SITE]
_load("_statemeter_awaiting", os.path.join(_PACKAGE, "awaiting.py")).after_import(
    "langgraph.pregel", _instrument
)
_chain()
