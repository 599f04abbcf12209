"""Alerts from real data to a real webhook: pending, firing, resolved; one message; silences."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import msgspec
import pytest

from collector import orders as carried
from collector.alerts import keep, sending
from storage import orders
from storage.alert_preview import preview
from storage.alerts import Rule
from storage.findings import SEVERITIES, Finding, Subject, encode
from tests.collector.alerts.conftest import SECOND, Desk
from tests.collector.alerts.receiver import PASSWORD, SECRET, Receiver
from tests.collector.made import Made, collect

BIG = 2_000_000


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "spool", start_us=time.time_ns() // 1000 - 600 * SECOND)


def collected(made: Made, desk: Desk) -> int:
    """Stores what was made; returns a time after it."""
    made.write()
    collect(desk.spool, desk.store)
    return (made.at_us // (10 * SECOND) + 1) * 10 * SECOND


def test_pending_firing_resolved(made: Made, desk: Desk, receiver: Receiver) -> None:
    """A thread grows past the limit, stays there, is deleted: the webhook hears of both ends."""
    desk.rule(metric="live_bytes", each="thread", threshold=1.5e6, for_s=20)
    made.put("small", 1, 1000)
    made.put("long", 1, BIG)
    at_us = collected(made, desk)
    desk.look(at_us)
    assert set(desk.states.values()) == {"pending"}
    desk.send(at_us)
    desk.look(at_us + 10 * SECOND)
    assert (set(desk.states.values()), receiver.got) == ({"pending"}, [])
    desk.look(at_us + 20 * SECOND)
    assert (set(desk.states.values()), desk.history) == ({"firing"}, ["fired"])
    desk.send(at_us)
    (first,) = receiver.got
    assert first["title"] == "Firing: It is large – long"
    assert "WARNING It is large – long: 2 MB, since" in first["message"]
    assert "(State, live > 1.5 MB for 20 s)" in first["message"]
    assert first["type"] == "warning"
    desk.look(at_us + 30 * SECOND)
    desk.send(at_us)
    assert len(receiver.got) == 1
    made.removal("delete_thread", "long")
    collected(made, desk)
    desk.look(at_us + 40 * SECOND)
    desk.send(at_us)
    assert (desk.states, desk.history) == ({}, ["fired", "resolved"])
    assert receiver.got[1]["title"] == "Resolved: It is large – long"
    assert receiver.got[1]["type"] == "success"
    sent = desk.rows("SELECT state, tries FROM alert_deliveries")
    assert sent == [{"state": "sent", "tries": 1}] * 2


def test_what_changes_together_is_one_message(made: Made, desk: Desk, receiver: Receiver) -> None:
    """Thirty threads of two rules: one message to the target, the worst first, and a bound."""
    desk.rule(metric="live_bytes", each="thread", threshold=1e6)
    desk.rule(id="b" * 32, title="All of it", metric="stored_bytes", each="all", threshold=1e6,
              severity="critical")  # fmt: skip
    for number in range(30):
        made.put(f"thread-{number}", 1, BIG)
    at_us = collected(made, desk)
    desk.look(at_us)
    desk.send(at_us)
    (message,) = receiver.got
    assert message["title"] == "Statemeter: 31 firing"
    lines = message["message"].splitlines()
    assert lines[0].startswith("CRITICAL All of it – everything: 60 MB")
    assert lines[-2].startswith("… and 11 more")
    assert message["type"] == "failure"


def test_it_is_resolved_only_when_it_stays_back(made: Made, desk: Desk) -> None:
    """One that swings around its limit is one alert."""
    desk.rule(metric="stored_bytes", each="all", threshold=1e6, keep_s=60)
    made.put("t", 1, BIG)
    at_us = collected(made, desk)
    desk.look(at_us)
    # The checkpoint is taken back, comes again, and goes for good.
    for step, size in enumerate((100, BIG, 100, 100, 100, 100, 100, 100, 100), 1):
        desk.run("UPDATE threads SET stored_bytes = ?", size)
        desk.look(at_us + step * 10 * SECOND)
        if step < 9:
            assert desk.history == ["fired"], step
    assert desk.history == ["fired", "resolved"]


def test_silenced_is_not_sent(made: Made, desk: Desk, receiver: Receiver) -> None:
    """Until the silence ends: what fires still is then told. History says that it was silenced."""
    desk.rule(metric="live_bytes", each="thread", threshold=1e6)
    made.put("noisy-1", 1, BIG)
    made.put("other", 1, BIG)
    at_us = collected(made, desk)
    until_us = time.time_ns() // 1000 + 3600 * SECOND
    silence = {"id": uuid.uuid4().hex, "rule": "", "subject": "noisy", "until_us": until_us,
               "reason": "load test"}  # fmt: skip
    desk.order("silence alerts", **silence)
    desk.look(at_us)
    desk.send(at_us)
    (message,) = receiver.got
    assert message["title"].endswith("– other")
    events = desk.rows("SELECT subject, silenced FROM alert_events ORDER BY silenced")
    assert [row["silenced"] for row in events] == ["", "load test"]
    desk.order("end silence", id=silence["id"])
    desk.look(at_us + 10 * SECOND)
    desk.send(at_us)
    assert receiver.got[0]["title"].endswith("– other")
    if len(receiver.got) == 1:  # times of the test are before those of the silence
        desk.run("DELETE FROM alert_silences")
        desk.look(at_us + 20 * SECOND)
        desk.send(at_us)
    assert receiver.got[1]["title"].endswith("– noisy-1")


def test_a_target_that_is_down_is_tried_again(made: Made, desk: Desk, receiver: Receiver) -> None:
    """With waits that grow, in order, until it takes it: once."""
    desk.rule(metric="live_bytes", each="thread", threshold=1e6)
    made.put("t", 1, BIG)
    at_us = collected(made, desk)
    receiver.stop()
    desk.look(at_us)
    desk.send(at_us)
    (row,) = desk.rows("SELECT * FROM alert_deliveries")
    assert (row["state"], row["tries"], row["next_us"]) == ("waiting", 1, at_us + 5 * SECOND)
    assert row["problem"] == "The target could not be reached, or did not take it."
    desk.send(at_us + 4 * SECOND)
    assert desk.rows("SELECT tries FROM alert_deliveries") == [{"tries": 1}]
    receiver.start()
    receiver.status = 503
    desk.send(at_us + 5 * SECOND)
    (row,) = desk.rows("SELECT * FROM alert_deliveries")
    assert row["problem"] == "The target answered with status 503."
    assert (row["tries"], row["next_us"]) == (2, at_us + 20 * SECOND)
    receiver.status = 200
    receiver.got.clear()
    desk.send(at_us + 20 * SECOND)
    desk.send(at_us + 60 * SECOND)
    assert len(receiver.got) == 1
    assert [sending.wait_s(tries) for tries in (1, 2, 3, 4, 9)] == [5, 15, 45, 135, 900]


def test_nothing_secret_is_kept(made: Made, desk: Desk, receiver: Receiver) -> None:
    """Neither what works nor what fails leaves a part of a URL in the store or the spool."""
    desk.rule(metric="live_bytes", each="thread", threshold=1e6)
    made.put("t", 1, BIG)
    at_us = collected(made, desk)
    desk.look(at_us)
    receiver.status = 500
    desk.send(at_us)
    receiver.stop()
    desk.send(at_us + 60 * SECOND)
    receiver.start()
    receiver.status = 200
    desk.send(at_us + 600 * SECOND)
    assert receiver.paths[-1] == f"/{SECRET}"
    assert desk.rows("SELECT state FROM alert_deliveries") == [{"state": "sent"}]
    desk.engine.dispose()
    kept = [path for path in desk.store.parent.rglob("*") if path.is_file()]
    assert desk.store in kept
    for path in kept:
        if path.name != "targets":
            data = path.read_bytes()
            assert SECRET.encode() not in data, path
            assert PASSWORD.encode() not in data, path


def test_a_rule_that_is_switched_off_ends_its_alerts(made: Made, desk: Desk) -> None:
    rule = desk.rule(metric="live_bytes", each="thread", threshold=1e6)
    made.put("t", 1, BIG)
    at_us = collected(made, desk)
    desk.look(at_us)
    desk.order("remove alert rule", id=rule.id)
    assert (desk.states, desk.history) == ({}, ["fired", "resolved"])
    assert desk.rows("SELECT * FROM alert_rules") == []
    desk.look(at_us + 10 * SECOND)
    assert desk.states == {}


def test_a_test_message_is_sent_once(desk: Desk, receiver: Receiver) -> None:
    """Its order may be carried out twice: after a crash."""
    key = uuid.uuid4().hex
    for _ in range(2):
        desk.order("try alert target", id=key, target="ops")
    desk.send(time.time_ns() // 1000)
    assert [one["title"] for one in receiver.got] == ["Statemeter: test"]


def test_many_that_wait_are_bounded(desk: Desk, receiver: Receiver) -> None:
    with desk.engine.begin() as connection:
        for number in range(keep.WAITING_MOST + 1):
            keep.deliver(connection, f"{number:032x}", "ops", ("info", "t", "b"), 5)
    found = desk.rows("SELECT state, count(*) AS n FROM alert_deliveries GROUP BY 1 ORDER BY 1")
    assert [(row["state"], row["n"]) for row in found] == [("failed", 1), ("waiting", 100)]


def test_the_preview_is_what_fired(made: Made, desk: Desk) -> None:
    """Looked at every ten seconds while the data comes, and afterwards over the same time: errors
    that come and go, a latency, and stored bytes."""
    begin_us = made.at_us // (10 * SECOND) * 10 * SECOND
    rules = [
        desk.rule(metric="errors", threshold=2, over_s=60, each="backend", for_s=10),
        desk.rule(id="b" * 32, metric="latency_p95_us", threshold=900, over_s=60, keep_s=20),
        desk.rule(id="c" * 32, metric="stored_bytes", threshold=4_000, each="all"),
        desk.rule(id="d" * 32, metric="growth_bytes_per_hour", threshold=100_000, each="all",
                  over_s=120),
    ]  # fmt: skip
    number = 0
    for step in range(28):
        at_us = begin_us + step * 10 * SECOND
        while made.at_us < at_us - SECOND:
            number += 1
            failing = step // 6 % 2
            if step % 9 < 5:
                made.put("t", number, 100, error="Failed" if failing else "")
            else:
                made.read("t")
        made.write()
        collect(desk.spool, desk.store)
        desk.look(at_us)
    for rule in rules:
        said = preview(desk.reader, rule, 3600, at_us)
        want = desk.rows(
            "SELECT change, at_us FROM alert_events WHERE rule_id = ? ORDER BY id", rule.id
        )
        found = []
        for one in said.fired:
            found.append({"change": "fired", "at_us": one.at_us})
            if one.ended_us:
                found.append({"change": "resolved", "at_us": one.ended_us})
        assert found == want, rule.metric
        assert want, rule.metric


def test_readings(made: Made, desk: Desk) -> None:
    """Memory of a process, a pool that waits, lag of the collector and lost events: from what is
    told, and gone when nobody tells it any more; the preview of the readings says the same."""
    rules = [
        desk.rule(metric="rss_bytes", each="process", threshold=2e9),
        desk.rule(id="b" * 32, metric="pool_wait_us", each="resource", threshold=1000, over_s=60),
        desk.rule(id="c" * 32, metric="pool_waiting", each="resource", threshold=3, over_s=60),
        desk.rule(id="d" * 32, metric="collector_lag_seconds", threshold=30),
        desk.rule(id="e" * 32, metric="dropped_events", threshold=4, over_s=60),
    ]
    made.resource("p" * 12, "process")
    made.resource("q" * 12, "pool", backend="postgres")
    made.gauges("q" * 12, size=4, waiting=0, requests=10, waited_us=0)
    made.gauges("q" * 12, size=4, waiting=5, requests=20, waited_us=50_000)
    made.gauges("p" * 12, rss_bytes=3_000_000_000)
    at_us = collected(made, desk)
    desk.run("UPDATE collector SET lag_seconds = 0")
    desk.look(at_us - 10 * SECOND)
    desk.run("UPDATE collector SET lag_seconds = 45")
    desk.run("""UPDATE processes SET dropped = '{"queue": 5}'""")
    desk.look(at_us)
    values = {row["id"][0]: row["value"] for row in desk.rows("SELECT id, value FROM alert_rules")}
    assert values == {"a": 3e9, "b": 2500.0, "c": 5.0, "d": 45.0, "e": 5.0}
    assert sorted(desk.history) == ["fired"] * 5
    desk.run("UPDATE collector SET lag_seconds = 0")
    for step in range(1, 13):
        desk.look(at_us + step * 10 * SECOND)
    assert (desk.states, sorted(desk.history)) == ({}, ["fired"] * 5 + ["resolved"] * 5)
    for rule in rules:
        want = desk.rows("SELECT at_us FROM alert_events WHERE rule_id = ? ORDER BY at_us", rule.id)
        (one,) = preview(desk.reader, rule, 3600, at_us + 120 * SECOND).fired
        assert [one.at_us, one.ended_us] == [row["at_us"] for row in want], rule.metric


def test_findings(desk: Desk, receiver: Receiver) -> None:
    """One fires while it is open at the severity, and is resolved with it; a mild one does not. The
    preview has the time for which it was open."""
    rule = desk.rule(metric="finding", each="finding", threshold=2, severity="critical")
    begin_us = time.time_ns() // 1000 // (10 * SECOND) * 10 * SECOND - 600 * SECOND
    for number, severity in enumerate(("critical", "warning"), 1):
        finding = Finding(
            rule="quadratic-channel", severity=severity, title=f"The {severity} one",
            subject=Subject(thread=f"t{number}"), measured=[], since_us=begin_us, why="", fixes=[],
        )  # fmt: skip
        row = (
            number, finding.key, finding.rule, SEVERITIES.index(severity), "", "", "", number,
            encode(finding).decode(), begin_us, begin_us, begin_us, 0, 1, None, None, 0, 0, "",
        )  # fmt: skip
        desk.run(f"INSERT INTO findings VALUES ({', '.join('?' * len(row))})", *row)
        desk.run(
            "INSERT INTO finding_changes (finding_id, at_us, change, detail) "
            "VALUES (?, ?, 'opened', '')", number, begin_us,
        )  # fmt: skip
    desk.look(begin_us)
    desk.look(begin_us + 10 * SECOND)
    end_us = begin_us + 20 * SECOND
    desk.run("UPDATE findings SET resolved_us = ?", end_us)
    desk.run(
        "INSERT INTO finding_changes (finding_id, at_us, change, detail) "
        "SELECT id, ?, 'resolved', '' FROM findings", end_us,
    )  # fmt: skip
    desk.look(end_us)
    desk.send(end_us)
    desk.send(end_us)
    titles = ["Firing: It is large – The critical one", "Resolved: It is large – The critical one"]
    assert [one["title"] for one in receiver.got] == titles
    (one,) = preview(desk.reader, rule, 3600, end_us + 60 * SECOND).fired
    assert (one.at_us, one.ended_us, one.subject.words) == (begin_us, end_us, "The critical one")


def test_a_rule_of_another_version_keeps_no_other_from_looking(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A metric that this version does not have, and a body that it cannot read: logged once."""
    desk.rule(metric="live_bytes", each="thread", threshold=1e6)
    for name, body in (
        ("b" * 32, "replace(body, 'live_bytes', 'moon_phase')"), ("c" * 32, "'{'"),
    ):  # fmt: skip
        desk.run(
            f"INSERT INTO alert_rules (id, body, enabled, changed_us, looked_us, subjects, untold, "
            f"why) SELECT ?, {body}, 1, 1, 0, 0, 0, '' FROM alert_rules WHERE id = ?",
            name, "a" * 32,
        )  # fmt: skip
    for second in (100, 110):
        desk.look(second * SECOND)
    looked = {row["id"]: row["looked_us"] for row in desk.rows("SELECT * FROM alert_rules")}
    assert looked == {"a" * 32: 110 * SECOND, "b" * 32: 0, "c" * 32: 0}
    assert caplog.text.count("is of another version: it is not looked at") == 2


def test_an_unknown_metric_is_refused(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """An order that asks for one is set aside, and the log names those that there are."""
    rule = msgspec.to_builtins(Rule(id="a" * 32, title="x", metric="moon_phase", threshold=1))
    orders.leave(desk.spool, "set alert rule", {"rule": rule, "enabled": True})
    assert carried.take(desk.spool, desk.engine.begin) == 0
    assert "There is no metric 'moon_phase': use one of live_bytes," in caplog.text
    assert desk.rows("SELECT * FROM alert_rules") == []
