"""Backends as a user names them: words, URLs, and where a URL with a password is to be found."""

from __future__ import annotations

import getpass
import os
import sys

from collector.inspection import url
from collector.inspection.errors import BadAddress
from storage.comparisons import Target

WORDS = {"memory": "InMemorySaver", "sqlite": "SqliteSaver"}
"""Backends that need no server → how they are shown."""


def split(text: str) -> list[str]:
    """Names of a list with commas, of which a URL of MongoDB may have some itself."""
    found: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        known = part in WORDS or part == "-" or part.startswith("env:") or "://" in part
        if found and not known and "://" in found[-1]:
            found[-1] += f",{part}"
        elif part:
            found.append(part)
    return found


def named(names: list[str]) -> tuple[list[Target], dict[str, str]]:
    """Targets, and the URLs of those that have one.

    Args:
        names: ``memory``, ``sqlite``, a URL, ``-`` (asked for, or the next line of standard
            input), ``env:NAME`` (the value of that environment variable).

    Raises:
        BadAddress: one of them names no backend; no password is in the message.
    """
    targets: list[Target] = []
    secrets: dict[str, str] = {}
    for name in dict.fromkeys(one for one in names if one != "-"):
        _add(_from_environment(name) if name.startswith("env:") else name, targets, secrets)
    for _ in range(names.count("-")):
        _add(_asked_for(), targets, secrets)
    return targets, secrets


def _add(text: str, targets: list[Target], secrets: dict[str, str]) -> None:
    if text in WORDS:
        targets.append(Target(key=text, backend=text, shown=WORDS[text]))
        return
    address = url.parse(text)
    if address.backend == "sqlite":
        raise BadAddress(
            f"{address.shown} is a file: a comparison makes a file of its own beside the spool. "
            "Write sqlite; to take the checkpoints of a file, attach it and choose the workload "
            "source."
        )
    if address.url in secrets.values():
        return
    key = f"server{len(secrets) + 1}"
    targets.append(Target(key=key, backend=address.backend, shown=address.shown))
    secrets[key] = address.url


def _from_environment(name: str) -> str:
    variable = name.removeprefix("env:")
    value = os.environ.get(variable, "")
    if not value:
        raise BadAddress(f"The environment variable {variable} holds no URL. Set it.")
    return value


def _asked_for() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("URL: ")
    return sys.stdin.readline().strip()
