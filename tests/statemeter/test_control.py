"""A process hands out values of its InMemorySavers, where it allows it, and to its user alone."""

from __future__ import annotations

import functools
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

import statemeter
from statemeter import control, held_values, introduction, probe, savers
from statemeter.control import Control
from statemeter.serializers import CompressedSerializer
from tests import long_thread
from tests.statemeter.driving import Counted
from tests.statemeter.graphs import chat, single, thread
from tests.statemeter.spooled import Spooled

HELLO = {"messages": [("user", "hello")]}
NAME = "0" * 32


@pytest.fixture
def target(spool: Spooled) -> probe.Probe:
    """The probe of a process that allows it, whose thread is this one."""
    spool.folder.mkdir(parents=True, exist_ok=True)
    made = probe.get()
    made.control = Control(
        spool.folder, made.incarnation, allowed=True, values=True,
        who=functools.partial(introduction.who, made),
    )  # fmt: skip
    made._wake.set()
    made.control._next = 0.0
    return made


def ask(target: probe.Probe, **asked: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Ask, let the probe look, and take the answer: its line, and its blobs."""
    key = next(iter(target.savers.values())).key
    path = target.control.folder / f"{NAME}.ask"
    told = {"saver": key, "thread": "thread", "ns": "", "checkpoint": ""} | asked
    path.write_text(json.dumps(told))
    path.chmod(0o600)
    look(target)
    answer = path.with_suffix(".answer")
    assert stat.S_IMODE(answer.stat().st_mode) == 0o600
    assert not path.exists()
    line, _, rest = answer.read_bytes().partition(b"\n")
    answer.unlink()
    said, blobs = json.loads(line), []
    for part in said.get("parts", []):
        blobs.append(rest[: part["sent"]])
        rest = rest[part["sent"] :]
    assert rest == b""
    return said, blobs


def look(target: probe.Probe) -> None:
    """What the probe's thread does at its next turn."""
    target.control._next = 0.0
    target.control.look(target.savers)


def test_what_is_handed_out_is_what_the_saver_holds(target: probe.Probe) -> None:
    """Loaded by its own serializer, the bytes are what ``get_tuple`` gives of each checkpoint."""
    saver = InMemorySaver()
    graph = statemeter.instrument(long_thread.build(saver))
    long_thread.play(graph, "thread", 3)
    look(target)
    assert stat.S_IMODE(target.control.folder.stat().st_mode) == 0o700
    for found in list(saver.list(None)):
        named = found.config["configurable"]
        said, blobs = ask(target, ns=named["checkpoint_ns"], checkpoint=named["checkpoint_id"])
        loaded = [
            saver.serde.loads_typed((part["type"], blob))
            for part, blob in zip(said["parts"], blobs, strict=True)
        ]
        by_kind: dict[str, list[tuple[Any, Any]]] = {}
        for part, value in zip(said["parts"], loaded, strict=True):
            by_kind.setdefault(part["kind"], []).append((part, value))
        ((first, document),) = by_kind["checkpoint"]
        assert document | {"channel_values": found.checkpoint["channel_values"]} == found.checkpoint
        parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config else ""
        assert (first["name"], first["parent"]) == (found.checkpoint["id"], parent)
        assert by_kind["metadata"][0][1] == found.metadata
        values = {part["channel"]: value for part, value in by_kind.get("channel", [])}
        assert values == found.checkpoint["channel_values"]
        writes = [(p["task"], p["channel"], value) for p, value in by_kind.get("write", [])]
        assert writes == found.pending_writes
    said, _ = ask(target, channels=["turn"])
    assert {part.get("channel", "turn") for part in said["parts"]} == {"turn"}


def test_what_a_delta_channel_is_made_from(target: probe.Probe) -> None:
    """Writes of the ancestors and the nearest snapshot: ``get_delta_channel_history``'s."""
    saver = InMemorySaver()
    graph = statemeter.instrument(single(lambda state: {"found": ["x"]}, saver, schema=Counted))
    for _ in range(3):
        graph.invoke({"found": ["a"]}, thread())
    look(target)
    compared = 0
    for found in list(saver.list(None)):
        said, blobs = ask(target, checkpoint=found.checkpoint["id"])
        parts = list(zip(said["parts"], blobs, strict=True))
        if not any(part["kind"] == "ancestor" for part, _ in parts):
            continue
        history = saver.get_delta_channel_history(config=found.config, channels=["found"])["found"]
        replayed = [saver.serde.loads_typed((part["type"], blob))
                    for part, blob in parts if part["kind"] == "replay"]  # fmt: skip
        assert replayed[::-1] == [value for _, _, value in history["writes"]]
        seeds = [saver.serde.loads_typed((part["type"], blob))
                 for part, blob in parts if part["kind"] == "seed"]  # fmt: skip
        assert seeds == ([history["seed"]] if "seed" in history else [])
        compared += 1
    assert compared


def test_looking_changes_nothing_of_the_saver(target: probe.Probe) -> None:
    """A ``defaultdict`` makes an entry for what is asked of it by []: nothing is asked so."""
    saver = InMemorySaver()
    graph = statemeter.instrument(chat(saver))
    graph.invoke(HELLO, thread())
    look(target)
    before = (
        {name: {ns: list(rows) for ns, rows in spaces.items()}
         for name, spaces in saver.storage.items()},
        {key: list(rows) for key, rows in saver.writes.items()}, list(saver.blobs),
    )  # fmt: skip
    for asked in ({"thread": "none"}, {"ns": "none"}, {"checkpoint": "none"}):
        assert ask(target, **asked)[0]["problem"] == "checkpoint"
    assert ask(target)[0]["problem"] == ""
    assert ask(target, saver="none")[0]["problem"] == "saver"
    assert ask(target, thread=7)[0]["problem"] == "asked"
    assert before == (
        {name: {ns: list(rows) for ns, rows in spaces.items()}
         for name, spaces in saver.storage.items()},
        {key: list(rows) for key, rows in saver.writes.items()}, list(saver.blobs),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "switch", "allowed", "values"),
    [
        ("", "", True, False), ("1", "", True, True), ("1", "0", False, True),
        ("", "0", False, False),
    ],
)  # fmt: skip
def test_it_is_the_process_that_allows_it(
    shown: str, switch: str, *, allowed: bool, values: bool, spool: Spooled,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Looks without a setting, values with one; switched off, there is no folder at all."""
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", shown)
    monkeypatch.setenv("STATEMETER_CONTROL", switch)
    made = probe.get()
    made.begin()
    made._wake.set()
    saver = InMemorySaver()
    statemeter.instrument(graph := chat(saver))
    graph.invoke(HELLO, thread())
    assert statemeter.flush(30)
    look(made)
    assert (spool.folder / "control").is_dir() is allowed
    if allowed:
        said, blobs = ask(made)
        assert said.get("problem") == ("" if values else "values")
        assert bool(blobs) is values


def test_the_folder_tells_whose_it_is(target: probe.Probe) -> None:
    """It is there before there is a saver, so that anybody may look; its file is private."""
    look(target)
    whose = target.control.folder / control.PROCESS
    assert stat.S_IMODE(whose.stat().st_mode) == 0o600
    told = json.loads(whose.read_text("utf-8"))
    assert told["pid"] == os.getpid()
    assert told["host"] == socket.gethostname()
    assert abs(told["started_us"] / 1e6 - psutil.Process().create_time()) < 1
    saver = InMemorySaver()
    statemeter.instrument(saver)
    assert savers.info_of(saver).storages is not None  # type: ignore[union-attr]
    assert "storages" not in repr(savers.info_of(saver))


def _link(path: Path) -> None:
    path.with_name("elsewhere").write_text("{}")
    path.symlink_to(path.with_name("elsewhere"))


def _fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _large(path: Path) -> None:
    path.write_bytes(b"x" * (control.ASK_BYTES + 1))
    path.chmod(0o600)


def _open_to_others(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0o644)


@pytest.mark.parametrize("make", [_link, _fifo, _large, _open_to_others])
def test_only_a_small_file_of_its_user_is_a_request(
    make: Callable[[Path], None], target: probe.Probe
) -> None:
    """Anything else gets no answer, and keeps nobody."""
    statemeter.instrument(saver := InMemorySaver())
    look(target)
    path = target.control.folder / f"{NAME}.ask"
    make(path)
    look(target)
    assert not path.with_suffix(".answer").exists()
    assert not path.is_symlink()
    assert not path.exists()
    del saver


def test_a_folder_that_others_may_use_is_not_looked_into(target: probe.Probe) -> None:
    """Whoever opened it to others gets no answers."""
    statemeter.instrument(saver := InMemorySaver())
    look(target)
    target.control.folder.chmod(0o755)
    path = target.control.folder / f"{NAME}.ask"
    path.write_text("{}")
    path.chmod(0o600)
    look(target)
    assert path.exists()
    target.control.folder.chmod(0o700)
    look(target)
    assert not path.exists()
    del saver


def test_answers_that_nobody_fetched_are_removed(target: probe.Probe) -> None:
    """After a minute; at the end of the process with their folder."""
    statemeter.instrument(graph := chat(InMemorySaver()))
    graph.invoke(HELLO, thread())
    look(target)
    path = target.control.folder / f"{NAME}.ask"
    for _ in range(2):
        path.write_text("{}")
        path.chmod(0o600)
        look(target)
        assert path.with_suffix(".answer").exists()
        target.control._answers = dict.fromkeys(target.control._answers, 0.0)
        look(target)
        assert not path.with_suffix(".answer").exists()
    path.write_text("{}")
    path.chmod(0o600)
    target.control.close()
    assert not target.control.folder.exists()


def test_folders_of_processes_that_were_killed_go_with_time(target: probe.Probe) -> None:
    """An old one is removed unless its process lives, or has left something in it; whoever lives on
    and misses its own makes it again."""
    above = target.control.folder.parent
    above.mkdir(parents=True)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = introduction.who(target)
    whose = {"killed": mine | {"pid": gone.pid}, "reused": mine | {"started_us": 1}, "alive": mine}
    for name, age in (
        ("old", 100_000), ("new", 10), ("full", 100_000), ("killed", 100_000),
        ("reused", 100_000), ("alive", 100_000), ("damaged", 100_000),
    ):  # fmt: skip
        (above / name).mkdir()
        if name == "full":
            (above / name / "file").touch()
        if name in whose:
            (above / name / control.PROCESS).write_text(json.dumps(whose[name]))
        if name == "damaged":
            (above / name / control.PROCESS).write_text("{")
        os.utime(above / name, (time.time() - age,) * 2)
    look(target)
    assert sorted(path.name for path in above.iterdir()) == sorted(
        ["new", "full", "alive", "damaged", target.incarnation]
    )
    shutil.rmtree(target.control.folder)
    look(target)
    look(target)
    assert target.control.folder.is_dir()


def test_large_blobs_are_sent_by_their_beginning(
    target: probe.Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One blob, all together, and the number of parts are bounded; lengths are told."""
    graph = statemeter.instrument(single(lambda state: {"found": ["x" * 50_000]}, InMemorySaver()))
    graph.invoke({"found": ["a"]}, thread())
    look(target)
    for name in ("BLOB_BYTES", "ANSWER_BYTES"):
        with monkeypatch.context() as patched:
            patched.setattr(control, name, 10_000)
            said, _ = ask(target)
        (part,) = [one for one in said["parts"] if one.get("channel") == "found"]
        assert part["size"] > 50_000
        assert part["sent"] == control.HEAD_BYTES
    monkeypatch.setattr(control, "MOST_PARTS", 2)
    said, _ = ask(target)
    assert (len(said["parts"]), said["complete"]) == (2, False)


def test_encrypted_bytes_stay_encrypted(target: probe.Probe) -> None:
    """Who looks gets what the saver holds; its key stays where it is."""
    pytest.importorskip("Crypto")
    serializer = EncryptedSerializer.from_pycryptodome_aes(key=b"k" * 32)
    graph = statemeter.instrument(chat(InMemorySaver(serde=serializer)))
    graph.invoke(HELLO, thread())
    look(target)
    said, blobs = ask(target)
    assert [part["type"] for part in said["parts"]] == ["msgpack+aes"] * len(said["parts"])
    assert not any(b"hello" in blob for blob in blobs)


def test_a_graph_that_runs_meanwhile_is_not_disturbed(target: probe.Probe) -> None:
    """Each answer is one checkpoint that there was, and no run fails."""
    saver = InMemorySaver()
    graph = statemeter.instrument(long_thread.build(saver))
    running = threading.Thread(target=functools.partial(long_thread.play, graph, "thread", 8))
    running.start()
    names = set()
    try:
        while running.is_alive():
            look(target)
            if target.control.folder.is_dir():
                said, _ = ask(target)
                names |= {part["name"] for part in said["parts"] if part["kind"] == "checkpoint"}
    finally:
        running.join()
    assert names <= set(saver.storage["thread"][""])
    assert graph.get_state(thread()).values["turn"] == 8


def test_damaged_documents_have_no_channels(target: probe.Probe) -> None:
    """What cannot be read is handed out as it is, by kind and bytes."""
    saver = InMemorySaver()
    statemeter.instrument(saver)
    saver.storage["thread"][""]["1"] = (("msgpack", b"\xc1"), ("pickle", b"."), None)
    saver.storage["thread"][""]["2"] = (("json", b"{}"), ("msgpack", b"\xc1"), "gone")
    storages = held_values.storages_of(saver)
    assert storages is not None
    for name in ("1", "2"):
        asked = held_values.Ask(saver="", thread="thread", ns="", checkpoint=name)
        kinds = [part["kind"] for part, _ in held_values.parts(storages, asked)]
        assert kinds == ["checkpoint", "metadata"]
    look(target)


def test_compressed_documents_have_their_channels(target: probe.Probe) -> None:
    """Versions of channels are read off a compressed document; blobs go out as they are held."""
    saver = InMemorySaver(serde=CompressedSerializer(min_bytes=0))
    graph = chat(saver)
    statemeter.instrument(graph)
    graph.invoke(HELLO, thread())
    look(target)
    said, blobs = ask(target)
    tags = {part["type"] for part in said["parts"]}
    assert "zstd:msgpack" in tags
    channels = {part["channel"]: (part["type"], blob) for part, blob in
                zip(said["parts"], blobs, strict=True) if part["kind"] == "channel"}  # fmt: skip
    found = saver.get_tuple(thread())
    assert found is not None
    loaded = {name: saver.serde.loads_typed(blob) for name, blob in channels.items()}
    assert loaded == found.checkpoint["channel_values"]
