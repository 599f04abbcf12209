"""Plans of the look-ups that MongoDBSaver makes; none of them is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits
from collector.inspection.mongodb_collections import KEYS, statement

if TYPE_CHECKING:
    from collector.inspection.mongodb import Reader

_THREAD = {"thread_id": "x", "checkpoint_ns": ""}
BY_KEY: dict[str, tuple[str, dict[str, Any]]] = {
    "checkpoints": (
        "the newest checkpoint of a thread",
        {"filter": _THREAD, "sort": {"checkpoint_id": -1}, "limit": 1},
    ),
    "checkpoint_writes": (
        "the pending writes of a checkpoint",
        {"filter": _THREAD | {"checkpoint_id": "x"}},
    ),
}


def check(reader: Reader, found: list[str], findings: Findings, limits: Limits) -> None:
    """Tell of each look-up whether an index serves it."""
    for name, (what, query) in BY_KEY.items():
        if name in found:
            with findings.trying("lookup.key", f"Look-up of {what}", name):
                _check_key(reader, name, (what, query), findings)
    if "checkpoints" in found:
        for key in ("run_id", *limits.filters):
            with findings.trying("lookup.metadata", "Look-up by metadata", key):
                _check_metadata(reader, key, findings, limits)


def _index_of(reader: Reader, name: str, query: dict[str, Any]) -> str:
    """The index that the plan uses; empty: it reads the whole collection."""
    asked = {"explain": {"find": name, **query}, "verbosity": "queryPlanner"}
    plan = reader.ask(asked)["queryPlanner"]["winningPlan"]
    stages = list(_stages(plan))
    if any(stage.get("stage") == "COLLSCAN" for stage in stages):
        return ""
    names = (str(stage["indexName"]) for stage in stages if "indexName" in stage)
    return next(names, "an index")


def _stages(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        yield plan
        for part in plan.values():
            yield from _stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _stages(part)


def _check_key(
    reader: Reader, name: str, known: tuple[str, dict[str, Any]], findings: Findings
) -> None:
    what, query = known
    index = _index_of(reader, name, query)
    command = {
        "createIndexes": name,
        "indexes": [{"key": KEYS[name], "name": f"{name}_by_thread", "unique": True}],
    }
    findings.add(
        "lookup.key", f"Look-up of {what}", index or "reads the whole collection", subject=name,
        status="ok" if index else "critical",
        why="" if index else "Each step of a graph reads all documents.",
        mend="" if index else statement(command), language="" if index else "mongodb",
    )  # fmt: skip


def _check_metadata(reader: Reader, key: str, findings: Findings, limits: Limits) -> None:
    query = {"filter": {f"metadata.{key}": "x"}, "sort": {"checkpoint_id": -1}}
    index = _index_of(reader, "checkpoints", query)
    rows = int(reader.rows("checkpoints", [{"$collStats": {"count": {}}}])[0]["count"])
    many = not index and rows >= limits.scan_rows
    told = key in limits.filters
    command = {
        "createIndexes": "checkpoints",
        "indexes": [
            {
                "key": {f"metadata.{key}": 1, "checkpoint_id": -1},
                "name": f"checkpoints_by_{key}",
            }
        ],
    }
    findings.add(
        "lookup.metadata", "Look-up by metadata", index or "reads the whole collection",
        subject=key,
        status="warning" if many else "ok",
        why=(
            f"list(filter={{{key!r}: …}}) reads all {rows:,} checkpoints. "
            + ("" if many else "That is quick while they are few. ")
            + ("" if told else "It matters if the application or its tools look runs up so.")
        ).strip() if not index else "",
        mend="" if index else statement(command), language="" if index else "mongodb",
    )  # fmt: skip
