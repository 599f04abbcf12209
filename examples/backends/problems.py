"""What is wrong with a server or a package, in a line with the fix, and without a password."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOGIN = ("authentication", "password", "wrongpass", "noauth", "not authorized", "requires auth")
_MODULES = ("unknown command", "ft.info", "ft.create", "json.set")


def shown(url: str) -> str:
    """A URL without user, password and options."""
    try:
        parts = urlsplit(url)
        if not parts.hostname:
            return url if "://" not in url else f"{parts.scheme}://"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address given"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def explained(error: BaseException, url: str, packages: str) -> str:
    """One line: what cannot be used, why, and the fix. The error's own text is never repeated: it
    may hold parts of the URL.

    Args:
        error: what opening or using the backend raised.
        url: where it is.
        packages: what pip has to install for it.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    where, kind = shown(url), type(error).__name__
    text = str(error).lower()
    if isinstance(error, ImportError):
        return f"{where}: a package is missing. Install it: pip install {packages}"
    if any(word in text for word in _LOGIN):
        return f"{where}: the server refuses the login. Check user and password in the URL."
    if any(word in text for word in _MODULES):
        return (
            f"{where}: this Redis has no search and JSON, which RedisSaver needs. Use Redis 8 or "
            "Redis Stack, or ValkeySaver (on_valkey)."
        )
    if isinstance(error, ValueError):
        return f"{where}: this is no address that the backend takes ({kind}). Check the URL."
    return f"{where}: it cannot be used ({kind}). Start the server, or give another URL."
