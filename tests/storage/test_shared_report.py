"""Reports to share: right numbers, the same in both files, and nothing in them that should not."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from storage import shared_findings, shared_html
from storage.__main__ import main
from storage.errors import StoreError
from storage.queries import Scope
from storage.shared_application import of_application
from storage.shared_comparison import of_comparison
from storage.shared_names import Names
from storage.shared_report import Report, to_plain
from storage.shared_thread import of_thread
from storage.store import open_reader, open_writer
from tests.collector.made import collect
from tests.conftest import REPOSITORY
from tests.storage import seed, seed_comparison, seed_findings
from tests.storage.seed_findings import finding
from tests.storage.seed_shared import COMPARISON, HOSTILE, THREAD, fill

DAY_S = 86_400


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store; nothing in it is changed."""
    return fill(tmp_path_factory.mktemp("shared") / "store.sqlite")


@pytest.fixture(scope="module")
def engine(path: Path) -> Iterator[Engine]:
    """A reader of it."""
    found = open_reader(str(path))
    yield found
    found.dispose()


@pytest.fixture(scope="module", params=["thread", "application", "comparison"])
def report(request: pytest.FixtureRequest, engine: Engine) -> Report:
    """One of each kind, all with hostile names."""
    return made(engine, request.param)


def made(engine: Engine, kind: str, names: Names | None = None) -> Report:
    if kind == "thread":
        return of_thread(engine, THREAD, window_s=DAY_S, names=names)
    if kind == "application":
        return of_application(engine, "support-bot", window_s=DAY_S, names=names)
    return of_comparison(engine, COMPARISON, names=names)


def section(report: Report, name: str, number: int = 0) -> dict[str, Any]:
    found = [one for one in to_plain(report)["sections"] if one["name"] == name]
    return found[number]


def query(path: Path, sql: str, *values: object) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]


