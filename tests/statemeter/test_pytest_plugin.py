"""The pytest plugin, in sessions of its own on real graphs and savers."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import langgraph.checkpoint.sqlite
import langgraph.checkpoint.sqlite.aio
import langgraph.graph  # noqa: F401 (an inner session forgets what it imports first)
import psycopg
import pymongo
import pytest
import redis
from langgraph.checkpoint.memory import InMemorySaver

import statemeter.pytest_plugin
from statemeter import events, probe
from tests.conftest import REPOSITORY
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled

pytest_plugins = ["pytester"]

HELLO = {"messages": [("user", "hello")]}
PLUGINS = ("-p", "statemeter.pytest_plugin", "-p", "no:cacheprovider")
HEAD = """
import operator, sqlite3
from typing import Annotated, TypedDict
import psycopg
import pymongo
import pytest
import redis
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

class State(TypedDict, total=False):
    notes: Annotated[list[str], operator.add]
    small: str

def graph(saver, size):
    builder = StateGraph(State)
    builder.add_node("write", lambda state: {"notes": ["x" * size]})
    builder.add_edge(START, "write")
    builder.add_edge("write", END)
    return builder.compile(checkpointer=saver)

def run(saver, turns=1, size=1000, thread="t"):
    compiled = graph(saver, size)
    for _ in range(turns):
        compiled.invoke({"small": "s"}, {"configurable": {"thread_id": thread}})

OPENED = []

def sqlite(path="chat.sqlite"):
    OPENED.append(sqlite3.connect(path, check_same_thread=False))
    return SqliteSaver(OPENED[-1])

@pytest.fixture(autouse=True)
def closed():
    yield
    while OPENED:
        OPENED.pop().close()
