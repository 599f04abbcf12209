"""The Alerts page: rules are switched on, tried on past data, changed, silenced; what was sent."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from streamlit.testing.v1 import AppTest

from collector import orders as carried
from storage import orders, queries_alerts
from storage.alert_preview import RANGES, preview
from storage.alerts import Rule, check
from storage.queries_alerts import Alerts
from storage.ready_alerts import READY
from storage.store import open_reader, open_writer
from tests.pages.conftest import Visit, charts, metrics, texts
from tests.pages.test_backends import table
from tests.storage import seed

RULE = Rule(id="a" * 32, title="Much is *stored*", metric="stored_bytes", threshold=1e6,
            each="backend")  # fmt: skip


def spool(store: Path) -> Path:
    return store.parent / "spool"


def carry_out(store: Path) -> None:
    """A collector takes what waits."""
    engine = open_writer(str(store))
    carried.take(spool(store), engine.begin)
    engine.dispose()


def kept(store: Path) -> Alerts:
    engine = open_reader(str(store))
    found = queries_alerts.alerts(engine)
    engine.dispose()
    return found


def run(store: Path, sql: str, *values: object) -> None:
    engine = open_writer(str(store))
    with engine.begin() as connection:
        connection.exec_driver_sql(sql, values)
    engine.dispose()


def add(store: Path, rule: Rule = RULE) -> None:
    orders.leave(
        spool(store), "set alert rule", {"rule": msgspec.to_builtins(rule), "enabled": True}
    )
    carry_out(store)


def saved(shown: AppTest, store: Path) -> AppTest:
    carry_out(store)
    return shown.run().run()


def test_empty(visit: Visit, filled: seed.Seed) -> None:
    """No rule is on; ready-made ones can be; where messages could go is told."""
    shown = visit("alerts")
    told = texts(shown)
    assert "No rule is switched on." in told
    assert "STATEMETER_ALERTS" in told
    assert "Nothing was sent yet." in told
    assert {rule.title for rule in READY} <= set(told.splitlines()) | {
        one.value for one in shown.text
    }
    assert metrics(shown)["Firing"] == "0"


def test_a_store_that_cannot_be_read(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """The reason is told once, not by each part of the page."""
    run(store, "DROP TABLE alert_rules")
    told = texts(visit("alerts"))
    assert told.count("The store cannot be read") == 1
    assert "no such table: alert_rules" in told
    assert "Traceback" not in told


def test_a_rule_of_another_version(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Its metric is unknown here: it is told, and the others are shown."""
    add(store)
    run(store, "INSERT INTO alert_rules SELECT ?, replace(body, 'stored_bytes', 'moon_phase'), "
               "enabled, changed_us, 0, NULL, 0, 0, '' FROM alert_rules", "b" * 32)  # fmt: skip
    assert [one.rule.id for one in kept(store).rules] == [RULE.id]
    shown = visit("alerts")
    assert "1 rule was written by another version" in shown.warning[0].value
    assert RULE.title in [text.value for text in shown.text]


def test_a_ready_made_rule_is_switched_on_and_off(
    visit: Visit, filled: seed.Seed, store: Path
) -> None:
    shown = visit("alerts")
    shown.toggle(key="alert-on-slow-puts-False").set_value(True).run()
    assert "saving…" in texts(shown)
    shown = saved(shown, store)
    (one,) = kept(store).rules
    assert (one.rule, one.enabled) == (next(r for r in READY if r.id == "slow-puts"), True)
    assert "not looked at yet" in texts(shown)
    shown.toggle(key="alert-on-slow-puts-True").set_value(False).run()
    saved(shown, store)
    assert not kept(store).rules[0].enabled


def test_the_preview_is_drawn(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """With the threshold, and a mark each time that the store's own preview says it would have
    fired."""
    add(store)
    shown = visit("alerts")
    shown.selectbox(key="alert-chosen").set_value(RULE.id).run()
    shown.get("button_group")  # drawn
    figure = charts(shown)["What the rule would have done"]
    engine = open_reader(str(store))
    found = preview(engine, RULE, 86_400)
    engine.dispose()
    assert found.fired
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["threshold"].y) == [1.0, 1.0]
    assert len(by_name["would have fired"].y) == len(found.fired)
    number = len(found.fired)
    word = "once" if number == 1 else f"{number} times"
    assert f"It would have fired {word} in the last day." in texts(shown)


