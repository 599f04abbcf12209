"""MongoDB: ``serverStatus`` and the ``dbStats`` of the database."""

from __future__ import annotations

from pymongo.errors import PyMongoError

from collector.counters.reading import Reading, chosen, whole
from collector.inspection import mongodb, url
from collector.inspection.limits import from_settings
from collector.inspection.url import Address

_CACHE = {
    "used_bytes": "bytes currently in the cache",
    "maximum_bytes": "maximum bytes configured",
}


def read(address: Address) -> Reading:
    """Connect, read, and close.

    Raises:
        CouldNotLook: it cannot be reached, refuses the login, or does not answer in time.
    """
    with mongodb.connected(address) as (client, name, place):
        reader = mongodb.Reader(client[name], from_settings())
        try:
            sizes = reader.ask({"dbStats": 1})
            status = reader.ask({"serverStatus": 1})
        except PyMongoError as error:
            raise mongodb.refused(address, error) from None
    values = chosen(sizes, size_bytes="dataSize", disk_bytes="totalSize")
    values |= chosen(status.get("connections", {}), clients="current")
    cache = status.get("wiredTiger", {}).get("cache", {})
    values |= {ours: whole(cache[theirs]) for ours, theirs in _CACHE.items() if theirs in cache}
    made = status.get("opcounters", {})
    values["commands"] = sum(whole(made.get(kind)) for kind in ("query", "getmore", "command"))
    values["rows_written"] = sum(whole(made.get(kind)) for kind in ("insert", "update", "delete"))
    return Reading(*url.at_server("mongodb", *place, name), values)
