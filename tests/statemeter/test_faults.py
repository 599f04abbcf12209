"""Whatever fails inside the probe, the application gets what it got, and measuring goes on."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import calls, events, fast, faults, nodes, probe, resident, sizes
from tests.statemeter import breaking, driving
from tests.statemeter.breaking import broken
from tests.statemeter.driving import HELLO, SCENES, Stage
from tests.statemeter.graphs import chat, thread
from tests.statemeter.opened import Servers
from tests.statemeter.spooled import Spooled

COMMANDS = (
    "baselines.", "budgets.", "checks.", "doctor.", "in_process.", "lending.", "measured.",
    "pytest_plugin.", "run.", "supported.",
)  # fmt: skip
"""Modules of the command line and of the pytest plugin: they run before an application or beside
it, never in its graph."""
BODY = "a wrapper's body: what it does is guarded inside"
TESTS = "the pytest plugin calls it, in the tests of an application"
USERS = "the user's own call, or what tells whether it is an error of the user"
IMPORTED = "runs when modules are imported, or only in the collector"
FORKED = "a hook of os.fork: no exception leaves it, and test_fork.py runs it"
AWAITED = "a part of Python's import system that is there until LangGraph is: see test_auto.py"
PICKLED = "without it nothing tells pickle the class of the application: it fails, with its error"
SERIALIZERS = "the user's own serializer calls it, and fails with its error"
EXCEPTED = {
    "accesses.Access.__enter__": BODY,
    "accesses.Access.__exit__": BODY,
    "accesses.Access.tell": "each kind of access has its own instead",
    "api._advice": USERS,
    "api._enabled": USERS,
    "api.flush": USERS,
    "api.instrument": USERS,
    "api.stats": USERS,
    "api.uninstrument": USERS,
    "api.watch_cache": USERS,
    "auto._adopt": BODY,
    "auto._running": BODY,
    "auto._validating": BODY,
    "auto._is_on": "two looks, by wrappers' bodies as well",
    "auto.lend": TESTS,
    "auto.take_back": TESTS,
    "awaiting._Finder.__init__": AWAITED,
    "awaiting._Finder.find_spec": AWAITED,
    "awaiting._Finder.is_for": AWAITED,
    "awaiting._Loader.__getattr__": AWAITED,
    "awaiting._Loader.__init__": AWAITED,
    "awaiting._Loader.create_module": AWAITED,
    "awaiting._Loader.exec_module": AWAITED,
    "calls.Call.exit_in_python": BODY,
    "calls.Rows.__enter__": BODY,
    "calls.Rows.__exit__": BODY,
    "calls.Rows.__init__": BODY,
    "calls._outside": FORKED,
    "calls._end_in_python": "where C is, C does it; a call that cannot end is told by nobody",
    "calls.begin_in_python": BODY,
    "calls.leave": BODY,
    "codecs._is_zstandard": SERIALIZERS,
    "codecs._lz4": SERIALIZERS,
    "codecs._zstd": SERIALIZERS,
    "codecs.compress": SERIALIZERS,
    "codecs.missing": SERIALIZERS,
    "demand.Asked.__enter__": BODY,
    "demand.Asked.__exit__": BODY,
    "demand.Asked.__init__": BODY,
    "demand._after_fork": FORKED,
    "embeddings._Embedding.__enter__": BODY,
    "events.tag_of": IMPORTED,
    "fast.first": IMPORTED,
    "faults.fault": "the guard itself: it has a guard of its own",
    "faults.guarded": IMPORTED,
    "faults.reset": "forgets counts: a test calls it itself",
    "graphs._Run.__init__": BODY,
    "graphs.is_graph": USERS,
    "introduction.SaverInfo.__deepcopy__": "returns itself",
    "kinds.names": USERS,
    "kinds.of": "guarded inside",
    "line_call.Call._at_line": BODY,
    "line_call.Call._trace": BODY,
    "look_census.after_fork": FORKED,
    "look_chain.after_fork": FORKED,
    "look_lines.after_fork": FORKED,
    "look_recording.after_fork": FORKED,
    "looks.Looks._run": "the thread's body: guarded inside",
    "loops._Beat.__init__": "of a run that lasts: see test_vitals.py",
    "loops._Beat.lag_ns": "the same",
    "loops._Beat.land": "the same; guarded, called by a loop",
    "nodes.Around.__enter__": BODY,
    "nodes.Around.__exit__": BODY,
    "nodes.Around._end": "each of the two has its own instead",
    "nodes._NodeRun.__init__": BODY,
    "notes.beside": IMPORTED,
    "notes.json_document": IMPORTED,
    "pauses._watch": "called by gc: two readings of a clock",
    "pickles._of_original": PICKLED,
    "pickles._without_ours": PICKLED,
    "pool_kinds._redis_kind": IMPORTED,
    "probe.Probe._run": "the thread's body: guarded inside",
    "probe.exists": TESTS,
    "regions.Region.__call__": USERS,
    "regions.Region.__enter__": BODY,
    "regions.Region.__exit__": BODY,
    "regions.Region.__init__": USERS,
    "regions._Around.__enter__": BODY,
    "regions._Around.__exit__": BODY,
    "regions._Around.__init__": BODY,
    "regions._is_on": "guarded inside",
    "regions._marked": USERS,
    "regions.track": USERS,
    "resident._File.__init__": IMPORTED,
    "resources.ResourceInfo.__deepcopy__": "returns itself",
    "saver_methods._aobserved": BODY,
    "saver_methods._observed": BODY,
    "serde._methods_in_c": "see test_fast_calls.py; here those in Python are made",
    "settings._folders": IMPORTED,
    "settings._patterns": IMPORTED,
    "settings.roots": IMPORTED,
    "settings.store_url": IMPORTED,
    "stacks._after_fork": FORKED,
    "store_calls.StoreCall.__enter__": BODY,
    "store_calls.StoreCall.__exit__": BODY,
    "store_calls._passing": "the user's own iterator, which the store goes through",
    "store_calls.after_fork": FORKED,
    "store_methods._follow": "a hook of a store's setup: see test_store_faults.py",
    "store_methods.methods": IMPORTED,
    "stuck_calls._codes": IMPORTED,
    "subclass.is_instrumented": "one look into a class, by wrappers' bodies as well",
    "unregistered._count": "types outside the allowlist are in no scene; its callers are guarded",
    "unregistered._hear": "guarded inside",
}
"""What is not broken here, with the reason."""
if sys.version_info >= (3, 13):
    EXCEPTED["look_chain._is_followed"] = "asked of copies of variables, which 3.13 makes no longer"
UNSEEN = {
    "line_call.Call._at": "lines",
    "line_call._Open.__init__": "lines",
    "look_recording._NextRun.__init__": "recording",
    "look_recording._NextRun._tell": "recording",
    "look_recording._NextRun.close": "recording",
    "look_recording._NextRun.ended": "recording",
}
"""Name → scene, of what is not called, or not told of, where a profiler looks."""
CODES = breaking.functions()
ALL = [name for name in CODES if not name.startswith(COMMANDS)]
BROKEN = [name for name in ALL if name not in EXCEPTED]


@pytest.fixture
def no_faults() -> bool:
    return False


@pytest.fixture(autouse=True)
def in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python does it, where a function can be broken; of the C part see test_fast.py and
    test_fast_records.py."""
    for name in fast.IN_C.keys() & {"line", "put", "writes", "read", "note_put"}:
        monkeypatch.setitem(fast.IN_C, name, lambda *given: None)
    for name in ("timed", "take"):
        monkeypatch.delitem(fast.IN_C, name, raising=False)
    monkeypatch.setattr(calls.Call, "__exit__", calls.Call.exit_in_python)
    monkeypatch.setattr(nodes, "_node_run", nodes._NodeRun)
    monkeypatch.setattr(resident, "after", resident.after_in_python)
    monkeypatch.setattr(resident, "before", resident.before_in_python)
    monkeypatch.setattr(sizes, "document", sizes.document_in_python)
    monkeypatch.setattr(sizes, "largest", sizes.largest_in_python)


