"""Files of databases that were attached: who may read them, and that lists tell no URL."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from storage import sources
from storage.sources import Source, SourceExists, SourceMissing, SourceUnreadable, SourceUnwritable

KEY = "0123456789ab"
SECRET = "hunter2"
ONE = Source(
    key=KEY, backend="postgres", url=f"postgresql://me:{SECRET}@db/x", application="chat",
    shown="postgresql://me:***@db/x", created_us=5,
)  # fmt: skip


def test_a_database_comes_and_goes(tmp_path: Path) -> None:
    """What was added is loaded whole, listed without its URL, and gone when removed."""
    assert sources.list_(tmp_path) == []
    other = Source(key="ba9876543210", backend="sqlite", url="/x", shown="/x", mode="values",
                   created_us=1)  # fmt: skip
    sources.add(tmp_path, ONE)
    sources.add(tmp_path, other)
    assert sources.load(tmp_path, KEY) == ONE
    listed = sources.list_(tmp_path)
    assert [(one.key, one.url, one.mode) for one in listed] == [
        ("ba9876543210", "", "values"),
        (KEY, "", "attach"),
    ]
    removed = sources.remove(tmp_path, KEY)
    assert (removed.shown, removed.url) == (ONE.shown, "")
    assert [one.key for one in sources.list_(tmp_path)] == ["ba9876543210"]
    for gone in (sources.load, sources.remove):
        with pytest.raises(SourceMissing, match=KEY):
            gone(tmp_path, KEY)


def test_only_its_user_reads_it(tmp_path: Path) -> None:
    """0600 in 0700, whatever the umask and whatever the folder was before; nothing half is left."""
    (tmp_path / "spool" / sources.FOLDER).mkdir(mode=0o755, parents=True)
    before = os.umask(0)
    try:
        path = sources.add(tmp_path / "spool", ONE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == [f"{KEY}.json"]


def test_no_message_tells_the_password(tmp_path: Path) -> None:
    """Neither repr nor an error: both come into logs."""
    sources.add(tmp_path, ONE)
    with pytest.raises(SourceExists) as twice:
        sources.add(tmp_path, ONE)
    assert ONE.shown in str(twice.value)
    assert twice.value.source.url == ""
    for text in (repr(ONE), str(twice.value), repr(twice.value.source)):
        assert SECRET not in text


def test_the_same_one_twice(tmp_path: Path) -> None:
    """The second is refused and changes nothing, unless it is to replace the first."""
    sources.add(tmp_path, ONE)
    renamed = Source(key=KEY, backend="postgres", url="u", shown="s", created_us=9)
    with pytest.raises(SourceExists):
        sources.add(tmp_path, renamed)
    assert sources.load(tmp_path, KEY) == ONE
    sources.add(tmp_path, renamed, replace=True)
    assert sources.load(tmp_path, KEY) == renamed


def test_of_many_at_once_one_is_first(tmp_path: Path) -> None:
    """Two visitors click at the same moment: one attaches, the others are told."""
    begin, refused = threading.Barrier(8), []

    def attach(number: int) -> None:
        begin.wait()
        try:
            sources.add(tmp_path, Source(key=KEY, backend="b", shown="s", created_us=number))
        except SourceExists:
            refused.append(number)

    threads = [threading.Thread(target=attach, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert sources.load(tmp_path, KEY).created_us not in refused
    assert [one.name for one in (tmp_path / sources.FOLDER).iterdir()] == [f"{KEY}.json"]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the second is refused all the same."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    sources.add(tmp_path, ONE)
    with pytest.raises(SourceExists):
        sources.add(tmp_path, ONE)
    assert sources.load(tmp_path, KEY) == ONE


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 5}', "\udcff", "x" * 200_000])
def test_a_file_that_was_spoilt(tmp_path: Path, text: str) -> None:
    """It is told, hides no other, and can be removed or attached over."""
    path = sources.add(tmp_path, ONE)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SourceUnreadable, match="attach the database again"):
        sources.load(tmp_path, KEY)
    listed = sources.list_(tmp_path)
    assert [(one.key, one.backend) for one in listed] == [(KEY, "")]
    assert sources.remove(tmp_path, KEY).key == KEY
    path.write_bytes(b"")
    sources.add(tmp_path, ONE)
    assert sources.load(tmp_path, KEY) == ONE


def test_a_file_of_another_key(tmp_path: Path) -> None:
    """A copy does not make a database a second time."""
    path = sources.add(tmp_path, ONE)
    path.rename(path.with_name("ffffffffffff.json"))
    with pytest.raises(SourceUnreadable, match="another key"):
        sources.load(tmp_path, "ffffffffffff")


@pytest.mark.parametrize("key", ["", "../../../etc", "0123456789AB", KEY + "\n", KEY + "/x"])
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(SourceMissing):
        sources.load(tmp_path, key)
    with pytest.raises(SourceMissing):
        sources.remove(tmp_path, key)


def test_a_spool_that_cannot_be_written(tmp_path: Path) -> None:
    """The folder is named, with the setting that names another."""
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SourceUnwritable, match="STATEMETER_SPOOL"):
        sources.add(tmp_path / "spool", ONE)
    assert sources.list_(tmp_path / "spool") == []
