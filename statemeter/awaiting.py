"""Do something as soon as a module has been imported, without importing it.

Standard library only and free of the rest of the package: ``statemeter/site/sitecustomize.py``
reads this file by its path, in each Python that a measured program starts.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def after_import(name: str, then: Callable[[], None]) -> None:
    """Call ``then`` once, now where the module is imported already, else right after it is.

    ``then`` must not raise. Only the first import is awaited, not a reload.
    """
    if name in sys.modules:
        importlib.import_module(name)  # another thread may be in the middle of it: wait
        then()
    elif not any(isinstance(f, _Finder) and f.is_for(name, then) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder(name, then))


def forget(name: str, then: Callable[[], None]) -> None:
    """Undo ``after_import`` where the module was not imported yet."""
    for finder in list(sys.meta_path):
        if isinstance(finder, _Finder) and finder.is_for(name, then):
            sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Lets the finders behind it find the module, and puts itself between it and its loader."""

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self.name = name
        self.then = then

    def is_for(self, name: str, then: Callable[[], None]) -> bool:
        return (self.name, self.then) == (name, then)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name or self not in sys.meta_path:
            return None
        # Only those behind: two of these would ask each other for ever.
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(fullname, path, target) if find else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self)
                return spec
        return None


class _Loader(Loader):
    """The module's own loader, which it gets back before its first line runs."""

    def __init__(self, loader: Any, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        forget(self._finder.name, self._finder.then)  # not before: a failed import comes again
        self._finder.then()
