"""What the demo remembers in long-term stores and in a function's cache, and what is told of it."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from langgraph.store.base import BaseStore

from examples.demo import stores
from storage.queries_gauges import lru_caches
from storage.queries_resources import embeddings
from storage.queries_resources import stores as store_calls
from storage.store import open_reader
from tests.collector.made import collect
from tests.conftest import StartChild
from tests.examples.test_demo import WAIT_SECONDS

WINDOW_S = 3600

ONCE = """
import json, sys
from examples.demo.__main__ import main
code = main(["--once", "--database", sys.argv[1]])
from examples.demo.quotes import tariff
print(json.dumps(tariff.cache_info()._asdict()))
sys.exit(code)
"""


@pytest.fixture
def ran(start_child: StartChild, isolated: Path) -> dict[str, int]:
    """``--once`` has run, its events are collected; what the function's cache says of itself."""
    child = start_child("-c", ONCE, str(isolated / "demo.sqlite"))
    code = child.wait(WAIT_SECONDS)
    printed: str = child.log_path.read_text()  # type: ignore[attr-defined]
    assert code == 0, printed
    collect(isolated / "spool", isolated / "store.sqlite")
    counted: dict[str, int] = json.loads(printed.splitlines()[-1])
    return counted


def items(table: pd.DataFrame) -> dict[tuple[str, ...], int]:
    """(Method, part where there are parts) → items."""
    keys = ["method", "part"] if "part" in table else ["method"]
    return {
        tuple(row[:-1]): int(row[-1])
        for row in table[[*keys, "items"]].itertuples(index=False, name=None)
    }


def test_what_is_told_is_what_is_there(ran: dict[str, int], isolated: Path) -> None:
    """Items put less those deleted are the rows of SqliteStore, and bytes of what was only put are
    those of the rows; the figures of the function's cache are those of its ``cache_info()``; of
    the texts that the index embedded, some were embedded before."""
    path = stores.store_database(isolated / "demo.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT prefix, length(CAST(value AS BLOB)) FROM store")
        sizes = [("/".join(prefix.split(".")[:2]), size) for prefix, size in found]
    rows, held = {}, {}
    for part in {part for part, _ in sizes}:
        rows[part] = sum(name == part for name, _ in sizes)
        held[part] = sum(size for name, size in sizes if name == part)
    assert rows.keys() == {"assistant/people", "assistant/preferences", "assistant/notes"}

    engine = open_reader(str(isolated / "store.sqlite"))
    calls = store_calls(engine, WINDOW_S)
    of = dict(zip(calls.resources["backend"], calls.resources["resource_id"], strict=True))
    assert of.keys() == {"sqlite", "memory"}
    told = calls.parts[calls.parts["resource_id"] == of["sqlite"]]
    counted = items(told)
    deleted = counted["delete", "assistant/preferences"]
    assert deleted > 0
    assert {part: counted["put", part] - counted.get(("delete", part), 0) for part in rows} == rows
    written = told[told["method"] == "put"].set_index("part")["payload_bytes"]
    for part in ("assistant/people", "assistant/notes"):
        assert written[part] == held[part]
    assert not calls.methods["errors"].any()

    (cached,) = lru_caches(engine, WINDOW_S).resources.to_dict("records")
    assert cached["label"] == "tariffs"
    assert (cached["hits"], cached["misses"]) == (ran["hits"], ran["misses"])
    assert ran["misses"] > ran["maxsize"] == ran["currsize"]

    (embedded,) = embeddings(engine, WINDOW_S).resources.to_dict("records")
    assert embedded["label"] == "trigrams"
    assert 0 < embedded["hits"] < embedded["items"]
    memory = items(calls.parts[calls.parts["resource_id"] == of["memory"]])
    texts = items(embeddings(engine, WINDOW_S).methods)
    assert texts["embed_documents",] == memory["put", "assistant/preferences"]
    engine.dispose()


def product(one: list[float], other: list[float]) -> float:
    """The inner product of two vectors."""
    return sum(left * right for left, right in zip(one, other, strict=True))


def test_vectors_are_of_length_one_and_repeat() -> None:
    """The same text has the same vector, the nearer text the greater product; none is empty."""
    mail, again, chat, other, nothing = stores.trigrams(
        ["Never wants offers by mail.", "Never wants offers by mail.",
         "Never wants offers by chat.", "Prefers short answers about VPN Desk.", ""]
    )  # fmt: skip
    assert mail == again
    for vector in (mail, chat, other, nothing):
        assert len(vector) == stores.DIMENSIONS
        assert math.isclose(math.hypot(*vector), 1.0)
    assert product(mail, chat) > product(mail, other)


def test_the_store_in_memory_takes_several_threads() -> None:
    """While others put into new namespaces, a search walks through them all and ends well."""
    store: BaseStore = stores.in_memory()
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(200):
                store.put(("people", f"{number}-{turn}"), "k", {"name": "x"})
                store.search(("people",), limit=1_000_000)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(store.search(("people",), limit=1_000_000)) == 800
