"""The newest migrations are those of the installed packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from langgraph.checkpoint.postgres import base, shallow
from langgraph.store.postgres.base import MIGRATIONS as POSTGRES_STORE
from langgraph.store.sqlite.base import MIGRATIONS as SQLITE_STORE

from collector.inspection import installed

KNOWN: dict[str, Sequence[str]] = {
    "postgres": base.MIGRATIONS,
    "postgres shallow": shallow.MIGRATIONS,
    "postgres store": POSTGRES_STORE,
    "sqlite store": SQLITE_STORE,
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    installed.newest.cache_clear()
    yield
    installed.newest.cache_clear()


@pytest.mark.parametrize("kind", KNOWN)
def test_a_list_is_counted_without_running_it(kind: str) -> None:
    """Counted in the source it is as long as the one that Python makes of it."""
    number, source = installed.newest(kind)
    assert number == len(KNOWN[kind]) - 1
    assert source.startswith("langgraph-checkpoint-")


@pytest.mark.parametrize("kind", KNOWN)
def test_without_the_package_a_known_release_is_compared(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So a machine that has only the dashboard can look, too."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    number, source = installed.newest(kind)
    assert number >= 1
    assert source.split()[-1].count(".") == 2


def test_a_source_that_cannot_be_counted_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "langgraph" / "checkpoint" / "postgres" / "base.py"
    file.parent.mkdir(parents=True)
    file.write_text("MIGRATIONS = load()\nOTHER: int = 1\n(")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert installed.newest("postgres")[0] == len(base.MIGRATIONS) - 1
