"""What users call: what may be given, what is said of anything else, and how to turn it off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import StateGraph

import statemeter
from statemeter import NotInstrumentable, StatemeterError, events, probe
from tests.conftest import StartChild
from tests.statemeter.graphs import Chat, chat, thread
from tests.statemeter.spooled import Spooled, read, segments

HELLO = {"messages": [("user", "hello")]}


@pytest.mark.parametrize(
    ("thing", "what", "fix"),
    [
        (StateGraph(Chat), "a StateGraph", "instrument(builder.compile(checkpointer=saver))"),
        (InMemorySaver, "the class InMemorySaver", "instrument(InMemorySaver(…))"),
        (SqliteSaver.from_conn_string(":memory:"), "a _GeneratorContextManager", "Open it first"),
        ("postgresql://user:password@host/db", "a str", "from_conn_string(…)"),
        (None, "a NoneType", "builder.compile(…)"),
        ([1], "a list", "builder.compile(…)"),
        (len, "a builtin_function_or_method", "builder.compile(…)"),
    ],
)
def test_what_cannot_be_measured_is_told_with_the_fix(thing: Any, what: str, fix: str) -> None:
    """The message names what was given and what to give instead, and quotes no password."""
    for call in (statemeter.instrument, statemeter.uninstrument):
        with pytest.raises(NotInstrumentable) as caught:
            call(thing)
        message = str(caught.value)
        assert f"was given {what}," in message
        assert fix in message
        assert "password@" not in message
        assert isinstance(caught.value, StatemeterError)
        assert isinstance(caught.value, TypeError)


def test_the_object_itself_is_returned(spool: Spooled) -> None:
    """One line in front of what was there: nothing else in the application changes."""
    graph, saver = chat(InMemorySaver()), InMemorySaver()
    assert statemeter.instrument(graph) is graph
    assert statemeter.instrument(saver) is saver
    assert statemeter.uninstrument(graph) is graph
    assert statemeter.uninstrument(saver) is saver


def test_disabled_it_does_nothing(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """STATEMETER_ENABLED=0: no class changes, no thread, no file; wrong objects are still told."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    monkeypatch.setattr(probe, "_probe", None)
    graph = chat(InMemorySaver())
    classes = type(graph), type(graph.checkpointer)
    assert statemeter.instrument(graph) is graph
    assert (type(graph), type(graph.checkpointer)) == classes
    graph.invoke(HELLO, thread())
    assert probe._probe is None
    assert not spool.folder.exists()
    with pytest.raises(NotInstrumentable):
        statemeter.instrument("a string")


def test_an_enabled_that_cannot_be_read_measures(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A typing error in a setting stops neither the application nor its measurement."""
    monkeypatch.setenv("STATEMETER_ENABLED", "maybe")
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    assert "STATEMETER_ENABLED='maybe' cannot be used" in caplog.text
    assert spool.of(events.Put)


def test_stats_say_what_the_probe_did(spool: Spooled) -> None:
    """Events taken are those waiting, those written, and those lost."""
    before = statemeter.stats()
    assert (before["emitted"], before["spooled"], before["segments"]) == (0, 0, 0)
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread())
    assert statemeter.flush()
    after = statemeter.stats()
    assert after["emitted"] > 0
    assert after["spooled"] == len(spool.everything())
    assert after["spooled_bytes"] == sum(p.stat().st_size for p in spool.folder.glob("*.spool"))
    assert after["spool"] == str(spool.folder)
    assert (after["queued"], after["dropped"], after["failures"]) == (0, {}, 0)
    assert (after["problem"], after["segments"]) == ("", 1)
    assert after["incarnation"] in segments(spool.folder)


@pytest.mark.parametrize("timeout", [0, -1, 1e300])
def test_flush_takes_any_time(timeout: float, spool: Spooled) -> None:
    """No time at all writes what is there; a time without end is none that hangs."""
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    statemeter.flush(timeout)
    assert spool.of(events.Run)


def test_a_spool_folder_that_cannot_be_named(start_child: StartChild, isolated: Path) -> None:
    """~nobody has no home: a warning says so, and the events go to the default folder."""
    code = (
        "from langgraph.checkpoint.memory import InMemorySaver\n"
        "import statemeter\n"
        "from tests.statemeter.graphs import chat, thread\n"
        "graph = statemeter.instrument(chat(InMemorySaver()))\n"
        "out = graph.invoke({'messages': [('user', 'hello')]}, thread())\n"
        "assert len(out['messages']) == 3\n"
    )
    child = start_child("-c", code, env={"STATEMETER_SPOOL": "~nobody-of-this-name/spool"})
    assert child.wait(60) == 0
    log = child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    assert "STATEMETER_SPOOL='~nobody-of-this-name/spool' cannot be used" in log
    (paths,) = segments(isolated / "statemeter" / "spool").values()
    assert [event for event in read(paths) if isinstance(event, events.Put)]


def test_an_import_alone_does_nothing(start_child: StartChild, isolated: Path) -> None:
    """Importing the package starts no thread, makes no file and imports no LangGraph."""
    code = (
        "import statemeter, sys, threading\n"
        "assert threading.active_count() == 1\n"
        "assert not [name for name in sys.modules if name.startswith('langgraph')]\n"
    )
    assert start_child("-c", code).wait(60) == 0
    assert not isolated.exists()


def test_who_measures_nothing_imports_nothing_that_measures(start_child: StartChild) -> None:
    """The collector and the dashboard read settings and events alone; a public name brings the
    rest, and a name that there is none of is an error as ever."""
    child = start_child(
        "-c",
        "import sys, statemeter; from statemeter import events, settings\n"
        "assert {'statemeter.api', 'statemeter.probe', 'psutil'}.isdisjoint(sys.modules)\n"
        "assert not hasattr(statemeter, 'measure')\n"
        "assert set(dir(statemeter)) >= set(statemeter.__all__)\n"
        "assert all(getattr(statemeter, name) for name in statemeter.__all__)\n"
        "from statemeter import *\n"
        "assert instrument is statemeter.instrument is statemeter.api.instrument\n"
        "assert track is statemeter.regions.track",
    )
    assert child.wait(60) == 0, child.log_path.read_text()  # type: ignore[attr-defined]


def test_strict_deserialization_stays_strict(start_child: StartChild, isolated: Path) -> None:
    """With LANGGRAPH_STRICT_MSGPACK the copies that LangGraph makes of a saver are measured."""
    child = start_child(
        "-W", "error", "-m", "tests.statemeter.strict", env={"LANGGRAPH_STRICT_MSGPACK": "true"}
    )
    assert child.wait(60) == 0, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    (paths,) = segments(isolated / "spool").values()
    told = read(paths)
    assert len([event for event in told if isinstance(event, events.Put)]) == 4 * 3
    assert len({event.key for event in told if isinstance(event, events.Saver)}) == 3
    assert told[-1].final == 1
