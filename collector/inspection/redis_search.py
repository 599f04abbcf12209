"""Modules and search indexes that RedisSaver and RedisStore need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

from collector.inspection.findings import Findings
from collector.inspection.redis_keys import REDIS_SAVER, Sample

if TYPE_CHECKING:
    from collector.inspection.redis import Server

NEEDED = {"search": "search", "rejson": "JSON"}

SETUP_SAVER = (
    "from langgraph.checkpoint.redis import RedisSaver\n"
    "with RedisSaver.from_conn_string(url) as saver:\n"
    "    saver.setup()"
)
SETUP_STORE = (
    "from langgraph.store.redis import RedisStore\n"
    "with RedisStore.from_conn_string(url) as store:\n"
    "    store.setup()"
)


def check(server: Server, sample: Sample | None, findings: Findings) -> None:
    """Tell of modules and indexes."""
    saver = sample is not None and sample.has(REDIS_SAVER)
    store = sample is not None and sample.has(("store:", "store_vectors:"))
    modules: set[str] | None = None
    with findings.trying("modules", "Modules"):
        modules = {_text(_pairs(module)["name"]).lower() for module in server.ask("MODULE", "LIST")}
    empty = sample is not None and not sample.total
    wanted = saver or store or (empty and server.backend == "redis")
    if modules is not None:
        _check_modules(modules, wanted, findings)
        if not modules.issuperset(NEEDED):
            return
    with findings.trying("index", "Search indexes"):
        _check_indexes(server, (saver or (wanted and not store), store), findings)


def _check_modules(modules: set[str], wanted: bool, findings: Findings) -> None:
    missing = [name for module, name in NEEDED.items() if module not in modules]
    findings.add(
        "modules", "Modules", ", ".join(sorted(modules)) or "none",
        status="critical" if missing and wanted else "ok",
        why=f"RedisSaver and RedisStore need {' and '.join(missing)}, which this server lacks: "
        "they fail with 'unknown command'. RedisCache and ValkeySaver work. Use Redis 8, or Redis "
        "Stack." if missing else "",
        mend="docker run -d -p 6379:6379 redis:8" if missing and wanted else "",
        language="shell" if missing and wanted else "",
    )  # fmt: skip


def _check_indexes(server: Server, wanted: tuple[bool, bool], findings: Findings) -> None:
    names = {_text(name) for name in server.ask("FT._LIST")}
    saver, store = wanted
    for name, needed, mend in (
        ("checkpoint", saver, SETUP_SAVER),
        ("checkpoint_write", saver, SETUP_SAVER),
        ("store", store, SETUP_STORE),
    ):
        if needed and name not in names:
            findings.add(
                "index", "Search index", "missing", subject=name, status="critical",
                why="setup() makes it; FLUSHALL drops it. list() and searches fail or find "
                "nothing; keys that are there are indexed once it is back.",
                mend=mend, language="python",
            )  # fmt: skip
    for name in sorted(names & {"checkpoint", "checkpoint_write", "store", "store_vectors"}):
        with findings.trying("index", "Search index", name):
            _check_index(name, _info(server, name), findings)


def _check_index(name: str, info: dict[str, Any], findings: Findings) -> None:
    failures = int(float(_text(info.get("hash_indexing_failures", 0))))
    findings.add(
        "index", "Search index", int(float(_text(info.get("num_docs", 0)))), "documents",
        subject=name,
        status="warning" if failures else "ok",
        why=f"{failures:,} documents could not be indexed, so that list() does not find them: "
        "their fields are of another type than the index wants. Make it anew, as below." if failures
        else "",
        mend=f"FT.DROPINDEX {name}" if failures else "", language="redis" if failures else "",
    )  # fmt: skip


def _info(server: Server, name: str) -> dict[str, Any]:
    try:
        return _pairs(server.ask("FT.INFO", name))
    except redis.ResponseError:
        return {}


def _pairs(answer: Any) -> dict[str, Any]:
    """A reply that is a map, or as older protocols have it, names and values in turn."""
    if isinstance(answer, dict):
        return {_text(name): value for name, value in answer.items()}
    return {_text(name): value for name, value in zip(answer[::2], answer[1::2], strict=False)}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
