"""Where the values of a saver are, and a reader of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.inspection import drivers, roots, url
from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address
from collector.viewer import memory
from collector.viewer.raw import Reader
from storage import sources
from storage.values import Ask

CONNECT = "Connect the database on the Connect page to see values."


@contextmanager
def opened(asked: Ask) -> Iterator[tuple[Reader, str]]:
    """A reader of the saver's database, and how people call that.

    Raises:
        CouldNotLook: it is not known, may not be read, or cannot be.
    """
    if asked.backend == "memory":
        yield memory.Reader(Path(asked.spool), asked.saver, asked.incarnations), "its process"
        return
    address = _address(asked)
    with drivers.module("collector.viewer", address).connected(address) as reader:
        yield reader, address.shown


def _address(asked: Ask) -> Address:
    """The database: as it was attached, else the file that the probe told of."""
    try:
        source = sources.load(Path(asked.spool), asked.saver)
    except sources.SourceMissing:
        if asked.backend == "sqlite" and asked.database:
            return _file(asked.database)
        raise CouldNotLook(CONNECT) from None
    except sources.SourceError as error:
        raise CouldNotLook(str(error)) from None
    address = url.parse(source.url)
    return Address(address.backend, address.url, source.shown)


def _file(named: str) -> Address:
    """A database file by the path that the spool has of it: whatever that says, it has to lie in
    one of the folders that were allowed, and to be there."""
    shown = url.masked(named)
    if "\0" in named:
        raise CouldNotLook(f"The path {shown} cannot be used: it holds a NUL.")
    path = Path(named)
    if not path.is_absolute() or ".." in path.parts:
        raise CouldNotLook(f"The path {shown} cannot be used: it is not absolute, or has a `..`.")
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError) as error:
        raise CouldNotLook(f"The path {shown} cannot be used: {error}.") from None
    roots.expect_inside(resolved, shown)
    return Address("sqlite", str(resolved), shown)
