"""A thread is replayed for real: as a job with progress and cancel, and by the command."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collector.__main__ import main
from collector.designs import job
from collector.designs.plan import plan
from collector.designs.replay import PREFIX, Replay
from collector.ingest import Ingest
from collector.jobs.errors import Cancelled, CannotRun
from collector.jobs.supervise import Jobs
from collector.lease import Lease
from storage import design_trials, jobs, queries_jobs
from storage.design_thread import Recorded
from storage.design_trials import Asked, Trials
from storage.designs import Settings
from storage.store import open_writer
from tests.collector.designs.told import conversation

SETTINGS = Settings(frequencies=(5,), lengths=(6,), summary=(8, 300, 2), kept=(4,))
DESIGNS = {
    "today", "delta-messages-5", "trim-messages-6", "summarize-messages-8", "exit",
    "trim-messages-6+exit",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a conversation of 12 turns."""
    return conversation(tmp_path_factory.mktemp("replayed"), 12)


@pytest.fixture
def recorded(store: Path) -> Recorded:
    """The conversation."""
    return job.load(str(store), Asked(thread="chat"))


def replayed(thread: Recorded, rounds: int = 1) -> tuple[Trials, list[float]]:
    """What was measured, and the shares that were told on the way."""
    shares: list[float] = []
    found = Replay(thread, (), SETTINGS, rounds).run(lambda _, share, __: shares.append(share))
    return found, shares


def check(found: Trials, designs: set[str]) -> None:
    """Each design was played, and holds what was predicted within 10 %."""
    assert {one.design for one in found.trials} == designs
    for one in found.trials:
        # The replay's graph has one node where the thread's had more: its notes are smaller.
        off = one.predicted_bytes / one.stored_bytes - 1
        assert abs(off) <= 0.15, (one.design, one.predicted_bytes, one.stored_bytes)
        assert one.put_us > 0
        assert one.put_least_us <= one.put_us <= one.put_most_us
        assert one.load_us > 0
        assert one.worst_load_us >= one.load_us * 0.5


def test_on_sqlite(recorded: Recorded) -> None:
    """Whole documents are replayed on SqliteSaver, pruned with the code that is shown."""
    found, shares = replayed(recorded, rounds=2)
    check(found, DESIGNS | {"prune-4"})
    assert {one.rounds for one in found.trials} == {2}
    assert (found.backend, found.runs, found.steps) == ("sqlite", 12, 36)
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert found.trials[0].design == "today"


def test_in_memory(recorded: Recorded) -> None:
    """Channels apart are replayed on InMemorySaver; a server's round trips are missing, it says."""
    apart = replace(recorded, backend="postgres", layout="channels")
    found, _ = replayed(apart)
    check(found, DESIGNS)
    assert found.backend == "memory"
    assert any("without the round trips to postgres" in note for note in found.notes)


def test_the_plan_holds_what_the_thread_wrote(recorded: Recorded) -> None:
    """Runs, steps and bytes of the conversation, and nothing of LangGraph's own channels."""
    made = plan(recorded)
    assert [len(run.steps) for run in made.runs] == [2] * 12
    changes = [change for run in made.runs for step in run.steps for change in step]
    assert {change.channel for change in changes} == {"messages"}
    assert sum(change.elements for change in changes) == 24
    # 400 bytes each, and a longer header of the list from 16 on.
    assert sum(change.bytes for change in changes) == 24 * 400 + 3
    assert (made.durability, made.messages) == ("sync", {"messages"})


def test_a_replay_that_is_ended_leaves_nothing(recorded: Recorded) -> None:
    """Its folder goes, whatever ends it; what it had measured was told."""
    told: list[Trials] = []
    folders: list[str] = []

    def tell(phase: str, share: float, found: Trials) -> None:
        told.append(found)
        if share > 0.3:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        Replay(recorded, (), SETTINGS, 1).run(tell, folders.append)
    assert told[-1].trials
    (folder,) = folders
    assert Path(folder).name.startswith(PREFIX)
    assert not Path(folder).exists()


def test_what_cannot_be_replayed_is_refused(recorded: Recorded) -> None:
    """With the reason, and what there is instead."""
    with pytest.raises(CannotRun, match=r"no design delta-nothing-9; it has .*exit"):
        Replay(recorded, ("delta-nothing-9",), SETTINGS, 1)
    with pytest.raises(CannotRun, match="deleted"):
        Replay(replace(recorded, problem="The thread was deleted."), (), SETTINGS, 1)
    huge = replace(recorded, gone_bytes=10**11)
    with pytest.raises(CannotRun, match="GB"):
        Replay(huge, (), SETTINGS, 3)


