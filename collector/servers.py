"""Counters of the servers that ``STATEMETER_SERVERS`` names, read every 10 s by threads.

Ingest never waits for a server: it takes what the threads have left. Readings become those of a
resource of kind ``server``, with ``up`` (1 or 0) beside what the server says. Counters begin at 0
with the collector: what a server did before is no part of the time that is shown.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from collector.counters.reading import Reading
from collector.inspection import drivers, url
from collector.inspection.errors import BadAddress, CouldNotLook
from collector.inspection.url import Address
from statemeter import events
from storage import gauges

logger = logging.getLogger("statemeter.collector")

EVERY_SECONDS = 10.0
SERVERS_MOST = 20
KEPT = 500
"""Readings that wait for ingest; the oldest go first."""

Taken = tuple[events.Resource, events.Gauges]


class Servers:
    """The threads, one a server.

    Args:
        text: URLs, separated by spaces.

    Raises:
        BadAddress: one of them names no server.
    """

    def __init__(self, text: str) -> None:
        self._addresses = [_parse(part) for part in dict.fromkeys(text.split())]
        if len(self._addresses) > SERVERS_MOST:
            raise BadAddress(
                f"STATEMETER_SERVERS names {len(self._addresses)} servers; {SERVERS_MOST} at most "
                "are read. Name those that matter."
            )
        self._readings: deque[Taken] = deque(maxlen=KEPT)
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to read, in the background."""
        for address in self._addresses:
            series = Series(address, self._readings.append)
            threading.Thread(
                target=self._run, args=(series,), name=f"server {address.shown}", daemon=True
            ).start()

    def stop(self) -> None:
        """Read no more; a thread that waits for its server ends with the process."""
        self._stop.set()

    def taken(self) -> list[Taken]:
        """What was read since the last call."""
        found = []
        while self._readings:
            found.append(self._readings.popleft())
        return found

    def _run(self, series: Series) -> None:
        while not self._stop.is_set():
            try:
                series.read()
            except Exception:  # a driver's fault must not end what is measured
                logger.exception("reading %s failed", series.address.shown)
            self._stop.wait(EVERY_SECONDS)


class Series:
    """The readings of one server."""

    def __init__(self, address: Address, give: Callable[[Taken], object]) -> None:
        self.address = address
        self._give = give
        self._said = ""
        self._place = (f"{address.backend} {address.shown}", address.shown)
        self._before: gauges.Values = {}
        self._grown: gauges.Values = {}

    def read(self) -> None:
        """Read once, and hand the result on; a server that is down is told once."""
        try:
            reading = _read(self.address)
        except CouldNotLook as error:
            if str(error) != self._said:
                logger.warning("%s", error)
            self._said = str(error)
            self._hand_on({"up": 0})
            return
        if self._said:
            logger.info("%s is back", self.address.shown)
        self._said = ""
        self._place = (reading.identity, reading.label)
        self._hand_on({"up": 1} | self._since_start(reading.values))

    def _since_start(self, values: gauges.Values) -> gauges.Values:
        """Counters as grown since the first reading, levels as they are."""
        counters = {name: value for name, value in values.items() if name in gauges.COUNTERS}
        for name, growth in gauges.grown(self._before or counters, counters).items():
            self._grown[name] = self._grown.get(name, 0) + growth
        self._before = counters
        return values | self._grown

    def _hand_on(self, values: gauges.Values) -> None:
        identity, label = self._place
        now_us = time.time_ns() // 1000
        key = url.storage_key("server", identity)
        backend = self.address.backend
        server = events.Resource(0, now_us, key, "server", backend, "", label)
        self._give((server, events.Gauges(0, now_us, key, values)))


def _read(address: Address) -> Reading:
    read: Callable[[Address], Reading] = drivers.module("collector.counters", address).read
    return read(address)


def _parse(text: str) -> Address:
    try:
        address = url.parse(text)
    except BadAddress as error:
        raise BadAddress(f"STATEMETER_SERVERS: {error}") from None
    if address.backend == "sqlite":
        raise BadAddress(
            f"STATEMETER_SERVERS: {address.shown} is a file, which counts nothing of itself. Name "
            "servers: redis://, valkey://, postgresql:// or mongodb://."
        )
    return address
