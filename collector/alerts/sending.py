"""Messages on their way: each is handed to Apprise at most once in a try, and never after a crash.

``sending`` is committed before a message is handed over. One that is found in that state at the
start of a collector may have arrived: it is marked ``unknown`` and not sent again, as nobody can
know. A target that refuses, or cannot be reached, is tried again with longer and longer waits.
Messages of a target go one after the other, so that "resolved" never overtakes "firing".
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from collector.alerts.targets import Target, Targets

FIRST_WAIT_S = 5
LONGEST_WAIT_S = 900
GIVEN_UP_US = 86_400 * 1_000_000
"""After that a message would tell of yesterday."""
AT_ONCE = 4
"""Messages on their way at the same time, to different targets."""
SERVICES = "https://appriseit.com/services/"
CRASHED = (
    "The collector ended while this was being sent: it may have arrived. It is not sent again."
)
_STATUS = re.compile(r"error=(\d{3})\b")


@dataclass(frozen=True)
class Message:
    """A message that is being sent."""

    id: str
    target: str
    kind: str
    title: str
    body: str
    tries: int
    created_us: int


class Sender:
    """Threads that hand messages over; what became of them is stored by ``store``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: list[tuple[Message, str]] = []
        self._storing: list[tuple[Message, str]] = []
        self._going: dict[str, threading.Thread] = {}

    @property
    def done(self) -> bool:
        """Whether there is something to store."""
        return bool(self._done)

    def claim(self, connection: Connection, at_us: int) -> list[Message]:
        """Mark what is due as being sent; hand it over only after the commit."""
        rows = connection.execute(
            text(
                "SELECT * FROM alert_deliveries WHERE state = 'waiting' ORDER BY created_us, rowid"
            )
        ).all()
        found: list[Message] = []
        met = set(self._going)
        for row in rows:
            if row.target in met or len(found) + len(self._going) >= AT_ONCE:
                continue
            met.add(row.target)
            if row.next_us <= at_us:
                found.append(Message(row.id, row.target, row.kind, row.title, row.body,
                                     row.tries + 1, row.created_us))  # fmt: skip
        for one in found:
            connection.execute(
                text(
                    "UPDATE alert_deliveries SET state = 'sending', tries = :tries WHERE id = :id"
                ),
                {"id": one.id, "tries": one.tries},
            )
        return found

    def send(self, messages: list[Message], targets: Targets) -> None:
        """Hand over, each in a thread of its own."""
        for one in messages:
            target = targets.by_name.get(one.target)
            thread = threading.Thread(
                target=self._send, args=(one, target), name="alert", daemon=True
            )
            self._going[one.target] = thread
            thread.start()

    def store(self, connection: Connection, at_us: int) -> None:
        """Store what became of those that were handed over; ``stored`` follows the commit."""
        with self._lock:
            self._storing = list(self._done)
        for one, problem in self._storing:
            state, next_us, ended_us = "sent", 0, at_us
            if problem:
                state, next_us, ended_us = "waiting", at_us + wait_s(one.tries) * 1_000_000, 0
                if at_us - one.created_us > GIVEN_UP_US:
                    state, ended_us = "failed", at_us
            connection.execute(
                text(
                    "UPDATE alert_deliveries SET state = :state, next_us = :next, "
                    "ended_us = :ended, problem = :problem WHERE id = :id"
                ),
                {"state": state, "next": next_us, "ended": ended_us, "problem": problem,
                 "id": one.id},
            )  # fmt: skip

    def stored(self) -> None:
        """What ``store`` wrote is committed."""
        with self._lock:
            stored, self._storing = self._storing, []
            self._done = [one for one in self._done if one not in stored]
        for one, _ in stored:
            self._going.pop(one.target, None)

    def wait(self, seconds: float) -> None:
        """Wait until all that was handed over has arrived or not."""
        for thread in list(self._going.values()):
            thread.join(seconds)

    def _send(self, message: Message, target: Target | None) -> None:
        problem = "The file of targets has no such name any more."
        if target is not None:
            try:
                problem = hand_over(target, message.kind, message.title, message.body)
            except BaseException as error:  # a fault of a plugin is a try that failed
                problem = f"Apprise failed: {type(error).__name__}."
        with self._lock:
            self._done.append((message, problem))


def crashed(connection: Connection, at_us: int) -> None:
    """At the start: what was being sent when a collector ended is not sent again."""
    connection.execute(
        text(
            "UPDATE alert_deliveries SET state = 'unknown', ended_us = :at, problem = :problem "
            "WHERE state = 'sending'"
        ),
        {"at": at_us, "problem": CRASHED},
    )


def wait_s(tries: int) -> int:
    """Seconds after a number of failed tries: 5, 15, 45, … up to 15 minutes."""
    return int(min(FIRST_WAIT_S * 3 ** min(tries - 1, 10), LONGEST_WAIT_S))


def hand_over(target: Target, kind: str, title: str, body: str) -> str:
    """Give a message to Apprise; returns why it was not taken, empty: it was.

    Never a part of the URL: of what Apprise says, only the number of an HTTP status is kept.
    """
    made = _made(target)
    if not len(made):
        return unknown_url(target)
    result = made.notify(body=body, title=title, notify_type=kind, body_format="text")
    if result:
        return ""
    status = _STATUS.search(" ".join(str(entry) for entry in result.logs()))
    if status:
        return f"The target answered with status {status[1]}."
    return "The target could not be reached, or did not take it."


def unknown_url(target: Target) -> str:
    """Why a target is none for Apprise, empty: it is one."""
    if len(_made(target)):
        return ""
    return f"Apprise cannot use this {target.service}:// URL: compare it with {SERVICES}."


def _made(target: Target) -> Any:
    log = logging.getLogger("apprise")
    log.propagate = False  # it may say parts of a URL, and so may urllib3, of its connections
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    import apprise  # noqa: PLC0415 - takes long to import, and most collectors have no target

    made = apprise.Apprise(asset=apprise.AppriseAsset(
        app_id="Statemeter", app_desc="Statemeter", app_url="", storage_mode="memory",
    ))  # fmt: skip
    made.add(target.url)
    return made
