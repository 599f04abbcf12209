"""A database as a user names it, by path or URL; how it is shown, and by which key it is known."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, unquote_plus

from collector.inspection import mistakes
from collector.inspection.errors import BadAddress
from collector.inspection.mistakes import KNOWN

BACKENDS = {
    "sqlite": "sqlite",
    "postgresql": "postgres", "postgres": "postgres",
    "redis": "redis", "rediss": "redis",
    "valkey": "valkey", "valkeys": "valkey",
    "mongodb": "mongodb", "mongodb+srv": "mongodb",
}  # fmt: skip
"""Scheme → backend."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_WITH_DRIVER = ("sqlite", "postgresql", "postgres")  # SQLAlchemy adds one: postgresql+psycopg
_BRACKETED = re.compile(r"\[[^\]]*\]")  # an IPv6 address
_SPECIAL = re.compile(r"[/?#@:&=%\[\]]")
_MEMORY = ("memory", "inmemory")


@dataclass(frozen=True)
class Address:
    """A database as it was named."""

    backend: str
    url: str
    """What its driver takes: for SQLite the absolute path, for others the URL with its secrets."""
    shown: str
    """The same for messages, without secrets."""

    def scrubbed(self, text: object, most: int = 300) -> str:
        """A text of a driver as one line, in which no secret of the URL is left."""
        line = str(text)
        for secret in _secrets(self.url) if self.backend != "sqlite" else ():
            # A whole word: a password such as "1" must not turn every figure into asterisks.
            edges = r"(?<!\w){}(?!\w)" if len(secret) < 4 else "{}"
            line = re.sub(edges.format(re.escape(secret)), "***", line)
        line = " ".join(line.split())
        return line if len(line) <= most else line[: most - 1] + "…"


def parse(text: str) -> Address:
    """The database that a path or URL names.

    Raises:
        BadAddress: it names none.
    """
    if "\0" in text or not text.strip():
        raise BadAddress(f"No database is named. Give a path, or {KNOWN}.")
    text = mistakes.mended(text)
    match = _SCHEME.match(text)
    if match is None:
        mistakes.refuse_server_without_scheme(text, masked(text))
        return _file(text, text)
    scheme = match[1].lower()
    base = scheme.partition("+")[0]
    if base in _WITH_DRIVER:
        scheme = base
    backend = BACKENDS.get(scheme)
    if backend is None:
        if scheme in _MEMORY:
            raise BadAddress(mistakes.IN_MEMORY)
        if scheme == "file":
            raise BadAddress(f"Give the path of the file alone, without file://: {masked(text)}.")
        near = difflib.get_close_matches(scheme, BACKENDS, 1)
        hint = f" Did you mean {near[0]}://?" if near else ""
        raise BadAddress(
            f"The scheme {match[1]}:// of {masked(text)} is none that can be looked into.{hint} "
            f"Give a path, or {KNOWN}."
        )
    rest = text[match.end() :]
    if backend == "sqlite":
        path = rest.partition("?")[0].removeprefix("/")
        if not path or path == ":memory:":
            raise BadAddress(
                f"{text} names no file: a database in memory can be seen by its own process only. "
                "Give the path of a file, or sqlite:////absolute/path."
            )
        return _file(path, text)
    if not rest.strip("/"):
        raise BadAddress(f"{masked(text)} names no server. Write {scheme}://host:port/database.")
    return Address(backend, f"{scheme}://{rest}", masked(f"{match[1]}://{rest}"))


def _file(path: str, text: str) -> Address:
    shown = masked(text)
    try:
        return Address("sqlite", str(Path(path).expanduser().absolute().resolve()), shown)
    except (OSError, RuntimeError) as error:
        raise BadAddress(f"The path {shown} cannot be used: {error}. Give another one.") from None


def masked(url: str) -> str:
    """The URL as it may be shown: no password, and nothing of its query."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        rest, scheme = scheme, ""
    head, at, tail = rest.rpartition("@")  # the last one: a password may hold one unquoted
    if at:
        user, colon, _ = head.partition(":")
        head = f"{user}:***" if colon else user
    elif mark:
        for port in _odd_ports(tail):
            tail = tail.replace(f":{port}", ":***", 1)
    if mark and "?" in tail:
        tail = tail.partition("?")[0] + "?…"
    shown = "".join(c if c.isprintable() else "�" for c in f"{scheme}{mark}{head}{at}{tail}")
    return shown if len(shown) <= 300 else shown[:299] + "…"


def _odd_ports(rest: str) -> list[str]:
    """What stands for a port and is no number: the password, where the host was forgotten."""
    hosts = _BRACKETED.sub("", re.split(r"[/?#]", rest, maxsplit=1)[0]).split(",")
    ports = [port for _, colon, port in (host.partition(":") for host in hosts) if colon]
    return [port for port in ports if port and not port.isdigit()]


def _secrets(url: str) -> list[str]:
    """Password and values of the query, whole, unquoted, and in the pieces of a driver that takes
    their special characters for ends; longest first."""
    rest = url.partition("://")[2]
    head, at, tail = rest.rpartition("@")
    found = {head.partition(":")[2]} if at else set(_odd_ports(rest))
    query = tail.partition("?")[2]
    found.update(part.partition("=")[2] for part in query.split("&"))
    for secret in list(found):
        found.update((unquote(secret), unquote_plus(secret), quote(unquote(secret), safe="")))
        found.update(_SPECIAL.split(secret))
    return sorted(found - {""}, key=len, reverse=True)


def storage_key(backend: str, identity: str) -> str:
    """The key of a storage, by the rule of ``statemeter.events.Saver.key``."""
    return hashlib.sha256(f"{backend} {identity}".encode()).hexdigest()[:12]


def at_server(backend: str, host: str, port: int | str, database: int | str) -> tuple[str, str]:
    """Identity and label of a database of a server, as the probe makes them."""
    label = f"{host or 'socket'}:{port}/{database}"
    return f"{backend}://{label}", label
