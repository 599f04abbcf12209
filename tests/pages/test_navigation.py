"""The list of pages."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import REPOSITORY
from tests.pages.conftest import Visit
from tests.storage import seed


def test_addresses_are_names_of_files(visit: Visit, filled: seed.Seed) -> None:
    """Each file of ``pages/`` is at the address of its name, or a deep link would fail."""
    addresses = {info["url_pathname"] for info in visit()._registered_pages.values()}
    files = {path.stem for path in (REPOSITORY / "pages").glob("*.py")}
    assert addresses == files | {""}


def test_no_page_shadows_a_package() -> None:
    """A page named like a package would be imported in its place."""
    packages = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")}
    assert not packages & {path.stem for path in (REPOSITORY / "pages").glob("*.py")}


def test_every_page_begins_with_the_guard() -> None:
    """Without it a page that is run alone would have no frame."""
    for path in (REPOSITORY / "pages").glob("*.py"):
        assert "navigation.guard()" in Path(path).read_text("utf-8"), path
