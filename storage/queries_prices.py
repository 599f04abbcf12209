"""The price book and the settings of costs as the user has them: shipped ones under the edits."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Engine, text

from storage.price_files import shipped
from storage.prices import COLUMNS, Price
from storage.queries import reading
from storage.queries_resources import has_tables

SCHEMA = 8
"""The first that has them."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All that a user may edit."""

    prices: tuple[Price, ...]
    """In the order of the shipped book; what was added comes last."""
    edited: frozenset[str]
    """Keys of prices that differ from the shipped ones, or are not among them."""
    removed: int
    """Shipped prices that were removed, count."""
    settings: dict[str, str]
    """Name → value, those that were changed; see ``storage.cost_settings``."""
    changed_us: int
    """When something was edited last, 0: never."""


def book(engine: Engine) -> Book:
    """The book as it is now."""
    with reading(engine) as connection:
        return read(connection)


def read(connection: Connection) -> Book:
    """The same, within a transaction."""
    found = {price.key: price for price in shipped()}
    edited: set[str] = set()
    gone = 0
    settings: dict[str, str] = {}
    changed = 0
    if has_tables(connection, SCHEMA):
        names = ", ".join(("key", "removed", "changed_us", *COLUMNS))
        for key, removed, at_us, *values in connection.execute(
            text(f"SELECT {names} FROM prices ORDER BY changed_us, key")
        ):
            changed = max(changed, at_us)
            if removed:
                gone += found.pop(key, None) is not None
                continue
            price = Price(**dict(zip(COLUMNS, values, strict=True)))
            if found.get(key) != price:
                edited.add(key)
            found[key] = price
        for name, value, at_us in connection.execute(
            text("SELECT name, value, changed_us FROM cost_settings")
        ):
            changed = max(changed, at_us)
            if value:
                settings[name] = value
    return Book(
        prices=tuple(found.values()), edited=frozenset(edited), removed=gone, settings=settings,
        changed_us=changed,
    )  # fmt: skip
