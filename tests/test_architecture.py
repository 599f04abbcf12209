"""The shape of the code: which package may import which, and how long a module may be."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import statemeter
from tests.conftest import REPOSITORY

MAY_IMPORT = {
    "statemeter": set(),
    "storage": {"statemeter"},
    "collector": {"statemeter", "storage"},
    "pages": {"statemeter", "storage"},
    "app": {"pages"},
    "examples": {"statemeter"},
    "benchmarks": {"statemeter", "storage", "collector", "pages", "app"},
    "scripts": {"statemeter", "storage"},
}
"""Each arrow of the map in README.md; imports within a package are free."""

FROM_STATEMETER = {
    # The event format is the contract with the probe; its settings are everybody's.
    "storage": {"events", "settings", "errors"},
    # The reader of attached databases takes sizes and writes segments as the probe does; the
    # viewer reads what statemeter.serializers compressed, and a what-if measures those.
    "collector": {
        "events",
        "settings",
        "errors",
        "sizes",
        "json_sizes",
        "spool",
        "codecs",
        "serializers",
    },
    "pages": {"settings", "errors"},
}
"""Modules of the probe that others may import: the rest runs inside applications only."""

USERS_OWN = {"langgraph", "langchain_core"}
"""What an instrumented application has installed anyway."""

LONGEST_MODULE = 300
"""Lines that are not blank."""


def modules(package: str) -> list[Path]:
    """The Python files of a package, or the one file of that name."""
    folder = REPOSITORY / package
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


ALL_MODULES = [path for package in MAY_IMPORT for path in modules(package)]


def imports(source: str) -> Iterator[str]:
    """Dotted names that a module imports, anywhere in it; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def against_the_arrows(package: str, source: str) -> list[str]:
    """The imports of a module of ``package`` that go against the arrows."""
    wrong = []
    for name in imports(source):
        top, _, rest = name.partition(".")
        if top not in MAY_IMPORT or top == package:
            continue
        allowed = FROM_STATEMETER.get(package) if top == "statemeter" else None
        if top not in MAY_IMPORT[package] or (allowed and rest.split(".")[0] not in allowed):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_follow_the_arrows(package: str) -> None:
    """No package imports what lies behind it: data flows from the probe to the pages."""
    wrong = {
        str(path.relative_to(REPOSITORY)): names
        for path in modules(package)
        if (names := against_the_arrows(package, path.read_text("utf-8")))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("statemeter", "import storage"),
        ("storage", "def f():\n    from collector import reader"),
        ("storage", "from statemeter import probe"),
        ("collector", "import pages.ui.frame"),
        ("pages", "from collector.reader import Reader"),
        ("pages", "import statemeter.probe"),
        ("app", "from storage import queries"),
    ],
)
def test_an_import_against_the_arrows_is_seen(package: str, source: str) -> None:
    """The rule above finds an import of each kind, inside a function too."""
    assert against_the_arrows(package, source)


def test_the_probe_needs_only_what_it_declares() -> None:
    """statemeter imports the standard library, its dependencies, and what its user has anyway."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["memory"]
    declared = {requirement.split(">")[0] for requirement in requirements}
    found = {
        name.partition(".")[0]
        for path in modules("statemeter")
        if path.name != "pytest_plugin.py"
        for name in imports(path.read_text("utf-8"))
    }
    assert found - sys.stdlib_module_names - {"statemeter"} <= declared | USERS_OWN
    # pytest itself imports the plugin: nothing else of the probe may need it.
    assert "pytest" not in found


@pytest.mark.parametrize("package", ["statemeter", "storage", "collector"])
def test_only_pages_know_streamlit(package: str) -> None:
    """Queries and measurements work without the dashboard."""
    for path in modules(package):
        tops = {name.partition(".")[0] for name in imports(path.read_text("utf-8"))}
        assert "streamlit" not in tops, path


@pytest.mark.parametrize("path", ALL_MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    """A longer module has two subjects: divide it."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    assert len(lines) <= LONGEST_MODULE


def test_the_public_names_are_held() -> None:
    """These names are in users' code: removing one breaks it, adding one is a promise."""
    assert statemeter.__all__ == sorted(statemeter.__all__)
    assert statemeter.__all__ == [
        "NotInstrumentable",
        "SettingError",
        "StatemeterError",
        "UnusableName",
        "flush",
        "instrument",
        "stats",
        "track",
        "uninstrument",
        "watch_cache",
    ]
    for name in statemeter.__all__:
        assert getattr(statemeter, name).__doc__, name