@pytest.fixture(autouse=True)
def left() -> Iterator[None]:
    """What a broken function leaves under way in this context is under way in no other test."""
    yield
    calls._outside()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes made by a test leave nothing behind in this process."""
    monkeypatch.setattr("os.register_at_fork", lambda **hooks: None)
    monkeypatch.setattr("atexit.register", lambda function: function)
    monkeypatch.setattr("multiprocessing.util.Finalize", lambda *given, **named: None)


class Reach:
    """Which scenes reach which function; each is played once bare, and once measured to look."""

    def __init__(self) -> None:
        self.bare: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._reached: dict[str, set[str]] = {}

    def of(self, scene: str, stage: functools.partial[Stage]) -> set[str]:
        """The functions that a scene calls."""
        if scene not in self._reached:
            self.bare[scene] = driving.play(scene, stage(measured=False))
            with fresh(), breaking.called(CODES) as found:
                start = time.perf_counter()
                assert driving.play(scene, stage(measured=True)) == self.bare[scene]
                statemeter.stats()
                self.seconds[scene] = time.perf_counter() - start
            unseen = {name for name, where in UNSEEN.items() if where == scene}
            self._reached[scene] = found | unseen
        return self._reached[scene]

    def scenes(self, name: str, stage: functools.partial[Stage]) -> list[str]:
        """Of the scenes that reach a function, the shortest and, of those without a server, the
        one that reaches most; servers are started only for what no other scene reaches."""
        local = [scene for scene in LOCAL if name in self.of(scene, stage)]
        if local:
            most = max(local, key=lambda scene: len(self._reached[scene]))
            return [local[0], most]
        found = next((s for s in SCENES if s not in LOCAL and name in self.of(s, stage)), None)
        assert found, f"no scene calls {name}: add it to one, or to EXCEPTED with the reason"
        return [found, found]


LOCAL = [scene for scene in SCENES if " " not in scene]
"""Scenes without a server."""


@contextlib.contextmanager
def fresh() -> Iterator[pytest.MonkeyPatch]:
    """A process without a probe, in which nothing was instrumented yet."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(probe, "_probe", None)
        breaking.forget(patched)
        try:
            yield patched
        finally:
            target: Any = probe._probe
            if hasattr(target, "writer"):
                target._wake.set()
                with contextlib.suppress(MemoryError):
                    target.writer.close()
            faults.reset()


