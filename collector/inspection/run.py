"""One look, from a URL to an ``Inspection``, in this process."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from importlib import import_module

from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.limits import Limits, from_settings
from collector.inspection.url import Address
from storage.inspections import Inspection

Look = Callable[[Address, Limits], tuple[str, str, str, Findings]]
"""Gives identity, label, server and findings of a database."""

_DRIVERS = {
    # backend → module that looks, package that its driver comes from
    "sqlite": ("collector.inspection.sqlite", ""),
    "postgres": ("collector.inspection.postgres", "psycopg[binary]"),
    "redis": ("collector.inspection.redis", "redis"),
    "valkey": ("collector.inspection.redis", "redis"),
    "mongodb": ("collector.inspection.mongodb", "pymongo"),
}


def inspect(text: str, limits: Limits | None = None) -> Inspection:
    """Look into the database that a path or URL names; nothing is written to it.

    In a process that has the same SQLite file open, use ``child.inspect``: see ``sqlite_locks``.

    Args:
        text: a path, or a URL with its password where one is needed.
        limits: thresholds; default: the settings.

    Raises:
        CouldNotLook: it cannot be reached or read, or it is none of LangGraph.
        SettingError: a threshold is set to what it cannot be.
    """
    limits = from_settings() if limits is None else limits
    at_us, start = time.time_ns() // 1000, time.monotonic()
    address = url.parse(text)
    identity, label, server, findings = _look(address)(address, limits)
    return Inspection(
        id=uuid.uuid4().hex,
        backend=address.backend,
        storage=url.storage_key(address.backend, identity),
        label=label,
        at_us=at_us,
        duration_us=int((time.monotonic() - start) * 1_000_000),
        server=server,
        checks=findings.checks,
    )


def _look(address: Address) -> Look:
    module, package = _DRIVERS[address.backend]
    try:
        look: Look = import_module(module).look
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("collector", "storage", "statemeter")):
            raise
        raise CouldNotLook(
            f"The driver {error.name!r} for {address.shown} is not installed. Install it into this "
            f"environment: pip install '{package}'"
        ) from None
    return look
