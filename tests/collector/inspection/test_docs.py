"""docs/health.md tells of every check."""

from __future__ import annotations

import re

from tests.conftest import REPOSITORY

DOCS = (REPOSITORY / "docs" / "health.md").read_text("utf-8")
CALL = re.compile(r'findings\.(?:add|trying)\(\s*(f?)"([^"]+)"')


def test_every_check_is_told() -> None:
    """By its id, or by its group."""
    told = set(re.findall(r"`([a-z.*]+)`", DOCS.partition("### What is checked")[2]))
    found = {
        ("table" if computed else "") + id.removeprefix("{part}")
        for path in (REPOSITORY / "collector" / "inspection").glob("*.py")
        for computed, id in CALL.findall(path.read_text("utf-8"))
    }
    assert len(found) > 30
    missing = {id for id in found if not {id, id.partition(".")[0] + ".*"} & told}
    assert missing == set()
