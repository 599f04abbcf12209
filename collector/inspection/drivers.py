"""Modules that talk to one kind of server, loaded when one is asked for: each needs its driver."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address

_MODULES = {
    # backend → module, package that its driver comes from
    "sqlite": ("sqlite", ""),
    "postgres": ("postgres", "psycopg[binary]"),
    "redis": ("redis", "redis"),
    "valkey": ("redis", "redis"),
    "mongodb": ("mongodb", "pymongo"),
}


def module(package: str, address: Address) -> ModuleType:
    """The module of ``package`` for the backend of an address.

    Raises:
        CouldNotLook: its driver is not installed.
    """
    name, driver = _MODULES[address.backend]
    try:
        return import_module(f"{package}.{name}")
    except ImportError as error:  # psycopg without libpq raises ImportError itself
        if (error.name or "").startswith(("collector", "storage", "statemeter")):
            raise
        raise CouldNotLook(
            f"The driver for {address.shown} is not installed ({address.scrubbed(error)}). Install "
            f"it into this environment: pip install '{driver}'"
        ) from None
