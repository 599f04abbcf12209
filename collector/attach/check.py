"""Whether a database can be attached, and as what: opened once, read-only, nothing of it read on.

The key is the one under which a probe tells the same database, so that what is instrumented and
attached at once is counted once. A probe knows it by the host that its application names; this
machine goes by several names.
"""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from collector.attach.source import SaverFacts
from collector.inspection import drivers, roots, url
from collector.inspection.errors import CouldNotLook
from storage import sources
from storage.errors import StoreError
from storage.sources import Mode, Source, SourceExists

LOCAL = ("localhost", "127.0.0.1", "::1")
NAME_CHARACTERS = 100


def check(
    text: str, *, spool: Path, store: str, application: str = "", mode: Mode = "attach",
    confined: bool = False,
) -> Source:  # fmt: skip
    """How the database that a path or URL names is attached; it is not attached by this.

    Args:
        text: a path, or a URL with its password where one is needed.
        spool: folder of the spool, where others may be attached.
        store: URL of the store, in which a probe may have told of the same database.
        application: under which name its threads are shown; default: as the database is called.
        mode: see ``storage.sources.Mode``.
        confined: whether a file has to lie inside STATEMETER_ROOTS.

    Raises:
        CouldNotLook: it cannot be reached or read, or holds no checkpoints of LangGraph.
        SourceExists: it is attached already, under this name of its host or another.
    """
    address = url.parse(text)
    if confined and address.backend == "sqlite":
        roots.expect_inside(Path(address.url), address.shown)
    with drivers.module("collector.attach", address).opened(address) as source:
        try:
            facts: SaverFacts = source.saver()
        except source.failures as error:
            raise CouldNotLook(
                f"{address.shown} cannot be read: {address.scrubbed(error)}"
            ) from None
    keys = [facts.key, *_aliases(facts)]
    for known in sources.list_(spool):
        if known.key in keys:
            raise SourceExists(known)
    return Source(
        key=_told(store, keys) or facts.key,
        backend=facts.backend,
        url=address.url,
        shown=address.shown,
        application=name(application) or name(facts.label),
        mode=mode,
        created_us=time.time_ns() // 1000,
    )


def name(text: str) -> str:
    """A name as it is kept: one line, printable, not longer than ``NAME_CHARACTERS``."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:NAME_CHARACTERS]


def _aliases(facts: SaverFacts) -> list[str]:
    """Keys of the same database of this machine under its other names; none for another's."""
    host, _, rest = facts.label.rpartition(":")
    if facts.database or host not in LOCAL:
        return []
    layout = f" {facts.layout}" if facts.layout == "latest" else ""
    return [
        url.storage_key(facts.backend, f"{facts.backend}://{other}:{rest}{layout}")
        for other in LOCAL
        if other != host
    ]


def _told(store: str, keys: list[str]) -> str:
    """The first of some keys that the store knows a saver by, empty: none."""
    from storage.store import open_reader  # noqa: PLC0415 (brings in all of the tables)

    try:
        engine = open_reader(store)
    except StoreError:
        return ""
    try:
        with engine.connect() as connection:
            known = set(connection.execute(sql("SELECT key FROM savers")).scalars())
    except SQLAlchemyError:
        return ""
    finally:
        engine.dispose()
    return next((key for key in keys if key in known), "")
