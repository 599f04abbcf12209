"""A look into a MongoDB database of MongoDBSaver.

Only commands that read, each with ``maxTimeMS``: collStats, listIndexes, aggregate, and explain
with verbosity ``queryPlanner``, which runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import errors
from pymongo.database import Database
from pymongo.uri_parser import parse_uri

from collector.inspection import mongodb_collections, mongodb_documents, mongodb_lookups, url
from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.limits import CONNECT_SECONDS, STATEMENT_SECONDS, Limits
from collector.inspection.url import Address

DEFAULT_DATABASE = "checkpointing_db"
"""Of MongoDBSaver, where none is named."""

_FIXES = (
    ("Authentication failed", "Check user and password, and authSource in the URL."),
    ("requires authentication", "Give user and password: mongodb://user:password@host/database."),
    ("not authorized", "Give the user the role read on the database."),
    ("Connection refused", "Start the server, or check host and port."),
    ("Name or service", "Check the name of the host."),
    ("DNS", "Check the name of the host; mongodb+srv:// needs its SRV record."),
    ("SSL", "Check tls in the URL and the certificates."),
    ("timed out", "Check host, port and the firewall between."),
    ("No servers found", "Check host, port and the firewall between."),
)


class Reader:
    """Commands that only read, each bounded in time."""

    def __init__(self, database: Database[Any], limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """The answer to a command.

        Raises:
            PyMongoError: refused, or not done in time.
        """
        most = int(self._limits.seconds_left(STATEMENT_SECONDS) * 1000)
        answer: dict[str, Any] = self._database.command({**command, "maxTimeMS": most})
        return answer

    def rows(self, collection: str, stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The first batch of an aggregation, which has to hold all there is."""
        asked = {"aggregate": collection, "pipeline": stages, "cursor": {"batchSize": 1000}}
        rows: list[dict[str, Any]] = self.ask(asked)["cursor"]["firstBatch"]
        return rows


def look(address: Address, limits: Limits) -> tuple[str, str, str, Findings]:
    """Identity, label, server and findings of a database.

    Raises:
        CouldNotLook: it cannot be reached, refuses the login, or has nothing of LangGraph.
    """
    with connected(address) as (client, name, place):
        reader = Reader(client[name], limits)
        findings = Findings((errors.PyMongoError,), lambda error: _tell(error, address))
        try:
            version = client.server_info()["version"]
            names = set(client[name].list_collection_names())
        except errors.PyMongoError as error:
            raise refused(address, error) from None
        found = mongodb_collections.check(reader, address, name, names, findings)
        for collection in found:
            with findings.trying("document.largest", "Largest document", collection):
                mongodb_documents.check_largest(reader, collection, findings, limits)
            with findings.trying("ttl", "Expiry", collection):
                mongodb_documents.check_expiry(reader, collection, findings, limits)
        mongodb_lookups.check(reader, found, findings, limits)
        identity, label = url.at_server("mongodb", *place, name)
        return identity, label, f"MongoDB {version}", findings


@contextmanager
def connected(
    address: Address,
) -> Iterator[tuple[pymongo.MongoClient[Any], str, tuple[str, int]]]:
    """A client, the database named, and the servers as the probe names them."""
    try:
        named = parse_uri(address.url, connect_timeout=CONNECT_SECONDS)
        client: pymongo.MongoClient[Any] = pymongo.MongoClient(
            address.url,
            appname="statemeter",
            serverSelectionTimeoutMS=CONNECT_SECONDS * 1000,
            connectTimeoutMS=CONNECT_SECONDS * 1000,
            socketTimeoutMS=STATEMENT_SECONDS * 2000,
            retryReads=False,
            retryWrites=False,
        )
    except (errors.PyMongoError, ValueError, TypeError) as error:
        raise CouldNotLook(
            f"{address.shown} cannot be used: {address.scrubbed(error)}. Write "
            "mongodb://user:password@host:27017/database, with :, /, ?, #, [, ], @ and % in user "
            "and password quoted as %3A and so on."
        ) from None
    seeds = sorted(named["nodelist"])
    hosts = [f"{host}:{port}" for host, port in seeds[:-1]] + [seeds[-1][0]]
    with client:
        place = (",".join(hosts), int(seeds[-1][1] or 27017))
        yield client, named["database"] or DEFAULT_DATABASE, place


def refused(address: Address, error: Exception) -> CouldNotLook:
    said = _tell(error, address)
    fix = next((fix for part, fix in _FIXES if part in said), "Check the URL.")
    return CouldNotLook(f"{address.shown} cannot be reached: {said} {fix}")


def _tell(error: Exception, address: Address) -> str:
    if isinstance(error, errors.ExecutionTimeout):
        return "It takes longer than a look may."
    if isinstance(error, errors.OperationFailure) and error.details:
        said = str(error.details.get("errmsg", error))
    else:
        # The rest is a description of each server and its topology.
        said = str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]
    said = address.scrubbed(said)
    return said if said.endswith(".") else said + "."
