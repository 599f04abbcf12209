"""What people paste for a database: mended where it is clear what is meant, told where it is not.

No message here holds more of the text than its shown form: it may be a password.
"""

from __future__ import annotations

import re
from pathlib import Path

from collector.inspection.errors import BadAddress

KNOWN = "sqlite:///path, postgresql://, redis://, valkey:// or mongodb://"

IN_MEMORY = (
    "What an InMemorySaver holds is in its own process alone and cannot be attached from outside. "
    "Instrument the application: graph = statemeter.instrument(graph)."
)

_QUOTES = ("''", '""', "``", "<>", "“”", "‘’")
_VARIABLE = re.compile(
    r"(?:export\s+|set\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*(?=\W?[A-Za-z0-9+.-]+://)"
)
_KEYWORDS = re.compile(r"(?:^|\s)(?:host|hostaddr|port|dbname|user|password)\s*=", re.ASCII)
_SERVER = re.compile(
    r"(?P<user>[^/@\s]*:[^/@\s]*@)?(?P<host>localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:]+\])"
    r"(?::(?P<port>\d+))?(?:[/?].*)?",
    re.ASCII,
)
_PORTS = {"5432": "postgresql", "6379": "redis", "27017": "mongodb"}
_MEMORY = {":memory:", "memory", "inmemory", "inmemorysaver", "memorysaver"}


def mended(text: str) -> str:
    """The text without what copying has put around it: spaces, quotes, ``NAME=`` of a shell."""
    text = text.strip().rstrip(";,").rstrip()
    text = _VARIABLE.sub("", text, count=1) if _VARIABLE.match(text) else text
    while len(text) > 1 and text[0] + text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text


def refuse_server_without_scheme(text: str, shown: str) -> None:
    """Tell what names a server, or several things, and begins with no scheme; a path passes.

    Args:
        text: without a scheme at its beginning.
        shown: the same without a password.

    Raises:
        BadAddress: it is no path.
    """
    if text.lower() in _MEMORY:
        raise BadAddress(IN_MEMORY)
    if "://" in text:
        raise BadAddress(f"{shown} does not begin with a scheme. Give the URL alone, or {KNOWN}.")
    if text.startswith(("/", ".", "~")) or _is_there(text):
        return
    if _KEYWORDS.search(text):
        raise BadAddress(
            "That is a connection string of keywords. Write it as a URL: "
            "postgresql://user:password@host:port/database."
        )
    found = _SERVER.fullmatch(text)
    if found is not None and (found["user"] or found["port"] or found["host"] == "localhost"):
        scheme = _PORTS.get(found["port"] or "")
        write = f"{scheme}://{shown}" if scheme else f"postgresql://{shown}, redis://{shown} or so"
        raise BadAddress(f"{shown} names a server without saying of which kind. Write {write}.")


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name that no file can have
        return False
