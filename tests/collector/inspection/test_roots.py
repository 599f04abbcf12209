"""Files that a form names: inside the folders that were allowed, whatever their names look like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.inspection import roots, url
from collector.inspection.errors import CouldNotLook


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is allowed, beside one that is not."""
    for name in ("in", "in/deep", "out", "inside-by-name"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("STATEMETER_ROOTS", os.pathsep.join((str(tmp_path / "in"), "/nowhere")))
    monkeypatch.chdir(tmp_path / "out")
    return tmp_path / "in"


def refused(text: str) -> str:
    address = url.parse(text)
    with pytest.raises(CouldNotLook) as caught:
        roots.expect_inside(Path(address.url), address.shown)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.sqlite", "deep/a.sqlite", "deep/../a.sqlite"])
def test_a_file_inside_passes(allowed: Path, name: str) -> None:
    """Whether it is there or not: that is for who opens it."""
    address = url.parse(f"{allowed}/{name}")
    roots.expect_inside(Path(address.url), address.shown)


@pytest.mark.parametrize(
    "name", ["../out/a.sqlite", "../inside-by-name/a.sqlite", "deep/../../a.sqlite", "/etc/passwd"]
)
def test_a_file_outside_is_refused(allowed: Path, name: str) -> None:
    """With what is allowed, and how to allow more; a folder is no prefix of a name."""
    told = refused(str(allowed / name))
    assert f"is not inside {allowed}, " in told
    assert "STATEMETER_ROOTS" in told


def test_a_link_is_where_it_leads(allowed: Path) -> None:
    """Out of the folder, or within it through a folder that is a link itself."""
    outside = allowed.parent / "out" / "secret.sqlite"
    outside.touch()
    (allowed / "link.sqlite").symlink_to(outside)
    assert "is not inside" in refused(str(allowed / "link.sqlite"))
    (allowed.parent / "other-name").symlink_to(allowed)
    address = url.parse(str(allowed.parent / "other-name" / "a.sqlite"))
    roots.expect_inside(Path(address.url), address.shown)


def test_a_root_may_be_a_link(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (allowed.parent / "root").symlink_to(allowed)
    monkeypatch.setenv("STATEMETER_ROOTS", str(allowed.parent / "root"))
    address = url.parse(str(allowed / "a.sqlite"))
    roots.expect_inside(Path(address.url), address.shown)


def test_a_relative_path_is_of_this_folder(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default home and the working directory are allowed, and what lies in them."""
    assert "is not inside" in refused("a.sqlite")
    monkeypatch.delenv("STATEMETER_ROOTS")
    monkeypatch.setenv("HOME", str(allowed))
    for path in ("a.sqlite", str(allowed / "a.sqlite"), "~/a.sqlite"):
        address = url.parse(path)
        roots.expect_inside(Path(address.url), address.shown)
    assert "is not inside" in refused(str(allowed.parent / "a.sqlite"))
