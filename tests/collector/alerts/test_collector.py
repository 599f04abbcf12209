"""Alerts of a collector that really runs: to a webhook, over a kill in the middle, with no secret
in its log."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from storage import orders
from storage.alerts import Rule
from tests.collector.alerts.receiver import PASSWORD, SECRET, Receiver
from tests.collector.live import wait_for
from tests.collector.made import Made
from tests.conftest import StartChild

RULE = Rule(id="c" * 32, title="Large", metric="live_bytes", each="thread", threshold=1e6)


@pytest.fixture
def store(isolated: Path) -> Path:
    return isolated / "store.sqlite"


def deliveries(store: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        return [
            dict(row)
            for row in connection.execute("SELECT * FROM alert_deliveries ORDER BY created_us")
        ]


def switch_on(spool: Path, rule: Rule = RULE) -> None:
    body = {"rule": msgspec.to_builtins(rule), "enabled": True}
    orders.leave(spool, "set alert rule", body)


def kill(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_a_kill_while_it_is_sent_sends_it_not_again(
    store: Path, named: Path, receiver: Receiver, start_child: StartChild
) -> None:
    """The webhook has it and has not answered yet when the collector is killed: the next collector
    says that it may have arrived, sends what comes after it, and logs no secret."""
    spool = store.parent / "spool"
    made = Made(spool, start_us=time.time_ns() // 1000)
    made.put("long", 1, 2_000_000)
    made.write()
    switch_on(spool)
    receiver.delay_s = 30
    first = start_child("-m", "collector")
    assert receiver.met.wait(60)
    kill(first)
    assert [row["state"] for row in deliveries(store)] == ["sending"]
    assert receiver.got[0]["title"] == "Firing: Large – long"
    receiver.delay_s = 0
    key = uuid.uuid4().hex
    orders.leave(spool, "try alert target", {"id": key, "target": "ops"})
    second = start_child("-m", "collector")
    wait_for(lambda: len(receiver.got) > 1, "a message")
    wait_for(lambda: deliveries(store)[-1]["state"] == "sent", "its end")
    assert [row["state"] for row in deliveries(store)] == ["unknown", "sent"]
    assert [one["title"] for one in receiver.got] == ["Firing: Large – long", "Statemeter: test"]
    kill(second)
    third = start_child("-m", "collector", "--once")
    assert third.wait(60) == 0
    assert len(receiver.got) == 2
    for child in (first, second, third):
        log = child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
        assert "collecting from" in log
        assert SECRET not in log
        assert PASSWORD not in log
    made.die()


def test_once_looks_and_sends(
    store: Path, named: Path, receiver: Receiver, start_child: StartChild
) -> None:
    """A collector that ends at once, as cron starts it, tells of alerts too; a file that others can
    read is refused, by its name, and the message waits."""
    spool = store.parent / "spool"
    made = Made(spool, start_us=time.time_ns() // 1000)
    made.put("long", 1, 2_000_000)
    made.write()
    made.die()
    switch_on(spool)
    orders.leave(spool, "try alert target", {"id": "e" * 32, "target": "ops"})
    named.chmod(0o644)
    assert start_child("-m", "collector", "--once").wait(60) == 0
    with closing(sqlite3.connect(store)) as connection:
        ((problem,),) = connection.execute("SELECT problem FROM alert_targets").fetchall()
    assert f"{named} can be used by others (mode 0644)" in problem
    assert receiver.got == []
    assert deliveries(store)[0]["problem"].startswith("The file of targets has no such name")
    named.chmod(0o600)
    with closing(sqlite3.connect(store)) as connection, connection:
        # It is the oldest, whatever whole ten seconds the alert is of.
        connection.execute(
            "UPDATE alert_deliveries SET next_us = 0, created_us = created_us - 60000000"
        )
    assert start_child("-m", "collector", "--once").wait(60) == 0
    assert receiver.got[0]["title"] == "Statemeter: test"
