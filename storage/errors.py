"""What the metrics store raises, each with the thing, its value and the fix in its message.

StoreError
├── StoreAddress      the URL names nothing that can hold a store
├── StoreMissing      there is no store yet: no collector has made one
├── StoreUnwritable   its file or folder cannot be made, read or written
├── NotAStore         the file belongs to something else; it is never touched
├── StoreDamaged      the file is ours and no longer readable as a database
└── StoreTooNew       a newer Statemeter made it

A message never has the password of a URL.
"""

from __future__ import annotations

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

_SECRETS = ("password", "passwd", "pwd", "token", "secret", "sslpassword")


class StoreError(Exception):
    """Base of all errors of the metrics store."""


class StoreAddress(StoreError, ValueError):
    """A store URL that cannot be used."""


class StoreMissing(StoreError):
    """A reader came before any collector."""


class StoreUnwritable(StoreError):
    """The file of the store, or its folder, is refused by the operating system."""


class NotAStore(StoreError):
    """The file is not a metrics store and never was; nothing was changed."""


class StoreDamaged(StoreError):
    """The file was made by Statemeter and can no longer be read."""


class StoreTooNew(StoreError):
    """The schema of the store is newer than this version of Statemeter knows."""


def masked(url: str) -> str:
    """The URL as it may be shown: no password, neither before the host nor in the query."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "(a text that is no URL)" if "@" in url or "?" in url else url
    hidden = {key: "***" for key in parsed.query if key.lower() in _SECRETS}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)
