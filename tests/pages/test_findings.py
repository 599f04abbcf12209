"""The Findings page and what other pages show of findings: the store's, in each state."""

from __future__ import annotations

from pathlib import Path

from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from collector import orders as carried
from storage import queries_findings
from storage.findings import Cost
from storage.queries_findings import Shown
from storage.store import open_reader, open_writer
from tests.pages.conftest import Visit, metrics, texts
from tests.pages.test_backends import table
from tests.storage import seed, seed_findings
from tests.storage.seed_findings import finding, rule

HOSTILE = "<b>*x*</b> =cmd()"


def fill(store: Path, now_us: int) -> None:
    """A critical finding of two threads, a warning of another, and a rule that could not look."""
    pools = rule("pools", thread=None, whole=lambda look: [])
    worst = [
        finding("grows", thread=f"support-{n}", channel="messages", severity="critical",
                title=f"messages {HOSTILE} {n}", cost=Cost(bytes=1e6 * n, usd_a_month=2.0 * n))
        for n in (1, 2)
    ]  # fmt: skip
    mild = finding("large", thread="support-3", saver="b" * 12, application="research",
                   cost=Cost())  # fmt: skip
    found = [(1, worst[0]), (2, worst[1]), (3, mild)]
    seed_findings.store(store, found, at_us=now_us - 60_000_000, rules=[rule(), rule("large")])
    seed_findings.store(store, [], at_us=now_us, rules=[rule(), rule("large"), pools],
                        why="No pool was seen.")  # fmt: skip


def kept(store: Path, state: str) -> list[Shown]:
    engine = open_reader(str(store))
    found = queries_findings.findings(engine, state)
    engine.dispose()
    return found


def saved(shown: AppTest, store: Path) -> AppTest:
    """After a collector has taken what waits."""
    engine = open_writer(str(store))
    carried.take(store.parent / "spool", engine.begin)
    engine.dispose()
    return shown.run().run()


def test_the_worst_first(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Those that are alike in one row, with sums; the worst in full, its text as text."""
    fill(store, filled.now_us)
    shown = visit("findings")
    assert metrics(shown)["Critical"] == "2"
    assert metrics(shown)["Warnings"] == "1"
    assert metrics(shown)["Held without need"] == "3.00 MB"
    assert metrics(shown)["Costs"] == "$6.00"
    rows = table(shown, "Findings")
    assert list(rows["severity"].map(list)) == [["critical"], ["warning"]]
    assert list(rows["count"]) == [2, 1]
    assert (rows["bytes"][0], rows["usd"][0]) == (3e6, 6.0)
    assert rows["title"][0] == f"▸ messages {HOSTILE} 2"
    told = texts(shown)
    assert "support-bot · support-2 · channel messages" in told.replace("\\", "")
    assert "saves 900 B" in told.replace("\\", "")
    assert "trim()" in told
    assert "Given up: The past." in told.replace("\\", "")
    measured = table(shown, "What was measured")
    assert list(measured.iloc[0]) == ["stored", "2.00 KB", "1.00 KB"]


def test_small_amounts_of_money_are_not_zero(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Shown with the digits that they deserve, and numbers still: a column is sorted by them."""
    small, large = (
        finding(name, thread="support-1", cost=Cost(bytes=1.0, usd_a_month=usd))
        for name, usd in (("small", 0.003), ("large", 6.0))
    )
    rules = [rule("small"), rule("large")]
    seed_findings.store(store, [(1, small), (1, large)], at_us=filled.now_us, rules=rules)
    (shown,) = [one for one in visit("findings").dataframe if one.proto.alt == "Findings"]
    styler = shown.proto.arrow_data.styler
    texts = convert_arrow_bytes_to_pandas_df(styler.display_values)
    assert sorted(texts.iloc[:, list(shown.value).index("usd")]) == ["$0.003", "$6.00"]
    assert sorted(shown.value["usd"]) == [0.003, 6.0]


def test_rules_that_could_not_look(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """They say why, in the table of rules and beside what was found."""
    fill(store, filled.now_us)
    rows = table(visit("findings"), "Rules").set_index("rule")
    assert rows["state"]["pools"][0] == "could not look"
    assert rows["why"]["pools"] == "No pool was seen."
    assert list(rows["open"][["grows", "large"]]) == [2, 1]


def test_nothing_found(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """It says which rules looked, and at how much; the Overview says so, too."""
    seed_findings.store(store, [], at_us=filled.now_us, threads=[1], rules=[rule(), rule("large")])
    told = texts(visit("findings"))
    assert "Nothing found" in told or "2 of 2 rules looked at 4 threads" in told
    assert "2 of 2 rules looked at 4 threads" in told
    assert "Nothing to mend: 2 of 2 rules looked" in texts(visit())


def test_acknowledged_and_muted(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """A reason is asked for; what is muted leaves the list, and comes back."""
    fill(store, filled.now_us)
    shown = visit("findings")
    shown.button(key="FormSubmitter:settle-Acknowledge").click().run()
    assert "Say why" in texts(shown)
    shown.text_input(key="settle-reason").set_value("sprint 12")
    shown.button(key="FormSubmitter:settle-Acknowledge").click().run()
    shown = saved(shown, store)
    (known,) = [one for one in kept(store, "open") if one.state == "acknowledged"]
    assert known.reason == "sprint 12"
    shown = visit("findings", finding=known.key)
    shown.button(key="settle-back").click().run()
    saved(shown, store)
    shown = visit("findings", finding=known.key)
    shown.text_input(key="settle-reason").set_value("a test system")
    shown.button(key="FormSubmitter:settle-Mute").click().run()
    saved(shown, store)
    assert [one.key for one in kept(store, "muted")] == [known.key]
    shown = visit("findings")
    assert metrics(shown)["Critical"] == "1"


def test_a_threshold(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """What was changed is asked of the collector; a name that it does not know, it refuses."""
    fill(store, filled.now_us)
    shown = visit("findings")
    shown.number_input(key="threshold-grows-most").set_value(20.0)
    shown.button(key="FormSubmitter:thresholds-Save").click().run()
    shown = saved(shown, store)
    assert "The collector has refused it" in texts(shown)


def test_other_pages(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """The Overview has the worst; threads and backends are flagged."""
    fill(store, filled.now_us)
    rows = table(visit(), "Findings")
    assert list(rows["alike"]) == [2, 1]
    assert rows["cost"][0] == "3.00 MB · $6.00 a month"
    threads = table(visit("threads"), "Threads").set_index("thread")
    assert "critical" in list(threads["flags"]["support-2"])
    shown = visit("threads", thread="support-2")
    assert any(button.label == "Findings" for button in shown.button)
    shown = visit("findings", of="support-3")
    assert list(table(shown, "Findings")["count"]) == [1]


def test_filters(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """Application and backend of all pages narrow the list."""
    fill(store, filled.now_us)
    shown = visit("findings", application="research")
    assert metrics(shown)["Critical"] == "0"
    assert metrics(shown)["Warnings"] == "1"


def test_an_older_store(visit: Visit, filled: seed.Seed, store: Path) -> None:
    """A store that no collector has opened since: the pages go on without findings."""
    engine = open_writer(str(store))
    with engine.begin() as connection:
        for name in ("finding_changes", "findings", "rules", "rule_settings", "rule_cursors"):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("DELETE FROM migrations WHERE version >= 11")
    engine.dispose()
    for page in ("overview", "findings", "threads"):
        assert "failed" not in texts(visit(page)).lower().replace("failed calls", "")


def test_nothing_measured(visit: Visit) -> None:
    """What to do next."""
    assert "Nothing has been measured yet" in texts(visit("findings"))