class Page(HTMLParser):
    """What a browser would make of the file: its elements, and its numbers by their places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.figures: dict[tuple[int, str], float] = {}
        self.cells: dict[tuple[int, str], list[list[str]]] = {}
        self.section = -1
        self.name = self.table = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.elements.add(tag)
        self.attributes |= set(told)
        self.links += [str(told[one]) for one in ("src", "href", "srcset") if one in told]
        if tag == "section":
            self.section, self.table = self.section + 1, ""
        if tag == "table":
            self.table = str(told["data-name"])
            self.cells[self.section, self.table] = []
        elif tag == "div" and "data-name" in told:
            self.name = str(told["data-name"])
        elif tag == "tr" and self.table:
            self.cells[self.section, self.table].append([])
        elif tag == "data" and self.table:
            self.cells[self.section, self.table][-1].append(str(told["value"]))
        elif tag == "data":
            self.figures[self.section, self.name] = float(str(told["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.table = ""


def test_a_thread_has_the_numbers_of_its_calls(engine: Engine, path: Path) -> None:
    """Sizes are sums over the thread's calls, latency is that of its root checkpoints, and the
    stacked channels and elements are those of its checkpoints."""
    report = of_thread(engine, "support-2", window_s=DAY_S)
    (thread,) = query(path, "SELECT * FROM threads WHERE thread_id = 'support-2'")
    calls = query(path, "SELECT * FROM operations WHERE thread_key = ?", thread["id"])
    puts = [one for one in calls if one["operation"] == "put"]
    root = [one for one in puts if not one["ns"]]
    sizes = section(report, "sizes")["figures"]
    live = root[-1]["live_bytes"]
    written = sum(one["payload_bytes"] for one in calls)
    took = sorted(one["duration_us"] for one in root)
    assert sizes["steps"] == len(puts) == 21
    assert sizes["live_bytes"] == live
    assert sizes["stored_bytes"] == sum(one["stored_delta_bytes"] for one in calls)
    assert sizes["written_bytes"] == written
    assert sizes["amplification"] == pytest.approx(written / live)
    assert sizes["errors"] == sum(bool(one["error"]) for one in calls)
    assert sizes["put_p95_us"] == took[int(np.ceil(len(took) * 0.95)) - 1]
    assert sizes["serde_share"] == pytest.approx(sum(one["serde_us"] for one in root) / sum(took))
    areas = section(report, "channels")["charts"][0]
    drawn = {one["name"]: one["values"] for one in areas["series"]}
    for name, values in drawn.items():
        assert values == [json.loads(one["channels"])[name] for one in root]
    assert areas["x"] == [one["step"] for one in root]
    agent = section(report, "channels", 1)
    assert agent["of"] == {"namespace": "agent"}
    assert agent["charts"][0]["series"] == [{"name": "scratch", "values": [500]}]
    steps = section(report, "steps")["tables"]["steps"]
    newest = sorted(puts, key=lambda one: (-one["at_us"], -one["id"]))
    assert [one["written_bytes"] for one in steps] == [one["payload_bytes"] for one in newest]
    assert [one["duration_us"] for one in steps] == [one["duration_us"] for one in newest]
    largest = section(report, "elements")["tables"]["elements"][0]
    assert (largest["type"], largest["bytes"], largest["elements"]) == ("AIMessage", 1000, 19)


def test_the_cost_of_threads_is_that_of_their_backend(
    engine: Engine, path: Path, tmp_path: Path
) -> None:
    """What all threads of SQLite cause adds up to what SQLite costs; a thread in memory costs a
    part of what memory does. Where the user's own machine is chosen for it, whose price nobody
    knows, that is told as unknown."""
    causes = []
    for thread, saver in [
        ("support-1", "aaaaaaaaaaaa"), ("support-2", ""), (THREAD, ""),
        ("support-1", "cccccccccccc"), *((f"short_{n:02d}%", "") for n in range(0, 12, 2)),
    ]:  # fmt: skip
        report = of_thread(engine, thread, saver, window_s=DAY_S)
        causes.append(section(report, "sizes")["figures"]["usd_a_month"])
    now = section(of_application(engine, "support-bot", window_s=DAY_S), "costs")["tables"]["now"]
    sqlite = next(one for one in now if one["backend"] == "SQLite")
    assert sum(causes) == pytest.approx(sqlite["usd_a_month"], rel=0.01)
    memory = next(one for one in now if one["backend"] == "In memory")
    in_memory = section(of_thread(engine, "support-3", window_s=DAY_S), "sizes")
    assert 0 < in_memory["figures"]["usd_a_month"] < memory["usd_a_month"]
    copy = shutil.copy(path, tmp_path / "store.sqlite")
    with closing(sqlite3.connect(copy)) as connection, connection:
        own = "Memory of your own machine"
        connection.execute("INSERT INTO cost_settings VALUES ('service:memory', ?, 1)", (own,))
    changed = open_reader(str(copy))
    unknown = of_thread(changed, "support-3", window_s=DAY_S)
    changed.dispose()
    assert section(unknown, "sizes")["figures"]["usd_a_month"] is None
    assert "Cost unknown" in section(unknown, "sizes")["notes"][0]
    assert (0, "usd_a_month") not in Page(shared_html.to_html(unknown).decode()).figures


def test_an_application_has_the_numbers_of_its_threads(engine: Engine, path: Path) -> None:
    """Sums over threads, calls of the window by backend, and threads ranked by stored bytes."""
    report = of_application(engine, "support-bot", window_s=DAY_S)
    threads = query(
        path, "SELECT * FROM threads WHERE application = 'support-bot' "
        "ORDER BY stored_bytes DESC, id"
    )  # fmt: skip
    calls = query(
        path, "SELECT o.*, t.backend FROM operations AS o JOIN threads AS t ON t.id = o.thread_key "
        "WHERE t.application = 'support-bot'"
    )  # fmt: skip
    sizes = section(report, "sizes")["figures"]
    assert sizes["threads"] == sizes["active_threads"] == len(threads)
    for name in ("live_bytes", "stored_bytes", "written_bytes"):
        assert sizes[name] == sum(one[name] for one in threads)
    assert sizes["operations"] == len(calls)
    assert sizes["errors"] == sum(bool(one["error"]) for one in calls)
    listed = section(report, "threads")["tables"]["threads"]
    assert [one["thread"] for one in listed] == [one["thread_id"] for one in threads]
    assert [one["gained_bytes"] for one in listed] == [one["stored_bytes"] for one in threads]
    by_backend = {
        (one["backend"], one["operation"]): one
        for one in section(report, "operations")["tables"]["operations"]
    }
    for backend, name in (("SQLite", "sqlite"), ("In memory", "memory")):
        took = sorted(one["duration_us"] for one in calls
                      if (one["backend"], one["operation"]) == (name, "put"))  # fmt: skip
        row = by_backend[backend, "put"]
        assert row["count"] == len(took)
        assert row["p50_us"] == pytest.approx(took[int(np.ceil(len(took) / 2)) - 1], rel=0.13)
    growth = section(report, "growth")
    stacked = growth["charts"][0]["series"]
    assert sum(one["values"][-1] for one in stacked) == sizes["stored_bytes"]
    assert growth["figures"]["gained_bytes"] == sizes["stored_bytes"]


def test_a_comparison_has_its_medians_noise_and_ties(engine: Engine) -> None:
    """Of the rounds, worked out here by another way; the ranking has the ties of the view."""
    report = of_comparison(engine, COMPARISON)
    found = seed_comparison.comparison()
    numbers = {one["backend"]: one for one in section(report, "numbers")["tables"]["numbers"]}
    for name in ("PostgreSQL", "MongoDB", "Redis"):
        key = {"PostgreSQL": "postgres"}.get(name, name.lower())
        rounds = next(c for c in found.cells if c.backend == key and c.concurrency == 1).rounds
        turns = np.array([one.p50_us["turn"] for one in rounds]) / 1000
        told = numbers[name]["turn_p50_ms"]
        assert told["median"] == pytest.approx(np.median(turns))
        low, high = np.quantile(turns, [0.25, 0.75])
        assert told["noise"] == pytest.approx((high - low) / 2)
    assert section(report, "numbers", 1)["of"]["concurrency"] == 8
    ranking = section(report, "ranking")
    places = {one["backend"]: one["place"] for one in ranking["tables"]["ranking"]}
    assert (places["PostgreSQL"], places["MongoDB"], places["Redis"]) == ("1 ≈", "1 ≈", None)
    assert "PostgreSQL and MongoDB are a tie" in ranking["lead"]
    held = section(report, "held")["tables"]["held"]
    redis = next(one for one in held if (one["backend"], one["turns"]) == ("Redis", 10))
    assert (redis["memory_bytes"], redis["disk_bytes"]) == (950_000, None)
    killed = {one["backend"]: one for one in section(report, "survivals")["tables"]["survivals"]}
    assert (killed["In memory"]["turns_found"], killed["In memory"]["resumed"]) == (0, False)
    boxes = section(report, "numbers")["charts"][0]
    redis = next(one for one in boxes["series"] if one["name"] == "Redis")
    spread = next(c for c in found.cells if c.backend == "redis").spread["put"].values
    assert redis["values"][boxes["x"].index("put")] == pytest.approx(spread[:5])


def test_both_files_have_the_same_numbers(report: Report) -> None:
    """Every number of the JSON stands in the HTML, in the same place, and no other does."""
    told = json.loads(shared_html.to_json(report), parse_constant=pytest.fail)
    page = Page(shared_html.to_html(report).decode())
    figures, compared = {}, 0
    for number, one in enumerate(told["sections"]):
        figures |= {
            (number, name): value for name, value in one["figures"].items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }  # fmt: skip
        for name, rows in one["tables"].items():
            if not rows:
                continue
            cells = [row for row in page.cells[number, name] if row]
            if name == "numbers":  # drawn with a column for each row
                cells = [list(row) for row in zip(*cells, strict=True)]
            drawn = [float(cell) for row in cells for cell in row]
            assert drawn == [
                value["median"] if isinstance(value, dict) else value
                for row in rows for value in row.values()
                if isinstance(value, int | float | dict) and not isinstance(value, bool)
            ]  # fmt: skip
            compared += len(drawn)
    assert {key: value for key, value in page.figures.items() if key[0] >= 0} == figures
    assert compared > 30


def test_hostile_names_are_text(report: Report) -> None:
    """No script, no handler, nothing to load; control characters and marks are seen as escapes."""
    text = shared_html.to_html(report).decode()
    page = Page(text)
    assert not page.elements & {"script", "img", "iframe", "object", "embed", "a", "form", "base"}
    assert not {one for one in page.attributes if one.startswith("on")}
    assert page.links == ["data:,"]
    assert "&lt;script&gt;" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "default-src 'none'" in text
    name = shared_html.file_name(report, "html")
    assert re.fullmatch(r"statemeter-[a-z0-9-]{1,60}\.html", name)


@pytest.mark.parametrize("kind", ["thread", "application", "comparison"])
def test_anonymous_files_name_nobody(engine: Engine, path: Path, kind: str) -> None:
    """No id of a thread, no storage, no address of a database is left in either file."""
    report = made(engine, kind, Names(anonymous=True))
    both = shared_html.to_html(report).decode() + shared_html.to_json(report).decode()
    personal = [one["thread_id"] for one in query(path, "SELECT thread_id FROM threads")]
    personal += [one["label"] for one in query(path, "SELECT label FROM savers WHERE label <> ''")]
    personal += [one["key"] for one in query(path, "SELECT key FROM savers")]
    personal += ["://host", "=cmd", "support-1"]
    # The hostile text stands for names of programs as well, which stay.
    assert not [one for one in personal if one != HOSTILE and one in both]
    assert "short names" in both or kind == "comparison"


def test_short_names_are_the_same_in_each_report(engine: Engine, path: Path) -> None:
    """A thread of a list is found again in its own report; so is its storage."""
    names = Names(anonymous=True)
    (row,) = query(path, "SELECT id, saver_id FROM threads WHERE thread_id = ?", THREAD)
    own = to_plain(made(engine, "thread", names))["subject"]
    listed = section(made(engine, "application", names), "threads")["tables"]["threads"]
    assert own["thread"] == f"thread {row['id']}"
    assert own["storage"] == f"storage {row['saver_id']}"
    assert (own["thread"], own["storage"]) in {(one["thread"], one["storage"]) for one in listed}


def test_no_content_of_states_is_in_a_report(tmp_path: Path) -> None:
    """Of a real graph whose state is full of text, the report has sizes and types alone, and they
    are those of the bytes that SqliteSaver wrote."""
    database, spool, store = (tmp_path / name for name in ("c.sqlite", "spool", "store.sqlite"))
    subprocess.run(
        [sys.executable, "-m", "tests.hostile_thread", str(database)], check=True, cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(spool)}, timeout=120,
    )  # fmt: skip
    collect(spool, store)
    reader = open_reader(str(store))
    report = of_thread(reader, "hostile-1", window_s=DAY_S)
    reader.dispose()
    both = shared_html.to_html(report).decode() + shared_html.to_json(report).decode()
    for content in ("document.title", "192.0.2.1", "xxxxxxxx", "look at this", "ANSI", "look_up"):
        assert content not in both
    (row,) = query(
        database, "SELECT length(checkpoint) AS bytes FROM checkpoints "
        "WHERE thread_id = 'hostile-1' ORDER BY checkpoint_id DESC LIMIT 1"
    )  # fmt: skip
    assert section(report, "sizes")["figures"]["live_bytes"] == row["bytes"]
    types = {one["type"] for one in section(report, "elements")["tables"]["elements"]}
    assert "str" in types


def test_what_nobody_saw_is_unknown(tmp_path: Path) -> None:
    """Of checkpoints that were found in a database no latency is made up, and a thread that was
    seen from the middle on says so."""
    path = fill(tmp_path / "store.sqlite")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE operations SET duration_us = -1, serde_us = -1")
        connection.execute("UPDATE threads SET partial = 1, duration_us = 0, serde_us = 0")
    reader = open_reader(str(path))
    report = of_thread(reader, "support-2", window_s=DAY_S)
    reader.dispose()
    sizes = section(report, "sizes")["figures"]
    assert sizes["put_p95_us"] is sizes["serde_share"] is None
    channels = section(report, "channels")
    assert [one["name"] for one in channels["charts"]] == ["channels", "written"]
    assert "latency is unknown" in channels["notes"][0]
    assert to_plain(report)["subject"]["partial"] is True
    assert "seen from the middle on" in shared_html.to_html(report).decode()


def test_little_is_left_of_old_threads(tmp_path: Path) -> None:
    """Of a thread whose single calls are kept no longer the sums are told; of a deleted one that it
    was; an application that did nothing in the window has no latency."""
    path = fill(tmp_path / "store.sqlite")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM operations")
        connection.execute("DELETE FROM node_runs")
        connection.execute("DELETE FROM rollups WHERE resolution_s < 3600")
        connection.execute("UPDATE rollups SET bucket_us = bucket_us - 864000000000")
        connection.execute("UPDATE threads SET deleted_us = last_seen_us, live_bytes = 0")
    reader = open_reader(str(path))
    thread = of_thread(reader, "support-2", window_s=DAY_S)
    application = of_application(reader, "support-bot", window_s=900)
    reader.dispose()
    sizes = section(thread, "sizes")["figures"]
    assert (sizes["steps"], sizes["amplification"], sizes["put_p95_us"]) == (21, None, None)
    html = shared_html.to_html(thread).decode()
    assert "It was deleted." in html
    assert "No single checkpoint of it is kept" in html
    growth = section(application, "growth")
    assert growth["notes"] == ["No checkpoint was written in this window."]
    assert section(application, "sizes")["figures"]["put_p95_us"] is None
    assert "<!doctype html>" in shared_html.to_html(application).decode()


def test_the_command_writes_files(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where it is told, to the terminal, or by default beside the user, named after the thread."""
    monkeypatch.chdir(tmp_path)
    common = ["--store", str(path), "--window", "1h"]
    assert (
        main(["share", "--app", "research", *common, "--html", "a.html", "--json", "a.json"]) == 0
    )
    told = json.loads(Path("a.json").read_text("utf-8"))
    assert (told["kind"], told["window_seconds"]) == ("application", 3600)
    assert Path("a.html").read_text("utf-8").startswith("<!doctype html>")
    assert main(["share", "--thread", "support-3", *common]) == 0
    assert Path("statemeter-thread-support-3.html").exists()
    capfd.readouterr()
    assert main(["share", "--comparison", COMPARISON, *common, "--json", "-", "--anonymous"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["kind"], told["anonymous"], told["title"]) == (
        "comparison", True, "Comparison Growing chat",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--thread", "nobody"], "no thread 'nobody'"),
        (["--thread", "support-1"], "choose one with --saver, of"),
        (["--app", "nobody"], "It has: research, support-bot."),
        (["--comparison", "nobody"], f"The newest are: {COMPARISON}"),
        (["--app", "research", "--saver", "x"], "give its id, too"),
        (["--app", "research", "--html", "no/such/folder/x.html"], "no/such/folder"),
    ],
)
def test_bad_input_is_told(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """What, its value and the fix; the exit code is 2."""
    assert main(["share", *arguments, "--store", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_comparison_without_result_is_told(tmp_path: Path) -> None:
    """One that has only begun has nothing to share."""
    path = tmp_path / "store.sqlite"
    key = seed_comparison.add(path, state="running")
    reader = open_reader(str(path))
    with pytest.raises(StoreError, match="has found nothing yet: running"):
        of_comparison(reader, key)
    reader.dispose()


def test_colours_are_those_of_the_pages() -> None:
    """The style of reports has the theme's chart colours, text and cards in both themes."""
    theme = tomllib.loads((REPOSITORY / ".streamlit/config.toml").read_text("utf-8"))["theme"]
    style = (REPOSITORY / "storage/shared_report.css").read_text("utf-8")
    for part, name in zip(
        style.split("prefers-color-scheme: dark"), ("light", "dark"), strict=True
    ):
        told = dict(re.findall(r"--(\w+): (#\w+)", part))
        assert [told[f"c{n}"] for n in range(10)] == theme[name]["chartCategoricalColors"]
        assert told["card"] == theme[name]["backgroundColor"]
        assert told["text"] == theme[name]["textColor"]


def test_a_file_stays_small(tmp_path: Path) -> None:
    """However long a thread is: charts have few points, tables few rows, and say what is left
    out."""
    made = seed.Seed(time.time_ns() // 1000)
    made.thread("long", steps=5_200, begin_s=6_000, every_s=1.0, growth=10)
    path = made.write(tmp_path / "store.sqlite")
    reader = open_reader(str(path))
    report = of_thread(reader, "long", window_s=DAY_S)
    reader.dispose()
    assert len(shared_html.to_html(report)) < 250_000
    charts = section(report, "channels")["charts"]
    assert all(len(chart["x"]) <= 602 for chart in charts)
    (thread,) = query(path, "SELECT written_bytes FROM threads")
    sent = next(one for one in charts[1]["series"] if one["name"] == "written so far")
    assert sent["values"][-1] == thread["written_bytes"]
    steps = section(report, "steps")
    assert len(steps["tables"]["steps"]) == 100
    assert steps["notes"] == ["The newest 100 of 5,200 checkpoints; charts have the newest 5,000."]


def test_findings(tmp_path: Path) -> None:
    """Those of a thread and of its application, the worst first; short names tell no id."""
    store = tmp_path / "store.sqlite"
    fill(store)
    engine = open_writer(str(store))
    with engine.connect() as connection:
        (row,) = connection.exec_driver_sql(
            "SELECT id, thread_id, application FROM threads ORDER BY id LIMIT 1"
        )
    engine.dispose()
    mine = finding(thread=row.thread_id, application=row.application,
                   title=f"of {row.thread_id}")  # fmt: skip
    worst = finding("large", thread="another", application=row.application, severity="critical")
    seed_findings.store(store, [(row.id, mine), (10_000, worst)], at_us=1)
    reader = open_reader(str(store))
    for names, title in ((Names(), mine.title), (Names(anonymous=True), "grows is looked for")):
        of_all = shared_findings.section(reader, names, Scope(application=row.application))
        assert [line[1] for line in of_all.tables[0].rows] == ["large", "grows"]
        of_one = shared_findings.section(reader, names, thread_key=row.id)
        (line,) = of_one.tables[0].rows
        assert (line[2], line[7], line[8], line[9]) == (title, 1_000.0, 0.5, "Trim it")
        assert (row.thread_id in line) is not names.anonymous
    reader.dispose()
