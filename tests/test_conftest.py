"""The fixtures that keep tests apart from the user's own data."""

from __future__ import annotations

from pathlib import Path

import pytest

from statemeter import settings
from tests.conftest import StartChild, missing


def test_everything_lies_in_the_tests_own_folder(isolated: Path, tmp_path: Path) -> None:
    """Spool, store and data directory are inside tmp_path, whatever the environment said."""
    assert isolated.is_relative_to(tmp_path)
    for path in (settings.spool_folder(), settings.data_folder(), Path(settings.store_url()[10:])):
        assert path.is_relative_to(isolated)


def test_a_child_shares_the_isolation(start_child: StartChild, isolated: Path) -> None:
    """A child process sees the same folders, and its output can be read afterwards."""
    code = "from statemeter import settings; print(settings.spool_folder())"
    child = start_child("-c", code)
    assert child.wait(30) == 0
    assert child.log_path.read_text().strip() == str(isolated / "spool")  # type: ignore[attr-defined]


def test_what_is_missing_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CI=true, a missing server or browser is a failure that names it and the fix."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Chromium is missing: install it"):
        missing("Chromium", "install it")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="Chromium is missing: install it"):
        missing("Chromium", "install it")