"""


class Session:
    """pytest inside a folder of its own, with the plugin.

    Plugins that happen to be installed beside are left out: Hypothesis imports itself anew at the
    end of each inner session, which took most of the time of these tests.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        pytester.syspathinsert(REPOSITORY)

    def __call__(self, tests: str, *options: str) -> pytest.RunResult:
        self.pytester.makepyfile(test_it=HEAD + tests)
        return self.pytester.runpytest_inprocess(*PLUGINS, *options)

    def rows(self, query: str) -> list[Any]:
        """An independent look into the database of ``sqlite()``."""
        with closing(sqlite3.connect(self.pytester.path / "chat.sqlite")) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def session(spool: Spooled, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Session(pytester)


def said(result: pytest.RunResult, limit: str) -> str:
    """The one sentence about a limit."""
    lines = [line for line in result.outlines if line.startswith("Checkpoint") and limit in line]
    return lines[0]


def test_a_graph_that_outgrows_its_budget_fails_by_what_sqlite_holds(session: Session) -> None:
    """Channel, step and bytes of the failure are those that SQLite itself counts."""
    result = session("""
@pytest.mark.checkpoint_budget(max_step="5KB", growth="linear", max_stored=9000, amplification=2,
                               max_writes=3000, max_live="1 KiB")
def test_grows():
    run(sqlite(), turns=7)

@pytest.mark.checkpoint_budget(max_step="64KB", max_stored="1MB", amplification=30)
def test_healthy():
    run(InMemorySaver(), turns=2)
""")
    result.assert_outcomes(failed=1, passed=1)
    ((largest, step),) = session.rows(
        "SELECT length(checkpoint), json_extract(CAST(metadata AS TEXT), '$.step') "
        "FROM checkpoints ORDER BY length(checkpoint) DESC LIMIT 1"
    )
    ((live,),) = session.rows(
        "SELECT length(checkpoint) FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1"
    )
    ((stored,),) = session.rows(
        "SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) + "
        "(SELECT sum(length(value)) FROM writes)"
    )
    ((writes,),) = session.rows("SELECT sum(length(value)) FROM writes")
    notes = 7 * (1000 + 3) + 1  # a header of 3 bytes for each text of 1000, one of 1 for the list
    assert said(result, "max_step") == (
        f"Checkpoint budget: thread 't', step {step}: the checkpoint took {largest:,} bytes, "
        f"max_step is 5,000. Largest channel of step {step}: notes, {notes:,} bytes."
    )
    assert f" {live:,} bytes are live, max_live is 1,024." in said(result, "max_live")
    assert f" {stored:,} stored bytes, max_stored is 9,000." in said(result, "max_stored")
    assert f" {writes:,} bytes of pending writes" in said(result, "max_writes")
    assert (
        f"{stored:,} bytes were written for {live:,} live ones, {stored / live:.2f} times"
        in said(result, "amplification")
    )
    assert f"grew quadratic over 21 steps to {stored:,}" in said(result, "growth")


def test_real_servers(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    postgres_database: str,
    redis_stack_url: str,
    mongo_url: str,
) -> None:
    """Whichever the backend, a checkpoint beyond its budget fails by channel, step and bytes, the
    bytes being those that the server itself counts."""
    name = f"budget{uuid.uuid4().hex}"
    for place, url in (("POSTGRES", postgres_database), ("REDIS", redis_stack_url),
                       ("MONGO", mongo_url), ("NAME", name)):  # fmt: skip
        monkeypatch.setenv(f"BUDGET_{place}", url)
    result = session("""
import os
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.redis import RedisSaver

pytestmark = pytest.mark.checkpoint_budget(max_step="2KB")
NAME = os.environ["BUDGET_NAME"]

def test_sqlite():
    run(sqlite(), turns=2, thread=NAME)

def test_postgres():
    with PostgresSaver.from_conn_string(os.environ["BUDGET_POSTGRES"]) as saver:
        saver.setup()
        run(saver, turns=2, thread=NAME)

def test_redis():
    with RedisSaver.from_conn_string(os.environ["BUDGET_REDIS"]) as saver:
        saver.setup()
        run(saver, turns=2, thread=NAME)

def test_mongodb():
    with MongoDBSaver.from_conn_string(os.environ["BUDGET_MONGO"], NAME) as saver:
        run(saver, turns=2, thread=NAME)
""")
    result.assert_outcomes(failed=4)
    ((in_sqlite,),) = session.rows("SELECT max(length(checkpoint)) FROM checkpoints")
    with psycopg.connect(postgres_database) as connection:
        ((in_postgres,),) = connection.execute(
            "SELECT octet_length(c.checkpoint::text) + octet_length(b.blob) FROM checkpoints c "
            "JOIN checkpoint_blobs b ON b.channel = 'notes' "
            "AND b.version = c.checkpoint->'channel_versions'->>'notes' "
            "WHERE (c.metadata->>'step')::int = 4"
        ).fetchall()
    with pymongo.MongoClient(mongo_url) as client:
        in_mongodb = max(len(found["checkpoint"]) for found in client[name]["checkpoints"].find())
        client.drop_database(name)
    with redis.Redis.from_url(redis_stack_url) as server:
        keys = list(server.scan_iter(f"*{name}*", 1000))
        newest: Any = max(key for key in keys if key.startswith(b"checkpoint:"))
        document = server.json().get(newest)["checkpoint"]
        in_redis = len(json.dumps(document, separators=(",", ":")))
        server.delete(*keys)
    told = [line for line in result.outlines if line.startswith("Checkpoint budget")]
    assert told == [
        f"Checkpoint budget: thread {name!r}, step 4: the checkpoint took {size:,} bytes, "
        "max_step is 2,000. Largest channel of step 4: notes, 2,007 bytes."
        for size in (in_sqlite, in_postgres, in_redis, in_mongodb)
    ]


def test_steps_of_equal_size_grow_linear_and_too_few_are_unknown(session: Session) -> None:
    """A bounded state is within linear and beyond flat; with few steps the growth is unknown."""
    result = session("""
def same(turns):
    builder = StateGraph(State)
    builder.add_node("write", lambda state: {"small": "x" * 1000})
    builder.add_edge(START, "write")
    builder.add_edge("write", END)
    compiled = builder.compile(checkpointer=InMemorySaver())
    for _ in range(turns):
        compiled.invoke({"small": "y" * 1000}, {"configurable": {"thread_id": "t"}})

@pytest.mark.checkpoint_budget(growth="linear")
def test_linear():
    same(10)

@pytest.mark.checkpoint_budget(growth="flat")
def test_flat():
    same(10)

@pytest.mark.checkpoint_budget(growth="flat")
def test_few():
    same(2)
""")
    result.assert_outcomes(passed=2, failed=1)
    assert "grew linear over 30 steps" in said(result, "growth")
    result.stdout.fnmatch_lines(
        ["*test_few: growth=flat of thread 't' is unknown: it has 6 steps*"]
    )


def test_the_fixture_limits_and_tells(session: Session) -> None:
    """Limits of the fixture count; async savers, subgraphs and two threads are measured."""
    result = session(
        """
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
import asyncio

def nested(saver):
    builder = StateGraph(State)
    builder.add_node("inner", graph(None, 400))
    builder.add_edge(START, "inner")
    return builder.compile(checkpointer=saver)

def test_async(state_budget):
    async def main():
        async with AsyncSqliteSaver.from_conn_string("chat.sqlite") as saver:
            await nested(saver).ainvoke({"small": "s"}, {"configurable": {"thread_id": "a"}})
    asyncio.run(main())
    run(InMemorySaver(), thread="b")
    threads = {t.name: t for t in state_budget.measured().threads.values()}
    assert set(threads) == {"a", "b"}
    connection = sqlite3.connect("chat.sqlite")
    (stored,), = connection.execute("SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) + "
                                    "(SELECT sum(length(value)) FROM writes)")
    connection.close()
    assert threads["a"].stored_bytes == stored
    assert any(step.ns for step in threads["a"].steps)
    state_budget(max_step=10)

@pytest.mark.asyncio
@pytest.mark.checkpoint_budget(max_step=20)
async def test_coroutine():
    await graph(InMemorySaver(), 50).ainvoke({"small": "s"}, {"configurable": {"thread_id": "c"}})
""",
        *("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*thread 'a'*max_step is 10.*", "*thread 'b'*", "*thread 'c'*max_step is 20*"]
    )


def test_a_wrong_budget_says_what_is_wrong(session: Session) -> None:
    """Unknown limits, wrong values, positions, and a budget that nothing is measured for."""
    result = session("""
@pytest.mark.checkpoint_budget(max_steps=3)
def test_name(): pass

@pytest.mark.checkpoint_budget(max_step="64 sheep")
def test_size(): pass

@pytest.mark.checkpoint_budget(growth="cubic")
def test_growth(): pass

@pytest.mark.checkpoint_budget(amplification=0.5)
def test_amplification(): pass

@pytest.mark.checkpoint_budget("64KB")
def test_position(): pass

@pytest.mark.checkpoint_budget(max_step=1)
def test_nothing(): pass

@pytest.mark.checkpoint_budget(max_step=1)
def test_fails_by_itself():
    run(InMemorySaver())
    assert 1 == 2
""")
    result.assert_outcomes(errors=5, failed=2)
    text = "\n".join(result.outlines)
    assert "no limit max_steps=3. Use of max_step, max_live" in text
    assert "max_step='64 sheep' is no size" in text
    assert "growth='cubic' is none. Use one of flat, linear, quadratic" in text
    assert "amplification=0.5 cannot be used" in text
    assert "checkpoint_budget('64KB',): limits have names" in text
    assert "no graph of this process stored a checkpoint" in text
    assert "assert 1 == 2" in text
    assert "max_step is 1." not in text  # its own failure is the one that counts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--checkpoint-baseline", "none.json"], "there is no such file"),
        (["--checkpoint-baseline", "broken.json"], "cannot be read"),
        (["--checkpoint-baseline", "old.json"], "has version 99"),
        (["--checkpoint-baseline-update"], "needs a file"),
        (["--checkpoint-tolerance", "much"], "'much' is no percentage"),
        (["--checkpoint-github-summary"], "$GITHUB_STEP_SUMMARY is not set"),
    ],
)
def test_a_wrong_option_says_what_is_wrong(
    session: Session, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    """Before any test runs."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (session.pytester.path / "broken.json").write_text("{", "utf-8")
    (session.pytester.path / "old.json").write_text('{"version": 99, "tests": {}}', "utf-8")
    result = session("def test_it(): pass", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in "\n".join(result.errlines)


@pytest.mark.parametrize(("recording", "comparing"), [(0, 0), (1, 2)])
def test_a_baseline_and_a_summary(
    session: Session, monkeypatch: pytest.MonkeyPatch, recording: int, comparing: int
) -> None:
    """Recorded, compared within the tolerance, a regression fails; with pytest-xdist as well."""

    def workers(count: int) -> tuple[str, ...]:
        return ("-p", "xdist", "-n", str(count)) if count else ()

    github = session.pytester.path / "github.md"
    github.write_text("before\n", "utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(github))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    file = ("--checkpoint-baseline", "ci/baseline.json")
    tests = """
def test_one():
    run(InMemorySaver(), size=SIZE)
def test_two():
    run(sqlite(), size=500)
def test_without_graph():
    pass
"""
    session(
        tests.replace("SIZE", "1000"), *file, "--checkpoint-baseline-update", *workers(recording)
    ).assert_outcomes(passed=3)
    path = session.pytester.path / "ci/baseline.json"
    recorded = json.loads(path.read_text("utf-8"))
    assert set(recorded["tests"]) == {"test_it.py::test_one", "test_it.py::test_two"}
    notes = 1000 + 3 + 1
    assert recorded["tests"]["test_it.py::test_one"]["channels"]["notes"] == notes
    held = (
        "SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) + "
        "(SELECT sum(length(value)) FROM writes)"
    )
    ((stored,),) = session.rows(held)
    assert recorded["tests"]["test_it.py::test_two"]["stored_bytes"] == stored
    (session.pytester.path / "chat.sqlite").unlink()

    tests += "\ndef test_new():\n    run(InMemorySaver())\n"
    result = session(
        tests.replace("SIZE", "1200"), *file, *workers(comparing),
        "--checkpoint-summary", "out/summary.md", "--checkpoint-github-summary",
    )  # fmt: skip
    result.assert_outcomes(passed=3, failed=1)
    text = "\n".join(result.outlines)
    assert (
        f"channel notes: {notes + 200:,} bytes, {notes:,} in the baseline (+20%; 10 % are allowed)."
    ) in text
    assert "test_new: no entry in the baseline" in text
    summary = (session.pytester.path / "out/summary.md").read_text("utf-8")
    assert github.read_text("utf-8") == "before\n" + summary
    cells = {line.split("|")[1].strip(" `"): line for line in summary.splitlines()[4:]}
    assert set(cells) == {f"test_it.py::test_{n}" for n in ("one", "two", "new")}
    ((stored,),) = session.rows(held)
    assert f"| {stored:,} B |" in cells["test_it.py::test_two"]
    assert cells["test_it.py::test_two"].endswith("| none | within |")
    assert cells["test_it.py::test_one"].endswith("| none | exceeded |")
    assert cells["test_it.py::test_new"].endswith("| none | new: no entry |")
    assert json.loads(path.read_text("utf-8")) == recorded
    if not comparing:
        (session.pytester.path / "chat.sqlite").unlink()  # another thread, not the old one longer
        result = session(tests.replace("SIZE", "1200"), *file, "--checkpoint-tolerance", "30")
        result.assert_outcomes(passed=4)


def test_nothing_is_instrumented_where_nothing_is_asked_for(session: Session) -> None:
    """Graphs of other tests keep their class, before and after one with a budget, also where they
    share a graph with it."""
    session("""
shared = graph(InMemorySaver(), 10)

def plain():
    for compiled in (shared, graph(InMemorySaver(), 10)):
        compiled.invoke({"small": "s"}, {"configurable": {"thread_id": "t"}})
        things = [compiled, compiled.checkpointer, compiled.checkpointer.serde,
                  compiled.nodes["write"].node]
        found = {"_statemeter_original" in vars(type(thing)) for thing in things}
        assert len(found) == 1
        yield not found.pop()

def test_before():
    assert all(plain())
def test_measured(state_budget):
    assert not any(plain())
    assert len(state_budget.measured().steps) == 6
def test_after():
    assert all(plain())
def test_again(state_budget):
    assert not any(plain())
    assert len(state_budget.measured().steps) == 6
""").assert_outcomes(passed=4)


def test_an_application_that_instruments_itself(session: Session, spool: Spooled) -> None:
    """It is counted once, and what it instrumented stays so. Of the session nothing is in the
    user's own spool, which goes on after it without a gap."""
    session("""
import statemeter
statemeter.instrument()
shared = statemeter.instrument(graph(InMemorySaver(), 10))

def test_other():
    shared.invoke({"small": "s"}, {"configurable": {"thread_id": "before"}})

@pytest.mark.checkpoint_budget(max_step="64KB")
def test_measured(state_budget):
    shared.invoke({"small": "s"}, {"configurable": {"thread_id": "measured"}})
    assert [t.name for t in state_budget.measured().threads.values()] == ["measured"]
    assert len(state_budget.measured().steps) == 3

def test_later():
    shared.invoke({"small": "s"}, {"configurable": {"thread_id": "later"}})
    statemeter.uninstrument()
    global saver, kept, lent
    saver = statemeter.instrument(InMemorySaver())
    kept, lent = graph(saver, 10), graph(InMemorySaver(), 10)

def is_instrumented(*things):
    return ["_statemeter_original" in vars(type(thing)) for thing in things]

def test_meanwhile(state_budget):
    kept.invoke({"small": "s"}, {"configurable": {"thread_id": "saver"}})
    lent.invoke({"small": "s"}, {"configurable": {"thread_id": "graph"}})
    assert is_instrumented(kept, saver, lent, lent.checkpointer) == [True] * 4
    statemeter.instrument(lent)

def test_at_last():
    assert is_instrumented(kept, saver, lent, lent.checkpointer) == [False, True, True, True]
""").assert_outcomes(passed=5)
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread("after"))
    told = {event.thread for event in spool.of(events.Put)}
    assert told == {"before", "after"}  # what was measured before any budget, and after the last


def test_a_process_that_goes_on_after_its_session(
    session: Session, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that measures only then has its events in its own spool, from the first on."""
    monkeypatch.setattr("os.register_at_fork", lambda **hooks: None)
    monkeypatch.setattr("atexit.register", lambda function: function)
    monkeypatch.setattr(probe, "_probe", None)
    session("""
def test_it(state_budget):
    run(InMemorySaver())
    state_budget(max_step="64KB")
""").assert_outcomes(passed=1)
    assert not (isolated / "spool").exists()
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread("after"))
    own = Spooled(isolated / "spool")
    assert {event.thread for event in own.of(events.Put)} == {"after"}
    (thread_of_it,) = [t for t in threading.enumerate() if t is probe.get()._thread]
    probe.get()._wake.set()
    thread_of_it.join()
    probe.get().writer.close()


def test_where_measuring_is_switched_off(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """STATEMETER_ENABLED=0 measures nothing, and it is said."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    result = session("""
@pytest.mark.checkpoint_budget(max_step=1)
def test_it():
    run(InMemorySaver())
""")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the budget was not checked, as STATEMETER_ENABLED=0 is set."])
