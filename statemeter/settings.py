"""Settings: environment variables, each listed once with its default, unit and help."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from statemeter.errors import SettingError

logger = logging.getLogger("statemeter")

MB = 1_000_000
LARGEST = 1e9
"""Largest number of any setting: the clocks and queues of Python take no infinite ones."""
LABELS_MAX = 20
SEGMENT_MIN_BYTES = 10_000
"""A segment has room for more than the process that introduces itself in each."""


@dataclass(frozen=True)
class Setting:
    """One environment variable."""

    name: str
    default: str
    unit: str
    help: str
    parse: Callable[[str], Any]


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:  # ~nobody
        raise ValueError(text) from error


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= LARGEST:
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 0 < number <= LARGEST:
        raise ValueError(text)
    return number


def _folders(text: str) -> tuple[Path, ...]:
    return tuple(_folder(part) for part in text.split(os.pathsep) if part.strip())


def _patterns(text: str) -> tuple[re.Pattern[str], ...]:
    parts = (part.strip() for part in re.split(r";;|\n", text))
    try:
        return tuple(re.compile(part) for part in parts if part)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(text) from error


def _labels(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LABELS_MAX:
        raise ValueError(text)
    return number


def _segment(text: str) -> float:
    number = _positive(text)
    if number * MB < SEGMENT_MIN_BYTES:
        raise ValueError(text)
    return number


def _switch(text: str) -> bool:
    return {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}[
        text.lower()
    ]


def data_folder() -> Path:
    """The user's data directory for Statemeter, the same for every program of this user."""
    return Path(platformdirs.user_data_dir("statemeter", appauthor=False))


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("STATEMETER_SPOOL", "", "folder",
                "where probes write and the collector reads; default: spool/ in the user's data "
                "directory", _folder),
        Setting("STATEMETER_STORE", "", "URL or path",
                "the metrics store; default: store.sqlite in the user's data directory", str),
        Setting("STATEMETER_APP", "", "name",
                "name of the application; default: OTEL_SERVICE_NAME, then the name of the script",
                str),
        Setting("STATEMETER_ENABLED", "1", "0 or 1",
                "0: instrument() changes nothing", _switch),
        Setting("STATEMETER_FLUSH_SECONDS", "0.2", "seconds",
                "longest time an event waits before it is written", _positive),
        Setting("STATEMETER_QUEUE_EVENTS", "20000", "events",
                "events held in memory; the oldest are dropped and counted beyond it", _count),
        Setting("STATEMETER_QUEUE_MB", "64", "MB",
                "serialized state held in memory for sizing; beyond it, events keep their totals "
                "but tell no channels", _positive),
        Setting("STATEMETER_SEGMENT_MB", "8", "MB", "size of a spool segment", _segment),
        Setting("STATEMETER_SPOOL_MB", "512", "MB",
                "size of the whole spool; probes drop and count beyond it", _positive),
        Setting("STATEMETER_NAMESPACE_LABELS", "2", "labels",
                "how many labels of a store's namespaces are told, the first ones; they may hold "
                "ids of users; 0: none", _labels),
        Setting("STATEMETER_RETENTION_DAYS", "14", "days",
                "age at which single operations are deleted from the store; sums by minute live "
                "90 days, by hour for good", _positive),
        Setting("STATEMETER_SERVERS", "", "URLs, separated by spaces",
                "servers whose own counters the collector reads every 10 s: redis://, valkey://, "
                "postgresql://, mongodb://", str),
        Setting("STATEMETER_WAL_WARN_MB", "64", "MB",
                "python -m collector check: WAL of a SQLite file from which on it warns",
                _positive),
        Setting("STATEMETER_DOCUMENT_WARN_MB", "8", "MB",
                "the same: document of MongoDB, whose server takes 16 MB at most", _positive),
        Setting("STATEMETER_DOCUMENT_CRITICAL_MB", "14", "MB",
                "the same: document of MongoDB that counts as critical", _positive),
        Setting("STATEMETER_SCAN_WARN_ROWS", "10000", "rows",
                "the same: table that a look-up without an index reads whole", _count),
        Setting("STATEMETER_DEAD_WARN_PERCENT", "20", "%",
                "the same: dead rows of a PostgreSQL table, from 1000 on", _positive),
        Setting("STATEMETER_IDLE_WARN_SECONDS", "60", "seconds",
                "the same: PostgreSQL transaction that is open and idle", _positive),
        Setting("STATEMETER_TTL_WARN_KEYS", "10000", "keys",
                "the same: keys of Redis or documents of MongoDB that never expire", _count),
        Setting("STATEMETER_SHOW_VALUES", "0", "0 or 1",
                "1: the History page may show values of checkpoints, read on demand from your own "
                "database and kept nowhere; an InMemorySaver's where its process has it set, too",
                _switch),
        Setting("STATEMETER_CONTROL", "1", "0 or 1",
                "0: this process answers nobody who looks: no census, allocations, recording or "
                "lines (docs/ondemand.md), and no values of its InMemorySavers, whatever "
                "STATEMETER_SHOW_VALUES says", _switch),
        Setting("STATEMETER_REDACT", "", "regular expressions, separated by ;; or newlines",
                "beside keys such as password, secret, token, api_key, authorization and cookie: "
                "keys that match lose their value, text that matches shows •••", _patterns),
        Setting("STATEMETER_ROOTS", "", "folders, separated by : (Windows: ;)",
                "database files that a form or a spool names must lie inside; default: your home "
                "folder and the folder that the program runs in", _folders),
        Setting("STATEMETER_ALERTS", "", "file",
                "targets of alerts, name = Apprise URL a line; read by the collector alone, and "
                "only if nobody else can (mode 0600)", _folder),
        Setting("STATEMETER_ALLOW_PUBLIC", "0", "0 or 1",
                "1: the dashboard may be served on an address that others can reach, because a "
                "proxy in front of it authenticates visitors", _switch),
    )
}  # fmt: skip


