"""What Statemeter is tested with: the versions that the support matrix and ``doctor`` tell."""

from __future__ import annotations

from dataclasses import dataclass

PYTHON_FIRST = (3, 11)
PYTHON_LAST = (3, 13)


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose objects are measured."""

    name: str
    """On PyPI."""
    tested: str
    """The version that the tests ran with; newer ones are expected to work, older ones may not."""
    of: str
    """What of it is measured."""


PACKAGES = (
    Package("langgraph", "1.2.22", "graphs, InMemorySaver, InMemoryStore, InMemoryCache"),
    Package("langgraph-checkpoint-sqlite", "3.1.2", "savers, SqliteStore, SqliteCache"),
    Package("langgraph-checkpoint-postgres", "3.2.0", "savers, PostgresStore"),
    Package("langgraph-checkpoint-redis", "0.5.2", "savers, RedisStore"),
    Package("langgraph-checkpoint-mongodb", "0.5.1", "savers"),
    Package("langgraph-store-mongodb", "0.4.0", "MongoDBStore"),
    Package("langgraph-checkpoint-aws", "1.2.6", "ValkeySaver, ValkeyCache"),
)


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to compare: ``1.2.22rc1`` is ``(1, 2, 22)``."""
    found = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if digits:
            found.append(int(digits))
        if digits != part:
            break
    return tuple(found)