@pytest.fixture(scope="module")
def reach() -> Reach:
    return Reach()


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> functools.partial[Stage]:
    """Makes the stage for a scene."""
    return functools.partial(Stage, folder=tmp_path, servers=Servers(request, tmp_path))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_function_harms_nobody(
    name: str,
    reach: Reach,
    stage: functools.partial[Stage],
    spool: Spooled,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A function raises from the start, then only while what was measured is used: the results are
    those without the probe, whether instrument() worked wholly, partly or not at all."""
    short, long = reach.scenes(name, stage)
    with fresh() as patched:
        calls = broken(patched, name, MemoryError)
        assert driving.play(short, stage(measured=True)) == reach.bare[short]
        with contextlib.suppress(MemoryError):
            statemeter.stats()
        # What the probe's thread calls once in a while comes with its next round.
        end = time.monotonic() + 20
        while not calls and time.monotonic() < end:
            time.sleep(0.01)
        assert calls, "it was broken, and nobody noticed"
    with monkeypatch.context() as patched:
        breaking.forget(patched)

        def begin() -> None:
            broken(patched, name, RuntimeError)

        assert driving.play(long, stage(measured=True, begun=begin)) == reach.bare[long]
    if long == "ending":
        return
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread("after"))
    after = [event.thread for event in spool.told() if isinstance(event, events.Put)]
    assert after.count("after") == 4


def test_every_exception_from_the_rule_exists() -> None:
    """A function excepted above is one that there is."""
    assert set(EXCEPTED) <= set(ALL)
    assert len(BROKEN) > 300


def test_a_fault_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the place and the class of the exception, never its text."""
    faults.reset()
    for _ in range(3):
        try:
            raise ValueError("secret text")
        except ValueError:
            faults.fault("the place")
    assert faults.total() == 3
    assert len(caplog.records) == 1
    assert "the place failed (ValueError); your graph is not affected" in caplog.text
    assert "secret text" not in caplog.text
    faults.reset()


def test_a_fault_while_telling_of_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging may fail, too."""
    faults.reset()
    monkeypatch.setattr(faults.logger, "warning", None)
    try:
        raise ValueError
    except ValueError:
        faults.fault("the place")
    assert faults.total() == 1
    faults.reset()


def test_a_guarded_function_gives_none(caplog: pytest.LogCaptureFixture) -> None:
    """An ``Exception`` is counted; what ends a program goes through."""
    faults.reset()

    @faults.guarded
    def fail(error: BaseException) -> None:
        raise error

    fail(ValueError())
    assert faults.total() == 1
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt())
    faults.reset()