def test_a_rule_is_added_changed_removed(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Refused without a name, with the fix; then saved with what was typed; then removed."""
    shown = visit("alerts")
    shown.button(key="alert-save").click().run()
    assert "Name '': give it one of 1 to 120 characters." in texts(shown)
    shown.text_input(key="alert-title-new").set_value("Errors of *support*").run()
    shown.selectbox(key="alert-metric-new").set_value("errors").run()
    shown.number_input(key="alert-threshold-new-errors").set_value(3.0).run()
    shown.number_input(key="alert-for-new-errors").set_value(120).run()
    shown.selectbox(key="alert-severity-new-errors").set_value("critical").run()
    shown.selectbox(key="alert-application-new-errors").set_value("support-bot").run()
    shown.button(key="alert-save").click().run()
    shown = saved(shown, store)
    (one,) = kept(store).rules
    rule = one.rule
    assert (rule.title, rule.metric, rule.threshold, rule.for_s, rule.severity) == (
        "Errors of *support*", "errors", 3.0, 120, "critical",
    )  # fmt: skip
    assert (rule.application, rule.each, rule.above) == ("support-bot", "all", True)
    assert "Errors of *support*" in [text.value for text in shown.text]
    shown.button(key=f"alert-edit-{rule.id}").click().run()
    mark = f"{rule.id}-errors"
    assert shown.number_input(key=f"alert-threshold-{mark}").value == 3.0
    shown.number_input(key=f"alert-threshold-{mark}").set_value(5.0).run()
    shown.button(key="alert-save").click().run()
    shown = saved(shown, store)
    assert kept(store).rules[0].rule.threshold == 5.0
    shown.button(key="alert-remove").click().run()
    saved(shown, store)
    assert kept(store).rules == []


def test_firing_and_silenced(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """What fires now, as text; a silence needs a reason, holds, and is ended."""
    add(store)
    run(store, "INSERT INTO alert_states VALUES (?, 'sqlite', ?, 'firing', ?, ?, 0, 2e6, 3e6, 1)",
        RULE.id, '{"key":"sqlite","words":"<b>sqlite</b>"}', filled.now_us - 10**8,
        filled.now_us - 10**8)  # fmt: skip
    shown = visit("alerts")
    rows = table(shown, "Alerts now")
    assert list(rows["alert"]) == [RULE.title]
    assert list(rows["subject"]) == ["<b>sqlite</b>"]
    assert (rows["value"][0], rows["worst"][0]) == ("2 MB", "3 MB")
    assert metrics(shown)["Firing"] == "1"
    shown.button(key="silence-save").click().run()
    assert "A silence has a reason" in texts(shown)
    shown.text_input(key="silence-reason").set_value("deployment")
    shown.button(key="silence-save").click().run()
    shown = saved(shown, store)
    assert list(table(shown, "Alerts now")["silenced"]) == ["deployment"]
    (silence,) = kept(store).silences
    shown.button(key=f"silence-end-{silence.id}").click().run()
    saved(shown, store)
    assert kept(store).silences == []


def test_targets_and_messages(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """A test of a target is an order; what became of messages is told, in words and colours."""
    run(store, "INSERT INTO alert_targets VALUES ('ops', 'slack', '')")
    run(store, "INSERT INTO alert_deliveries VALUES (?, 'ops', ?, 'warning', 'Firing: x – y', "
               "'b', 'unknown', 1, 0, ?, 'It may have arrived.')",
        "f" * 32, filled.now_us, filled.now_us)  # fmt: skip
    run(store, "INSERT INTO alert_events VALUES (1, ?, 'r', 'Large', ?, 'fired', 'warning', 2e6, "
               "1e6, 'bytes', '', '')",
        filled.now_us, '{"key":"","words":"everything"}')  # fmt: skip
    shown = visit("alerts")
    assert "ops · slack" in [text.value for text in shown.text]
    assert [list(one) for one in table(shown, "Messages")["state"]] == [["unknown"]]
    rows = table(shown, "History of alerts")
    assert (rows["value"][0], rows["threshold"][0]) == ("2 MB", "1 MB")
    shown.button(key="alert-try-ops").click().run()
    saved(shown, store)
    (row,) = kept(store).deliveries.query("state == 'waiting'").itertuples()
    assert (row.target, row.title) == ("ops", "Statemeter: test")


def test_each_ready_made_rule_has_a_preview(filled: seed.Seed, store: Path) -> None:
    """None of them fails, over any time that is offered."""
    engine = open_reader(str(store))
    for rule in READY:
        check(rule)
        for range_s in RANGES.values():
            found = preview(engine, rule, range_s)
            assert found.times.last_us - found.times.first_us == range_s * 1_000_000
    engine.dispose()


def test_old_store_and_no_store(visit: Visit, store: Path) -> None:
    """Nothing measured: what to do. A store without the tables: who adds them."""
    assert "Nothing has been measured yet" in texts(visit("alerts"))
    made = seed.Seed(time.time_ns() // 1000)
    made.thread("t")
    made.write(store, heartbeat_s=-3600)
    run(store, "DELETE FROM migrations WHERE version >= 12")
    assert "of an older version" in texts(visit("alerts"))