class Bench:
    """The jobs of a collector."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self.engine = open_writer(str(folder / "jobs.sqlite"))
        lease = Lease()
        assert lease.take(self.engine, time.time_ns() // 1000) is None
        self._ingest = Ingest(self.engine, lease.holder)
        self._ingest.load()
        self.jobs = Jobs(self.spool, os.getpid())

    def ask(self, store: Path, rounds: int = 1) -> str:
        """Ask for a replay."""
        asked = {
            "thread": "chat", "designs": ["exit"], "rounds": rounds,
            "settings": {"frequencies": [5]},
        }  # fmt: skip
        return jobs.ask(self.spool, "designs", "of chat", asked, {"store": str(store)}).id

    def until(self, key: str, true: Callable[[queries_jobs.Job], object]) -> queries_jobs.Job:
        """Tend until something is so of a job."""
        end = time.monotonic() + 120
        while True:
            self.jobs.tend(self._ingest.transaction)
            found = queries_jobs.job(self.engine, key)
            if found is not None and true(found[0]):
                return found[0]
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.jobs.stop()
    made.engine.dispose()


def folders() -> set[str]:
    """Temporary folders of replays."""
    return {one.name for one in Path(tempfile.gettempdir()).glob(f"{PREFIX}*")}


def test_a_job_ends_with_its_numbers(bench: Bench, store: Path) -> None:
    """Run by a child; its result can be read, and has no value of a state."""
    key = bench.ask(store)
    ended = bench.until(key, lambda one: one.ended)
    assert (ended.state, ended.problem, ended.partial) == ("done", "", False)
    found = queries_jobs.job(bench.engine, key)
    assert found is not None
    trials = design_trials.decode(found[1])
    assert [one.design for one in trials.trials] == ["today", "exit"]
    assert trials.trials[1].stored_bytes < trials.trials[0].stored_bytes


def test_a_job_is_cancelled_and_keeps_what_it_had(bench: Bench, store: Path) -> None:
    """What was measured until then stays, marked as partial; its folder is gone."""
    before = folders()
    key = bench.ask(store, rounds=10_000)
    bench.until(key, lambda one: (one.share or 0) > 0 and "round 1 " not in one.phase)
    jobs.cancel(bench.spool, key)
    ended = bench.until(key, lambda one: one.ended)
    assert (ended.state, ended.partial) == ("cancelled", True)
    found = queries_jobs.job(bench.engine, key)
    assert found is not None
    assert design_trials.decode(found[1]).trials
    assert folders() <= before


def test_no_thread_says_so(store: Path, tmp_path: Path) -> None:
    """With the reason: none of this id, or no store."""
    with pytest.raises(CannotRun, match="no thread 'nobody'"):
        job.load(str(store), Asked(thread="nobody"))
    with pytest.raises(CannotRun, match="StoreMissing"):
        job.load(str(tmp_path / "none.sqlite"), Asked(thread="chat"))


def test_cleaning_removes_its_own_folder_alone(tmp_path: Path) -> None:
    """And nothing twice."""
    mine, other = tmp_path / f"{PREFIX}x", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    request = jobs.Request(id="0" * 32, kind="designs", name="x", created_us=1)
    for _ in range(2):
        job.clean(request, [str(mine), str(other)])
    assert (mine.exists(), other.exists()) == (False, True)


def test_the_command(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table with code, JSON, and a replay."""
    assert main(["designs", "chat", "--store", str(store), "--code", "--trim", "6"]) == 0
    shown = capsys.readouterr().out
    assert "trim-messages-6" in shown
    assert 'durability="exit"' in shown
    arguments = ["designs", "chat", "--store", str(store), "--design", "exit", "--measure"]
    assert main([*arguments, "--rounds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["design"]["id"] for one in told["designs"]] == ["exit"]
    assert [one["design"] for one in told["measured"]["trials"]] == ["today", "exit"]
    assert told["today"]["stored_bytes"] > told["designs"][0]["stored_bytes"] > 0
    assert main([*arguments, "--rounds", "1"]) == 0
    assert "put_us" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "no thread 'nobody'"),
        (["chat", "--design", "delta-x-1"], "no design delta-x-1"),
    ],
)
def test_the_command_refuses(
    store: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and why."""
    assert main(["designs", *arguments, "--store", str(store)]) == 2
    assert words in capsys.readouterr().err


def test_the_command_wants_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that is not there is said to be missing."""
    assert main(["designs", "chat", "--store", str(tmp_path / "none.sqlite")]) == 2
    assert "store" in capsys.readouterr().err