def get(name: str) -> Any:
    """The parsed value of a setting, from the environment or its default.

    Raises:
        SettingError: the environment has a value that cannot be used.
    """
    setting = SETTINGS[name]
    text = os.environ.get(name, "").strip() or setting.default
    if not text:
        return None
    try:
        return setting.parse(text)
    except (ValueError, KeyError):
        raise SettingError(
            f"{name}={text!r} cannot be used: {setting.help} (in {setting.unit}). "
            f"Set it to something like {setting.default or 'a ' + setting.unit!r}, or unset it."
        ) from None


def usable(name: str) -> Any:
    """A setting, or its default with a warning: a wrong value must not stop the application."""
    try:
        return get(name)
    except SettingError as error:
        setting = SETTINGS[name]
        logger.warning("statemeter: %s Using %s %s.", error, setting.default, setting.unit)
        return setting.parse(setting.default)


def usable_spool_folder() -> Path:
    """The folder of the spool, the default one with a warning where another cannot be used."""
    try:
        return spool_folder()
    except SettingError as error:
        folder = data_folder() / "spool"
        logger.warning("statemeter: %s Using %s.", error, folder)
        return folder


def unknown() -> list[str]:
    """Environment variables that look like settings and are none, such as a misspelt one."""
    return sorted(n for n in os.environ if n.startswith("STATEMETER_") and n not in SETTINGS)


def spool_folder() -> Path:
    """The folder of the spool."""
    folder: Path | None = get("STATEMETER_SPOOL")
    return folder or data_folder() / "spool"


def roots() -> tuple[Path, ...]:
    """Folders in which a database file may lie that a form or a spool names."""
    folders: tuple[Path, ...] | None = get("STATEMETER_ROOTS")
    return folders or (Path(os.path.expanduser("~")), Path.cwd())  # Path.home() may raise


def store_url() -> str:
    """The metrics store as a database URL; a plain path becomes a SQLite URL."""
    text: str = get("STATEMETER_STORE") or str(data_folder() / "store.sqlite")
    return text if "://" in text else f"sqlite:///{Path(text).expanduser().absolute()}"


def application() -> str:
    """The name under which this process reports."""
    named = get("STATEMETER_APP") or os.environ.get("OTEL_SERVICE_NAME", "").strip()
    if named:
        return str(named)
    script = Path(sys.argv[0] if sys.argv and sys.argv[0] else "python")
    return script.parent.name if script.name == "__main__.py" else (script.stem or "python")
